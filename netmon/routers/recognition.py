"""How a platform is recognised by sysObjectID.0 and sysDescr.0."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from netmon.routers.profile_fields import OidText, Pattern
from netmon.routers.profile_place import Placed
from netmon.snmp.oid import Oid


class Recognition(Placed):
    """One way a platform shows itself; everything given must hold."""

    sys_object_id: OidText | None = None
    """Prefix of sysObjectID.0."""
    sys_descr: str | None = Field(default=None, min_length=1)
    """Part of sysDescr.0, upper and lower case told apart."""
    sys_descr_regex: Pattern | None = None
    """Python regular expression searched in sysDescr.0."""

    @model_validator(mode="after")
    def _says_something(self) -> Recognition:
        if self.sys_object_id is None and self.sys_descr is None and self.sys_descr_regex is None:
            raise ValueError("an empty rule; give sys_object_id, sys_descr or sys_descr_regex")
        return self

    @property
    def says(self) -> tuple[Oid | None, str | None, str | None]:
        """What two rules must not share."""
        return self.sys_object_id, self.sys_descr, self.sys_descr_regex

    def specificity(self, sys_object_id: Oid, sys_descr: str) -> tuple[int, int] | None:
        """(length of the OID prefix, length of the description rules); None: does not hold."""
        prefix = self.sys_object_id or ()
        if sys_object_id[: len(prefix)] != prefix or (self.sys_descr or "") not in sys_descr:
            return None
        if self.sys_descr_regex is not None and not re.search(self.sys_descr_regex, sys_descr):
            return None
        return len(prefix), len(self.sys_descr or "") + len(self.sys_descr_regex or "")

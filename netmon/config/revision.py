"""A configuration as it joins the receipt chain: what was written, secrets left out, and its digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netmon.config.load import Configuration
from netmon.store.values import canonical, dump

_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
"""RFC 3986, section 3.2.1."""


@dataclass(frozen=True, slots=True)
class Revision:
    """`document` is canonical JSON, `digest` its SHA-256 in hexadecimal."""

    digest: str
    document: str


def revision_of(configuration: Configuration) -> Revision:
    """What the operator set, defaults left out, with the policies that agencies have. References to secrets stay,
    secrets do not: a literal one leaves only its key.
    """
    settings = configuration.settings.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    wanted = sorted({name for agency in configuration.agencies for name in agency.quotas})
    policies = [dump(configuration.policies[name]) for name in wanted]
    document = f'{{"policies":[{",".join(policies)}],"settings":{canonical(_plain(settings))}}}'
    return Revision(hashlib.sha256(document.encode("ascii")).hexdigest(), document)


def _plain(value: Any) -> Any:
    """Fractions as text, for the chain holds integers only; URLs without what may be a password."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return repr(value)
        case str():
            return _USERINFO.sub("", value)
    return value

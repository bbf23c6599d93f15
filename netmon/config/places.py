"""Where things stand in the files that a configuration was read from; they are read again for it."""

from __future__ import annotations

from netmon.config import documents
from netmon.config.documents import Locator
from netmon.config.load import Configuration
from netmon.core.model import RuleRef
from netmon.core.supply import Entitlement


def locator_of(configuration: Configuration) -> Locator:
    """Names places in the configuration's files, as they are now."""
    read = (documents.read(file)[0] for file in configuration.files)
    return Locator([document for document in read if document is not None], configuration.files[0])


def entitlement_place(locator: Locator, entitlement: Entitlement) -> RuleRef:
    """File, by its name alone, and line on which it is written."""
    loc = ("agencies", entitlement.agency, "entitlements", entitlement.position)
    place = locator.problem(loc, "")
    return RuleRef(place.file.name, place.line)

"""How large the ledger will grow under a configuration, and whether that is within its budget."""

from __future__ import annotations

from netmon.config import documents
from netmon.config.documents import Locator
from netmon.config.errors import Problem
from netmon.config.load import Configuration
from netmon.core.units import format_volume
from netmon.store.size import Size, Watched, predicted


def size_of(configuration: Configuration) -> Size:
    """The ledger's, once every retention has run its course."""
    settings = configuration.settings
    routers = [
        Watched(len(router.watched), router.poll_interval or settings.snmp.poll_interval)
        for router in settings.routers.values()
    ]
    zones = {"UTC", settings.site.timezone, *(agency.timezone for agency in configuration.agencies)}
    return predicted(
        routers,
        len(zones),
        len(configuration.agencies),
        len(configuration.circuits),
        settings.ledger.retention,
        on_server=settings.ledger.url is not None,
    )


def described(size: Size) -> str:
    """`103 GB (17.2 GB raw, ...)`."""
    parts = (
        ("raw", size.raw),
        ("on the 300 s grid", size.grid),
        ("daily", size.daily),
        ("closed periods", size.closed),
    )
    listed = ", ".join(f"{_rounded(octets)} {what}" for what, octets in parts)
    return f"{_rounded(size.total)} ({listed})"


def check_size(configuration: Configuration) -> tuple[Problem, ...]:
    """The budget, where it will not do."""
    size, budget = size_of(configuration), configuration.settings.ledger.budget
    if size.total <= budget:
        return ()
    read = (documents.read(file)[0] for file in configuration.files)
    locator = Locator([document for document in read if document is not None], configuration.files[0])
    message = (
        f"the ledger will grow to {described(size)}, above {format_volume(budget)}; poll less often, shorten"
        " ledger.retention, or raise ledger.budget"
    )
    return (locator.problem(("ledger", "budget"), message),)


def _rounded(octets: int) -> str:
    """To three digits."""
    unit = 10 ** max(0, len(str(octets)) - 3)
    return format_volume(octets // unit * unit)

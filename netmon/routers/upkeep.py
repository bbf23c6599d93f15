"""What is done on a router beside changes: limits' ends renewed, all of netmon's listed and taken off, a first look.

None of it needs an undo: an end renewed twice is one end, and a limit taken off hurts nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from netmon.core.model import Direction, Placement
from netmon.routers.adopting import objection_to
from netmon.routers.change import said, save
from netmon.routers.dialects import ARM_ID, Dialect, DialectError, Verb
from netmon.routers.port import RELEASED, Box, RefusedError, Target, Wanted
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import OBJECT, Foreign, Limit, Ours, Owner, PortState, Survey
from netmon.routers.session import Failure, Session, SessionError, SessionLostError
from netmon.routers.shared_port import open_port

BOTH_WAYS = "both"
"""What `wipe` is told of a thing that holds both ways of a port, or belongs to neither."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whether the router ends the limit later now."""

    renewed: bool
    detail: str
    reason: Failure | None = None
    """None when renewed."""
    seconds_left: int | None = None
    """As the router tells it; None: it does not."""
    read_bps: int | None = None
    """The limit last read; means nothing unless `known`."""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Belongings:
    """All that bears netmon's mark on one router."""

    ours: tuple[Ours, ...] = ()
    owner: Owner | None = None
    failure: Failure | None = None
    """Set when it could not be read; the other fields then mean nothing."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Wiped:
    """Whether one thing of netmon's is gone."""

    gone: bool
    detail: str
    reason: Failure | None = None
    """None when gone."""
    left: tuple[Ours, ...] = ()
    """What else of netmon's was seen there afterwards; means nothing unless gone."""
    saved: bool = True
    """Whether it stays gone when the router is loaded again, if it is gone."""


@dataclass(frozen=True, slots=True)
class SurveyedPort:
    """What stands in the way of a limit at one port."""

    circuit: str
    interface: str
    reason: Failure | None
    """Why a change would be refused now; None: it would not."""
    detail: str
    ingress: Limit | None = None
    """None where the port could not be read."""
    egress: Limit | None = None
    foreigners: tuple[Foreign, ...] = ()
    warnings: tuple[str, ...] = ()
    objections: tuple[str | None, ...] = ()
    """Why each of `foreigners` cannot be set aside; None: it can."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A router before it is first touched."""

    survey: Survey | None = None
    owner: Owner | None = None
    others: str | None = None
    ours: tuple[Ours, ...] = ()
    ports: tuple[SurveyedPort, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be told, one sentence each."""
    failure: Failure | None = None
    """Set when the router could not be surveyed at all."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the router bears our marker now."""

    taken: bool
    detail: str
    before: Owner | None = None
    """Whose it was; None: nobody's, or it could not be read."""
    reason: Failure | None = None
    """None when taken."""


def renew(
    target: Target,
    direction: Direction,
    bps: int,
    placement: Placement | None,
    expires_s: int,
    token: str,
    session: Session,
    dialect: Dialect,
) -> Renewal:
    """Puts off the end of a limit that is as expected; alters nothing else, and nothing where it is not.

    Raises SessionError, RefusedError, DialectError; ValueError for a token that could be more than one.
    """
    if not ARM_ID.match(token) or expires_s <= 0:
        raise ValueError(f"a limit's end cannot be named {token!r} or lie {expires_s} s ahead")
    port, way, wanted = open_port(target, session, dialect), target.way(direction), Wanted(bps, placement)
    if not dialect.settings.expiry:
        raise RefusedError(Failure.UNGUARDED, f"{dialect.platform} cannot end a limit by itself")
    port.check_identity()
    port.check_owner()
    port.check_others()
    before = port.state()
    for_whom = before.limit(way)
    if for_whom.foreign is not None:
        raise RefusedError(Failure.FOREIGN_SHAPER, f"{for_whom.foreign} was not made by netmon")
    if not port.in_place(wanted, for_whom):
        return _otherwise(wanted, for_whom)
    port.configure(port.to_expire(way, expires_s, token, port.to_end(way, wanted, before)))
    left = port.expiry(way)
    after = port.state().limit(way)
    if not port.in_place(wanted, after):  # the old end came while it was being put off
        return _otherwise(wanted, after)
    if not left.present:
        detail = "the router does not keep the limit's end"
        return Renewal(False, detail, Failure.EXPIRY_MISSING, read_bps=after.bps, known=True)
    return Renewal(True, f"ends in {expires_s} s{save(port)}", None, left.seconds_left, after.bps, known=True)


def _otherwise(wanted: Wanted, read: Limit) -> Renewal:
    detail = f"expected {said(wanted.bps, wanted.placement)}, read back {said(read.bps, read.placement)}"
    return Renewal(False, detail, Failure.READ_BACK_MISMATCH, read_bps=read.bps, known=True)


def list_ours(session: Session, dialect: Dialect) -> Belongings:
    """Everything of netmon's on the router. Raises SessionError, DialectError."""
    box = Box(session, dialect)
    return Belongings(box.ours(), box.owner())


def take_over(owner: Owner, session: Session, dialect: Dialect) -> Taken:
    """Writes our marker in place of whatever other; limits stay as they are. Raises SessionError, DialectError."""
    box = Box(session, dialect)
    before = box.owner()
    box.configure(box.commands(Verb.OWN, owner=owner.name, revision=owner.revision))
    after = box.owner()
    if after != owner:
        told = "none" if after is None else after.marker
        return Taken(False, f"the marker read back is {told}", before, Failure.READ_BACK_MISMATCH)
    return Taken(True, f"the marker is {owner.marker}{_saved(box)}", before)


def wipe(thing: Ours, session: Session, dialect: Dialect) -> Wiped:
    """Takes one thing of netmon's off, whoever's netmon made it. Nothing is sent unless the router shows it as such.

    With the last of them goes the marker. Raises SessionError, DialectError, UnsafeValueError.
    """
    box = Box(session, dialect)
    if not OBJECT.match(thing.object):
        raise RefusedError(Failure.FOREIGN_SHAPER, f"{thing.object!r} is not what netmon calls its objects")
    there = box.ours()
    if not any(_same(thing, one) for one in there):
        return Wiped(True, f"{thing.object} is not there", None, there)
    commands = box.commands(
        Verb.WIPE,
        object=thing.object,
        interface=thing.interface,
        way=BOTH_WAYS if thing.way is None else thing.way.value,
    )
    if all(_same(thing, one) for one in there):
        commands += box.commands(Verb.OWN, owner=RELEASED.name, revision=RELEASED.revision)
    box.configure(commands)
    left = box.ours()
    if any(_same(thing, one) for one in left):
        return Wiped(False, f"{thing.object} is still there", Failure.READ_BACK_MISMATCH, left)
    unsaved = _saved(box)
    return Wiped(True, f"{thing.object} was taken off{unsaved}", None, left, saved=not unsaved)


def _same(one: Ours, other: Ours) -> bool:
    """Its rate may have changed since it was listed."""
    return (one.object, one.interface, one.way) == (other.object, other.interface, other.way)


def _saved(box: Box) -> str:
    """The thing is gone whatever happens here."""
    try:
        return save(box)
    except SessionError as error:
        return f", but not saved: {error}"


@contextmanager
def _telling(problems: list[str], what: str) -> Iterator[None]:
    """What one question comes to nothing by, told; a session that is lost ends all of them."""
    try:
        yield
    except SessionLostError:
        raise
    except (SessionError, DialectError, UnsafeValueError) as error:
        problems.append(f"it cannot be told {what}: {error}")


def _surveyed(target: Target, session: Session, dialect: Dialect) -> SurveyedPort:
    def found(reason: Failure | None, detail: str, state: PortState | None = None) -> SurveyedPort:
        port = SurveyedPort(target.circuit, target.interface, reason, detail)
        if state is None:
            return port
        return replace(
            port,
            ingress=state.ingress,
            egress=state.egress,
            foreigners=state.foreigners,
            warnings=state.warnings,
            objections=tuple(objection_to(one, target, dialect) for one in state.foreigners),
        )

    state: PortState | None = None
    try:
        port = open_port(target, session, dialect)
        port.check_identity()
        state = port.state()
        port.check_not_management()
        port.check_owner()
    except SessionLostError:
        raise
    except (RefusedError, SessionError) as error:
        return found(error.reason, str(error), state)
    except (DialectError, UnsafeValueError) as error:
        return found(Failure.DIALECT, str(error), state)
    foreign = state.ingress.foreign or state.egress.foreign
    if foreign is not None:
        return found(Failure.FOREIGN_SHAPER, f"{foreign} was not made by netmon", state)
    if (nesting := port.nesting(state)) is not None:
        return found(Failure.HIERARCHY, nesting, state)
    return found(None, "ready", state)


def survey_router(targets: tuple[Target, ...], session: Session, dialect: Dialect) -> Surveyed:
    """Everything that preflight tells of a router and its circuits' ports; alters nothing.

    Raises SessionLostError and what opening the router's dialect raises; what single questions raise is told.
    """
    box, problems = Box(session, dialect), list[str]()
    survey: Survey | None = None
    owner: Owner | None = None
    others: str | None = None
    ours: tuple[Ours, ...] = ()
    with _telling(problems, "what kind of router it is"):
        survey = box.survey()
    with _telling(problems, "whose limits are on it"):
        owner = box.owner()
    with _telling(problems, "whether somebody is configuring it"):
        others = box.others()
    with _telling(problems, "what of netmon's is on it"):
        ours = box.ours()
    ports = tuple(_surveyed(target, session, dialect) for target in targets)
    return Surveyed(survey, owner, others, ours, ports, tuple(problems))

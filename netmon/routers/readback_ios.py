"""Reads the answers of IOS and IOS-XE.

Ours are the policy-maps `NM-<hash>-<SLUG>-IN` and `-OUT`, the applets `NM-EXPIRE-...` that end a limit, and the alias
`netmon-owner`. (unverified on a real router: written from Cisco's command references.)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_cisco_policy import rate_of
from netmon.routers.readback_ios_config import (
    POLICY,
    SUFFIX,
    applied,
    attached,
    foreigners,
    interfaces,
    nested,
    policy_maps,
    same_port,
    sections,
)
from netmon.routers.readback_ios_ports import address_in, arrival, carriers, ports_of_users
from netmon.routers.readbacks import (
    UNBOUND,
    Answers,
    Expiry,
    Foreign,
    Limit,
    Ours,
    Owner,
    PortIdentity,
    PortState,
    Survey,
    answer,
    blamed,
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError

APPLET: Final = "NM-EXPIRE-"
"""Before the policy-map's name: the applet that takes it off."""
UNSYNCHRONISED: Final = "the clock is not synchronised; set ntp server"
_MAC = re.compile(r"\baddress is ([0-9a-f]{4})\.([0-9a-f]{4})\.([0-9a-f]{4})\b", re.IGNORECASE)
_DESCRIPTION = re.compile(r"^\s*Description: (.*?)\s*$", re.MULTILINE)
_SHAPED = re.compile(r"^\s*(?:target shape rate (\d+)\b|(\d+)/\d+\s+\d+\s)", re.MULTILINE)
_POLICED = re.compile(r"^\s*police ?:\s*(?:cir \d+ ?%\s*)?(?:cir |rate )?(\d+) bps\b", re.MULTILINE)
_ATTACHED = re.compile(r"^\s*Service-policy (input|output)\s*: (\S+)", re.MULTILINE | re.IGNORECASE)
_CLOCK = re.compile(r"(?P<time>\d\d:\d\d:\d\d)(?:\.\d+)? (?P<zone>\S+) \w{3} (?P<date>\w{3} +\d+ \d{4})")
_REGISTERED = re.compile(
    # Many releases leave no blank before a day of two digits: Thu Nov20.
    r"^\d+\s+applet\s.*?\s\w{3} (?P<month>[A-Z][a-z]{2}) *(?P<day>\d+) (?P<time>\d\d:\d\d:\d\d \d{4})"
    r"\s+(?P<name>\S+)\s*$"
)
_END = re.compile(r"^end\s*$", re.MULTILINE)
_LOCKED = re.compile(r"^\s*State\s*:\s*LOCKED", re.MULTILINE)
_HOLDER = re.compile(r"^\s*(?:User|TTY username)\s*: *(\S+)", re.MULTILINE)
_SESSION_LOCK = re.compile(
    r"^Config Session Lock[^\S\n]*\n(?:(?!Parser|Config Session)[^\n]*\n)*?[^\S\n]*Owner PID[^\S\n]*: *\d", re.MULTILINE
)
_CHANGE = re.compile(r"^( *)([+-]?)(\S.*)")
_SHOWN_OF_USERS: Final = 10
_OWN_DOING = ("ntp clock-period", "crypto pki certificate chain")
"""Lines that the router itself alters, or never shows the same in both configurations."""


class IosReadback:
    """One policy-map per circuit and way."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        """The short name, which is ifName, is only told by the table of descriptions."""
        text, table = answer(answers, 0), answer(answers, 1)
        rows = [row.split() for row in table.splitlines() if row.strip() and not row.startswith("Interface ")]
        if len(rows) != 1 or len(rows[0]) < 3:
            return None
        mac, description = _MAC.search(text), _DESCRIPTION.search(text)
        octets = "" if mac is None else "".join(mac.groups()).lower()
        return PortIdentity(
            rows[0][0],
            "" if description is None else description[1],
            ":".join(octets[at : at + 2] for at in range(0, len(octets), 2)),
        )

    def peer(self, answers: Answers) -> str | None:
        """Raises AnswerUnreadableError where the router shows a host's name instead of its address."""
        location = ports_of_users(answer(answers, 0))
        if location is None:
            return None
        if (found := address_in(location)) is None:
            raise AnswerUnreadableError(
                f"the router shows our session as coming from {location!r}; set `no ip domain lookup` there, or take"
                " that host's name out, so that it shows the address"
            )
        return found

    def management(self, answers: Answers) -> frozenset[str]:
        """Users; then configuration, TCP connections, addresses and the way back to the peer."""
        location = ports_of_users(answer(answers, 0))
        peer = None if location is None else address_in(location)
        if peer is None or len(answers) < 2:
            return frozenset()
        ports = interfaces(answer(answers, 1))
        own = arrival(peer, answer(answers, 2), answer(answers, 3))
        return carriers(ports, own, answer(answers, 4), is_ipv6=":" in peer)

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        policies, ports = policy_maps(answer(read, 0)), interfaces(answer(read, 1))
        if len(ports) != 1 or not _END.search(answer(read, 1)):
            raise AnswerUnreadableError(f"the router does not show the whole configuration of {interface}")
        working = _working(answer(read, 2))
        ours = {way: names.object + suffix for way, suffix in SUFFIX.items()}
        attached_ways = applied(next(iter(ports.values())), policies, ours)
        near = interfaces(answer(foreign, 0)) if foreign else {}
        others = foreigners(interface, near, ours)
        limits, warnings = {}, []
        for way, policy in ours.items():
            is_attached = way in attached_ways
            rate, altered = rate_of(policies.get(policy))
            others += (Foreign("policy-map", altered, way, ""),) if altered else ()
            if is_attached and policy not in working:
                warnings.append(f"{policy} is attached and the router does not show it at work")
            elif is_attached:
                rate = working[policy] or rate
            in_force = rate if is_attached and policy in working else None
            limits[way] = Limit(in_force, is_attached or policy in policies, blamed(others, way))
        around = nested(interface, near)
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], tuple(warnings), others, nested=around)

    def armed(self, answers: Answers, arm: str) -> Armed:
        """The timer bears no name, so one that fired leaves no trace: then the old state is read."""
        return Armed.ARMED if "Timer value" in "".join(answers) else Armed.UNARMED

    def owner(self, answers: Answers) -> Owner | None:
        return owner_in(answer(answers, 0))

    def others(self, answers: Answers) -> str | None:
        """The configuration lock, somebody else's revert timer, and changes that were never saved."""
        users, lock, timer = answer(answers, 0), answer(answers, 1), answer(answers, 2)
        if _LOCKED.search(lock) or _SESSION_LOCK.search(lock):
            holder = _HOLDER.search(lock)
            return f"{holder[1] if holder else 'somebody'} holds the router's configuration lock"
        own = re.search(r"^\*\s*\d+ +\S+ +\S+ +(\S+) ", users, re.MULTILINE)
        armed_by = re.search(r"^\s*User *: *([^\s(]+)", timer, re.MULTILINE)
        if armed_by is not None and (own is None or not _is_same_user(armed_by[1], own[1])):
            return f"{armed_by[1]} has a change waiting for `configure confirm`"
        unsaved = [path for path in _changes(answer(answers, 3)) if not _is_ours(path)]
        if not unsaved:
            return None
        more = f" and {len(unsaved) - 1} more" if len(unsaved) > 1 else ""
        return (
            f"the running configuration has changes that were never saved ({': '.join(unsaved[0])}{more}); save them or"
            " take them back"
        )

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        clock, applet = _CLOCK.search(answer(answers, 0)), APPLET + names.object + SUFFIX[way]
        lines = answer(answers, 1).splitlines()
        for number, line in enumerate(lines):
            registered = _REGISTERED.match(line)
            if registered is None or registered["name"] != applet:
                continue
            lasts = next((m for later in lines[number + 1 :] if (m := re.match(r"\s*time (\d+)", later))), None)
            if clock is None or lasts is None:
                return Expiry(present=True)
            now = datetime.strptime(f"{clock['time']} {clock['date']}", "%H:%M:%S %b %d %Y")  # noqa: DTZ007 - both local
            then = f"{registered['month']} {registered['day']} {registered['time']}"
            since = datetime.strptime(then, "%b %d %H:%M:%S %Y")  # noqa: DTZ007
            return Expiry(True, max(0, int(lasts[1]) - int((now - since).total_seconds())))
        return Expiry(present=False)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        short = [row.split()[0] for row in answer(answers, 3).splitlines()[1:] if row.strip()]
        where = {
            policy: next((name for name in short if same_port(name, port)), port)
            for policy, port in attached(interfaces(answer(answers, 1))).items()
        }
        named = {name: rate_of(one)[0] for name, one in policy_maps(answer(answers, 0)).items()}
        applets = re.findall(rf"^event manager applet {APPLET}(\S+)", answer(answers, 2), re.MULTILINE)
        named |= {name: None for name in (*where, *applets) if name not in named}
        return tuple(
            Ours(match[1], where.get(name, UNBOUND), Way.INGRESS if match[2] == "IN" else Way.EGRESS, rate)
            for name, rate in sorted(named.items())
            if (match := POLICY.match(name))
        )

    def survey(self, answers: Answers) -> Survey:
        """Version, clock, privilege level, the archive, and lines that matter to applets and to the clock."""
        level = re.search(r"level is (\d+)", answer(answers, 2))
        settings = answer(answers, 4)
        clock_ns, warnings = clock_ns_of(answer(answers, 1), settings), []
        if answer(answers, 1).strip()[:1] in {"*", "."}:
            warnings.append(UNSYNCHRONISED)
        if not any(one.line == "archive" and one.value("path") for one in sections(answer(answers, 3))):
            warnings.append(
                "archive has no path, so the router cannot undo a change by itself: set `archive`, `path flash:archive`"
            )
        if "aaa authorization commands" in settings and "event manager session cli username" not in settings:
            warnings.append(
                "commands are authorised by AAA and applets have no user, so a limit's end may be refused: set"
                " `event manager session cli username`"
            )
        if re.search(r"^no ip cef\b", settings, re.MULTILINE):
            warnings.append("CEF is off, so the way back to this session cannot be told: set `ip cef`")
        return Survey(
            version_in(answer(answers, 0)),
            clock_ns,
            None if level is None else level[1] == "15",
            tuple(warnings),
        )


def _is_same_user(name: str, shown: str) -> bool:
    """Some releases show users by ten characters of their names."""
    return name == shown or (len(shown) == _SHOWN_OF_USERS and name.startswith(shown))


def _working(text: str) -> dict[str, int | None]:
    """Policy-map -> the rate the router says it works at; None where it tells no rate, as switches do."""
    found: dict[str, int | None] = {}
    starts = list(_ATTACHED.finditer(text))
    for start, after in zip(starts, [*starts[1:], None], strict=False):
        part = text[start.end() : None if after is None else after.start()]
        # What enters cannot be shaped: such lines belong to another.
        told = (_SHAPED.search(part) if start[1].lower() == "output" else None) or _POLICED.search(part)
        rate = None if told is None else next(filter(None, told.groups()))
        found[start[2]] = None if rate is None else int(rate)
    return found


def _changes(text: str) -> list[tuple[str, ...]]:
    """The changed lines of `show archive config differences`, each below those it belongs to."""
    found, above = [], list[tuple[int, str]]()
    for line in text.replace("\r", "").split("\n"):
        match = _CHANGE.match(line.rstrip())
        if match is None or match[3].startswith("!") or match[3] == "end":
            continue
        depth, sign, words = len(match[1]), match[2], match[3]
        above = [(at, one) for at, one in above if at < depth]
        if sign:
            found.append((*(one for _, one in above), words))
        above.append((depth, words))
    return found


def _is_ours(path: tuple[str, ...]) -> bool:
    """Whether the line is netmon's, or the router's own doing."""
    first, last = path[0], path[-1].removeprefix("no ")
    policy = last.rpartition(" ")[2]
    return first.startswith(
        ("policy-map NM-", f"event manager applet {APPLET}", "alias exec netmon-owner ", *_OWN_DOING)
    ) or (last.startswith("service-policy ") and POLICY.match(policy) is not None)


def version_in(text: str) -> str:
    """Of `show version`; "" where it is not told."""
    found = re.search(r"Version ([^\s,]+)", text)
    return "" if found is None else found[1]


def clock_ns_of(text: str, settings: str) -> int | None:
    """The router's clock, ns since 1970; None where its zone is not told in hours."""
    clock = _CLOCK.search(text)
    if clock is None:
        return None
    zone = re.search(r"^clock timezone (\S+) (-?\d+)(?: (\d+))?", settings, re.MULTILINE)
    minutes = 0
    if zone is not None and zone[1] == clock["zone"]:
        hours = int(zone[2])
        minutes = hours * 60 + int(zone[3] or 0) * (-1 if hours < 0 else 1)
    elif clock["zone"] not in {"UTC", "GMT"}:
        return None
    local = datetime.strptime(f"{clock['time']} {clock['date']}", "%H:%M:%S %b %d %Y").replace(tzinfo=UTC)
    return (int(local.timestamp()) - minutes * 60) * 10**9

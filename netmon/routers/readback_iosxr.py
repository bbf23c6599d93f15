"""Reads the answers of IOS XR.

Ours are the policy-maps `NM-<hash>-<SLUG>-IN` and `-OUT`, and the access list `netmon-owner`, which holds a remark.
(unverified on a real router: written from Cisco's command references.)
"""

from __future__ import annotations

import re
from typing import Final

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_cisco_policy import rate_of
from netmon.routers.readback_ios import UNSYNCHRONISED, IosReadback, clock_ns_of, version_in
from netmon.routers.readback_ios_config import (
    POLICY,
    SUFFIX,
    Section,
    applied,
    attached,
    foreigners,
    interfaces,
    nested,
    policy_maps,
)
from netmon.routers.readbacks import (
    UNBOUND,
    Answers,
    Expiry,
    Foreign,
    Limit,
    Ours,
    PortIdentity,
    PortState,
    Survey,
    answer,
    blamed,
)
from netmon.routers.session import AnswerUnreadableError

_PORT = re.compile(r"^(\S+) is (?:administratively )?(?:up|down)", re.MULTILINE)
_CLOSED = re.compile(r"^(?:!|% No such configuration item.*)\s*\Z", re.MULTILINE)
"""How what was asked for of the configuration ends."""
_TASKS: Final = ("qos", "interface", "config-services", "acl")
"""A login that alters limits must be allowed to write these."""
_SESSION = re.compile(r"^\s*\d+\) +Session:", re.MULTILINE)
_FIELD = re.compile(r"\b(Line|Lock|User|Client): +(\S+)")


class IosXrReadback(IosReadback):
    """One policy-map per circuit and way, committed on trial."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        text = answer(answers, 0)
        name = _PORT.search(text)
        if name is None:
            return None
        # The long name, which the router prints first, is ifName here.
        return super().identity((text, f"{name[1]} up up"))

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        """A commit is refused whole where the hardware cannot hold a policy, so the configuration is what works."""
        if broken := [text for text in read[:3] if not _CLOSED.search(text)]:
            raise AnswerUnreadableError(f"the router's configuration breaks off: {broken[0].strip()[-80:]!r}")
        policies = {**policy_maps(answer(read, 0)), **policy_maps(answer(read, 1))}
        own = next(iter(interfaces(answer(read, 2)).values()), Section(""))
        ours = {way: names.object + suffix for way, suffix in SUFFIX.items()}
        attached_ways = applied(own, policies, ours)
        near = interfaces(answer(foreign, 0)) if foreign else {}
        others = foreigners(interface, near, ours)
        limits = {}
        for way, policy in ours.items():
            rate, altered = rate_of(policies.get(policy))
            others += (Foreign("policy-map", altered, way, ""),) if altered else ()
            limits[way] = Limit(rate if way in attached_ways else None, policy in policies, blamed(others, way))
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], (), others, nested=nested(interface, near))

    def armed(self, answers: Answers, arm: str) -> Armed:
        """A commit on trial bears no name; one that was rolled back is told by the old state."""
        return Armed.ARMED if re.search(r"Client: +commit-confirm", answer(answers, 0)) else Armed.UNARMED

    def others(self, answers: Answers) -> str | None:
        """Sessions of others, and whatever lock or trial is not of our own login."""
        own = re.search(r"^\*\s+\S+\s+(\S+)", answer(answers, 0), re.MULTILINE)
        if own is None:
            raise AnswerUnreadableError("the router does not tell which of its users we are")
        for text in _SESSION.split(answer(answers, 1))[1:]:
            seen = dict(_FIELD.findall(text))
            user = seen.get("User", "somebody")
            if seen.get("Lock") not in {"None", None}:
                return f"{user} on {seen.get('Line')} holds the configuration lock"
            if user != own[1] and seen.get("Client") == "commit-confirm":
                return f"{user} has a commit that waits to be confirmed"
            if user != own[1]:
                return f"{user} on {seen.get('Line')} has a configuration session open"
        return None

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        return Expiry(present=False)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        where = attached(interfaces(answer(answers, 1)))
        rates = {name: rate_of(one)[0] for name, one in policy_maps(answer(answers, 0)).items()}
        return tuple(
            Ours(match[1], where.get(name, UNBOUND), Way.INGRESS if match[2] == "IN" else Way.EGRESS, rates.get(name))
            for name in sorted({*rates, *where})
            if (match := POLICY.match(name))
        )

    def survey(self, answers: Answers) -> Survey:
        """Version, clock, the login's tasks and the clock's zone."""
        clock = answer(answers, 1).strip()
        tasks = dict(re.findall(r"^Task:\s+(\S+)\s*:\s*(.*?)\s*$", answer(answers, 2), re.MULTILINE))
        lacking = [task for task in _TASKS if "WRITE" not in tasks.get(task, "")]
        warnings = [UNSYNCHRONISED] if clock[:1] in {"*", "."} else []
        if tasks and lacking:
            warnings.append(f"the login may not write {', '.join(lacking)}; give it these tasks")
        clock_ns = clock_ns_of(clock, answer(answers, 3))
        return Survey(version_in(answer(answers, 0)), clock_ns, not lacking if tasks else None, tuple(warnings))

"""Reads the answers of IOS XR.

Ours are the policy-maps `NM-<hash>-<SLUG>-IN` and `-OUT`, and the access list `netmon-owner`, which holds a remark.
(unverified on a real router: written from Cisco's command references.)
"""

from __future__ import annotations

import re
from typing import Final

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_ios import UNBOUND, UNSYNCHRONISED, IosReadback, clock_ns_of, version_in
from netmon.routers.readback_ios_config import (
    POLICY,
    SUFFIX,
    WAYS,
    Section,
    attached,
    foreigners,
    interfaces,
    sections,
)
from netmon.routers.readbacks import (
    Answers,
    Expiry,
    Foreign,
    Limit,
    Ours,
    PortIdentity,
    PortState,
    Survey,
    answer,
)
from netmon.routers.session import AnswerUnreadableError

_PORT = re.compile(r"^(\S+) is (?:administratively )?(?:up|down)", re.MULTILINE)
_RATE = re.compile(r"(?:shape average|police rate) (\d+)(?: ([kmg]?)bps)?(?: |\Z)")
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
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
        policies = {one.line.split()[-1]: one for text in read[:2] for one in sections(text) if _is_policy(one)}
        own = next(iter(interfaces(answer(read, 2)).values()), Section(""))
        ours = {way: names.object + suffix for way, suffix in SUFFIX.items()}
        others = foreigners(interface, interfaces(answer(foreign, 0)), ours) if foreign else ()
        limits = {}
        for word, way in WAYS.items():
            policy = ours[way]
            is_attached = own.value(f"service-policy {word}") == policy
            rate, altered = _rate(policies.get(policy))
            others += (Foreign("policy-map", altered, way, ""),) if altered else ()
            blame = next((f"{one.kind} {one.name}" for one in others if one.way in (way, None)), None)
            limits[way] = Limit(rate if is_attached else None, is_attached or policy in policies, blame)
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], (), others)

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
        rates = {one.line.split()[-1]: _rate(one)[0] for one in sections(answer(answers, 0)) if _is_policy(one)}
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


def _is_policy(section: Section) -> bool:
    return section.line.startswith("policy-map ")


def _rate(policy: Section | None) -> tuple[int | None, str]:
    """What our policy-map is set to, bit/s, and how somebody altered it; "" if nobody did."""
    if policy is None:
        return None, ""
    name, classes = policy.line.split()[-1], [one for one in policy.below if one.line.startswith("class ")]
    strange = next((one.line for one in classes if one.line != "class class-default"), None)
    rates = [one.line for each in classes for one in each.below]
    strange = strange or next((line for line in rates if not _RATE.match(line)), None)
    if strange is not None:
        return None, f"{name}: {strange}"
    found = next((match for line in rates if (match := _RATE.match(line))), None)
    return (None if found is None else int(found[1]) * _UNITS[found[2] or ""]), ""

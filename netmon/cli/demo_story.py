"""What the demo is there to show, step by step, as found in what netmon says of itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from netmon.core.changes import Outcome, Proof, Receipt
from netmon.core.model import NANOSECONDS, Direction, Verdict
from netmon.core.units import format_rate, format_volume
from netmon.store.values import ReceiptLink

NEAR_THE_LIMIT: Final = 1.3
"""A rate is held by its limit up to this multiple of it: shapers let bursts through."""


@dataclass(frozen=True, slots=True)
class Line:
    """One agency in one direction, now."""

    agency: str
    name: str
    circuit: str
    direction: Direction
    used_bytes: int
    """In the running period."""
    quota_bytes: int
    rate_bps: int | None
    """Over the last few seconds; None: not known yet."""
    limit_bps: int | None
    """In force, as read back."""

    @property
    def used_ratio(self) -> float:
        return self.used_bytes / self.quota_bytes


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything seen at one instant: the ledger, and the alerts somebody received over MQTT."""

    now_ns: int
    routers: int
    answering: int
    """Routers with a committed visit."""
    lines: tuple[Line, ...]
    verdicts: Mapping[tuple[str, Direction], Verdict]
    receipts: Sequence[ReceiptLink]
    """Newest first."""
    events: Sequence[tuple[str, Mapping[str, Any]]]
    """Topic and CloudEvent."""
    platforms: Mapping[str, str]
    """By router."""


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    deadline_s: int
    """Since the start; later is a failure. A slow machine needs several times less."""


STEPS: Final = (
    Step("polled", 60),
    Step("over quota", 150),
    Step("planned", 155),
    Step("pushed", 180),
    Step("receipt", 180),
    Step("alert", 180),
    Step("slowed", 240),
    Step("lifted", 300),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A step that happened."""

    step: Step
    at_ns: int
    sentence: str


class Story:
    """Tells each step once, in order; a step is looked for only after the one before it."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self.told: list[Told] = []
        self._who: Line | None = None
        self._limited: ReceiptLink | None = None
        self._finders: Sequence[Callable[[Sight], str | None]] = (
            self._polled,
            self._over_quota,
            self._planned,
            self._pushed,
            self._receipt,
            self._alert,
            self._slowed,
            self._lifted,
        )

    @property
    def complete(self) -> bool:
        return len(self.told) == len(STEPS)

    @property
    def seconds(self) -> int:
        """From the start to the last step so far."""
        return (self.told[-1].at_ns - self._began_ns) // NANOSECONDS if self.told else 0

    @property
    def subject(self) -> tuple[str, Direction] | None:
        """Whom the story is about: the first to be slowed."""
        return None if self._who is None else (self._who.agency, self._who.direction)

    def look(self, sight: Sight) -> list[Told]:
        """The steps that happened since the last look."""
        before = len(self.told)
        while not self.complete:
            sentence = self._finders[len(self.told)](sight)
            if sentence is None:
                break
            self.told.append(Told(STEPS[len(self.told)], sight.now_ns, sentence))
        return self.told[before:]

    def overdue(self, now_ns: int) -> Step | None:
        """The step that should have happened by now."""
        if self.complete:
            return None
        step = STEPS[len(self.told)]
        return step if now_ns - self._began_ns > step.deadline_s * NANOSECONDS else None

    # --- the steps -----------------------------------------------------------------------------

    def _polled(self, sight: Sight) -> str | None:
        if sight.answering < sight.routers:
            return None
        agencies = len({line.agency for line in sight.lines})
        return f"{agencies} agencies on {sight.routers} routers answer over SNMP"

    def _over_quota(self, sight: Sight) -> str | None:
        for line in sight.lines:
            verdict = sight.verdicts.get((line.agency, line.direction))
            if verdict is None or verdict.limit is None:
                continue
            self._who = line
            used, quota = verdict.evidence["proven_bytes"], verdict.evidence["quota_bytes"]
            return f"{line.name} has used {format_volume(used)} of {format_volume(quota)} ({line.direction})"
        return None

    def _planned(self, sight: Sight) -> str | None:
        who = self._subject()
        verdict = sight.verdicts.get((who.agency, who.direction))
        if verdict is None or verdict.limit is None or verdict.rule is None:
            return None
        limit = format_rate(verdict.limit.ceiling_bps)
        return f"{who.circuit} to {limit}, by {verdict.rule.file} line {verdict.rule.line}"

    def _pushed(self, sight: Sight) -> str | None:
        self._limited = next((link for link in sight.receipts if self._sets_a_limit(link)), None)
        if self._limited is None:
            return None
        receipt = self._limited.receipt
        platform = sight.platforms.get(receipt.change.router, "router")
        seconds = receipt.duration_ns / NANOSECONDS
        read = "read back" if receipt.proof is not Proof.CONFIGURED else "configured"
        return f"{receipt.change.router} ({platform}), SSH, {seconds:.1f} s; {read}: {_to(receipt)}"

    def _sets_a_limit(self, link: ReceiptLink) -> bool:
        receipt, who = link.receipt, self._subject()
        return (
            (receipt.change.agency, receipt.change.direction) == (who.agency, who.direction)
            and receipt.change.to_bps is not None
            and receipt.outcome is Outcome.CONFIRMED
        )

    def _receipt(self, sight: Sight) -> str | None:
        link = self._limited
        return None if link is None else f"{link.receipt.id}, hash {link.hash[:16]}..."

    def _alert(self, sight: Sight) -> str | None:
        who = self._subject()
        for topic, event in sight.events:
            data = event.get("data", {})
            if (data.get("agency"), data.get("kind"), data.get("reason")) == (who.agency, "quota", "over_quota"):
                return f"received: {'/'.join(topic.split('/')[3:])}, id {event['id'][:16]}..."
        return None

    def _slowed(self, sight: Sight) -> str | None:
        who = self._subject()
        for line in sight.lines:
            if (line.agency, line.direction) != (who.agency, who.direction):
                continue
            if line.limit_bps is None or line.rate_bps is None or line.rate_bps > line.limit_bps * NEAR_THE_LIMIT:
                return None
            return f"{line.circuit} now counts {format_rate(line.rate_bps)}"
        return None

    def _lifted(self, sight: Sight) -> str | None:
        who, since_ns = self._subject(), self.told[-1].at_ns
        for link in sight.receipts:
            receipt = link.receipt
            if (
                (receipt.change.agency, receipt.change.direction) == (who.agency, who.direction)
                and receipt.change.to_bps is None
                and receipt.outcome is Outcome.CONFIRMED
                and receipt.at_ns > since_ns
            ):
                return f"a new period began; {receipt.change.circuit} read back: {_to(receipt)}"
        return None

    def _subject(self) -> Line:
        if self._who is None:
            raise ValueError("nobody is over quota yet")
        return self._who


def _to(receipt: Receipt) -> str:
    return "no limit" if receipt.change.to_bps is None else format_rate(receipt.change.to_bps)

"""An agency's request for more: recorded, approved by one or two named persons or refused by one, or it expires.

An approved request becomes a boost. Who asked, and on whose behalf, cannot approve; nor can one person approve twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from netmon.core.directives import Directive, DirectiveKind
from netmon.core.supply import Rates


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class Objection(StrEnum):
    """Why a word on a request does not count."""

    NOT_PENDING = "not_pending"
    """It was approved or refused already, or has expired."""
    OWN_REQUEST = "own_request"
    """Who asks does not approve."""
    APPROVED_ALREADY = "approved_already"
    """By the same person: another one is needed."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one person said of a request."""

    by: str
    """Who gave the command, as the operating system says."""
    at_ns: int
    reason: str | None = None
    on_behalf: str | None = None
    """For whom, as `by` says."""

    @property
    def persons(self) -> frozenset[str]:
        """All whose word this is, however they write themselves."""
        return frozenset(" ".join(one.casefold().split()) for one in (self.by, self.on_behalf) if one is not None)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; a value: each word on it makes the next one."""

    id: str
    agency: str
    rates: Rates
    duration_ns: int
    """Of the boost, from its approval on."""
    asked: Word
    """Who asks, and why."""
    expires_ns: int
    """From then on it is too late to decide."""
    approvals: tuple[Word, ...] = ()
    refusal: Word | None = None
    directive: str | None = None
    """The boost that it became."""

    def state(self, now_ns: int) -> RequestState:
        """What was decided stays; what was not in time has expired."""
        if self.directive is not None:
            return RequestState.APPROVED
        if self.refusal is not None:
            return RequestState.REFUSED
        return RequestState.EXPIRED if now_ns >= self.expires_ns else RequestState.PENDING


@dataclass(frozen=True, slots=True)
class Approval:
    """The request with one word more; the boost where that was the last one needed, still without its id."""

    request: Request
    boost: Directive | None


def approve(request: Request, word: Word, needed: int) -> Approval | Objection:
    """One person's approval at word.at_ns, of `needed` from different persons."""
    if request.state(word.at_ns) is not RequestState.PENDING:
        return Objection.NOT_PENDING
    if word.persons & request.asked.persons:
        return Objection.OWN_REQUEST
    if any(word.persons & earlier.persons for earlier in request.approvals):
        return Objection.APPROVED_ALREADY
    after = replace(request, approvals=(*request.approvals, word))
    return Approval(after, _boost(after, word) if len(after.approvals) >= needed else None)


def refuse(request: Request, word: Word) -> Request | Objection:
    """Anybody's refusal ends it, the requester's own, too."""
    if request.state(word.at_ns) is not RequestState.PENDING:
        return Objection.NOT_PENDING
    return replace(request, refusal=word)


def _boost(request: Request, word: Word) -> Directive:
    return Directive(
        id="",
        kind=DirectiveKind.BOOST,
        subject=request.agency,
        reason=request.asked.reason or "",
        by=word.by,
        at_ns=word.at_ns,
        until_ns=word.at_ns + request.duration_ns,
        rates=request.rates,
        request=request.id,
    )

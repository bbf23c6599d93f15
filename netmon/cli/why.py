"""netmon why: the reasons for an agency's limit, in sentences for those who are limited."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, output_option, print_document
from netmon.cli.why_sharing import scarcity_ending, share, sharing_sentence

if TYPE_CHECKING:
    from netmon.cli.messages import Language

LANGUAGES = ("en", "id")
_INDONESIAN = ("id", "in")
"""ISO 639-1, and its code before 1989."""

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal."""
INDENT = "  "
BULLET = "- "

Row = Mapping[str, Any]


@click.command("why")
@click.argument("agency")
@click.option("--at", metavar="TIME", help="As of then (RFC 3339), in the agency's zone unless it has an offset.")
@click.option("--language", type=click.Choice(LANGUAGES), help="English or Indonesian; without it, the system's.")
@config_option
@output_option
def command(agency: str, at: str | None, language: str | None, config: Path, output: str) -> int:
    """Say why AGENCY is limited, or is not: rule, bytes, arithmetic, and when it ends."""
    from netmon.config.load import load
    from netmon.daemon.clock import Clock
    from netmon.daemon.decisions import OBSERVATION_NS
    from netmon.daemon.why import why_data

    configuration = load(config)
    clock = Clock(configuration.settings.control.require_synchronised_clock)
    with ledger_of(configuration) as reader:
        data = why_data(configuration, reader, agency, at, clock, OBSERVATION_NS)
    if output == "json":
        print_document("why", data)
    else:
        _print(data, language_named(language or _system_language()))
    return 0


def _system_language() -> str:
    """As POSIX has it: LC_ALL, then LC_MESSAGES, then LANG; English for any other than Indonesian."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    return "id" if locale.partition("_")[0].partition(".")[0].lower() in _INDONESIAN else "en"


def language_named(name: str) -> Language:
    """One of LANGUAGES."""
    if name == "id":
        from netmon.cli.messages_id import INDONESIAN

        return INDONESIAN
    from netmon.cli.messages_en import ENGLISH

    return ENGLISH


def _print(data: Row, language: Language) -> None:
    out = console()
    for line, style in page(data, language, min(out.width, WIDEST)):
        out.print(line, style=style)


def page(data: Row, language: Language, width: int) -> Iterator[tuple[str, str | None]]:
    """The lines of the answer, each with its style; none is longer than `width` unless a word is."""
    from netmon.core.model import Direction

    say, zone = language.sentences, data["timezone"]
    yield f"{data['name']} ({data['agency']}), {language.instant(data['at'], zone)}", "bold"
    if data["basis"] == "recorded":
        yield from ((line, "dim") for line in wrap(say.recorded, width))
    if data["release"] is not None:
        release = {**data["release"], "at": language.instant(data["release"]["at"], zone)}
        yield from ((line, "bold red") for line in wrap(say.released.format(**release), width))
    if not data["verdicts"]:
        yield from ((line, None) for line in wrap(say.no_circuits, width))
    for direction in Direction:
        rows = [row for row in data["verdicts"] if row["direction"] == direction]
        if not rows:
            continue
        steps = [step for step in data["allocation"] if step["direction"] == direction]
        yield "", None
        yield say.directions[direction], "bold"
        sentence = sharing_sentence(rows, language) or verdict_sentence(rows[0], language, zone)
        yield from ((line, None) for line in wrap(sentence, width, INDENT, INDENT))
        told = [
            *reasons(rows[0], steps, language, zone),
            *circuits(rows, language, zone),
            *ending(rows, data["at"], language, zone),
        ]
        column = max((len(label) for label, _ in told), default=0) + 2
        for label, text in told:
            yield from ((line, None) for line in _entry(label, text, column, width))
    if data["refused"] is not None:
        yield "", None
        yield from ((line, "bold red") for line in wrap(say.refused.format(**data["refused"]), width))


def wrap(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Lines no longer than `width`; long words, such as names, stay whole."""
    wrapper = TextWrapper(
        width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(text)


def _entry(label: str, text: str, column: int, width: int) -> Iterator[str]:
    """A label in its column, the text beside it; each of the text's lines wrapped for itself."""
    first = f"{INDENT}{label:<{column}}"
    blank = " " * len(first)
    for part in text.split("\n"):
        hanging = blank + "  " if part.startswith(BULLET) else blank
        yield from wrap(part, width, first, hanging)
        first = blank


def verdict_sentence(row: Row, language: Language, zone: str) -> str:
    """What counts, and since when."""
    from netmon.core.model import VerdictReason

    say = language.sentences
    if row["reason"] is None:
        return say.not_recorded
    reason = VerdictReason(row["reason"])
    if row["agency_limit_bps"] is None:
        text = say.free[reason]
    else:
        text = say.limited[reason].format(limit=language.rate(row["agency_limit_bps"]))
    if row["since"] is not None and row["policy"] is not None:
        text += " " + say.since.format(since=language.instant(row["since"], zone))
    return text


def reasons(row: Row, steps: Sequence[Row], language: Language, zone: str) -> Iterator[tuple[str, str]]:
    """What the verdict rests on, and how its limit is divided: label and text."""
    evidence, say = row["evidence"], language.sentences
    decided = "\n".join(_decided(row, language, zone))
    if evidence is None:
        if decided:
            yield say.decided, decided
        return
    why = [_measured(evidence, language, zone)]
    if evidence["carried_bytes"]:
        carried = language.volume(evidence["carried_bytes"])
        why.append(say.carried.format(carried=carried, quota=language.volume(evidence["quota_bytes"])))
    if row["step"] and (threshold := _amount(evidence, "threshold", language)):
        why.append(say.step.format(step=row["step"], policy=row["policy"], threshold=threshold))
    if threshold := _amount(evidence, "next_threshold", language):
        why.append(say.next_step.format(threshold=threshold))
    if row["ladder_bps"] is not None and row["ladder_bps"] != row["agency_limit_bps"]:
        why.append(say.set_aside.format(limit=language.rate(row["ladder_bps"])))
    if row["rule"] is not None:
        why.append(say.rule.format(**row["rule"]))
    if row["legal_basis"] is not None:
        why.append(say.legal_basis.format(basis=row["legal_basis"]))
    yield say.why, " ".join(filter(None, why))
    if decided:
        yield say.decided, decided
    yield say.data, " ".join(_data(evidence, language, zone))
    if shared := " ".join(_shared(steps, language)):
        yield say.shared, shared


def _measured(evidence: Row, language: Language, zone: str) -> str:
    """How much of what is allowed was used."""
    say = language.sentences
    quota = _amount(evidence, "quota", language)
    if quota is None:
        return ""
    sentence, proven = say.used, language.volume(evidence["proven_bytes"])
    if evidence["quota_bps"] is not None:
        sentence, proven = say.percentile, language.rate(evidence["p95_bps"] or 0)
    elif len(evidence["directions"]) > 1:
        sentence = say.used_sum
    return sentence.format(
        proven=proven,
        quota=quota,
        ratio=language.percent(evidence["quota_used_ratio"]),
        start=language.instant(evidence["period_start"], zone),
        end=language.instant(evidence["period_end"], zone),
    )


def _amount(evidence: Row, name: str, language: Language) -> str | None:
    """A volume, or of a percentile a rate; None where it has none."""
    octets, bps = evidence[f"{name}_bytes"], evidence[f"{name}_bps"]
    if octets is not None:
        return language.volume(octets)
    return None if bps is None else language.rate(bps)


def _decided(row: Row, language: Language, zone: str) -> Iterator[str]:
    from netmon.core.directives import DirectiveKind

    say = language.sentences
    for one in row["directives"]:
        lasts = say.lasts
        if one["until"] is not None:
            lasts = say.lasts_until.format(until=language.instant(one["until"], zone))
        yield say.directives[DirectiveKind(one["kind"])].format(
            by=one["by"],
            reason=one["reason"],
            lasts=lasts,
            policy=one["policy"] or say.any_policy,
            rate="" if one["rate_bps"] is None else language.rate(one["rate_bps"]),
        )


def _data(evidence: Row, language: Language, zone: str) -> Iterator[str]:
    say, decided = language.sentences, evidence["decided_on_bytes"]
    estimated, unknown = evidence["estimated_bytes"], evidence["unknown_seconds"]
    yield say.only_proven if estimated or unknown else say.all_proven
    if estimated:
        yield say.estimated.format(estimated=language.volume(estimated))
    if unknown:
        yield say.unknown.format(unknown=language.duration(unknown))
    if decided is not None and decided != evidence["proven_bytes"]:
        yield say.decided_on.format(octets=language.volume(decided))
    newest = evidence["newest_reading"]
    yield say.never_read if newest is None else say.read.format(newest=language.instant(newest, zone))


def _shared(steps: Sequence[Row], language: Language) -> Iterator[str]:
    say = language.sentences
    policies = [step for step in steps if step["step"] == "policy"]
    for step in policies if len(policies) > 1 else ():
        if step["limit_bps"] is None:
            yield say.policy_says_none.format(policy=step["policy"])
        else:
            yield say.policy_says.format(policy=step["policy"], limit=language.rate(step["limit_bps"]))
    for step in steps if len(policies) > 1 else ():
        if step["step"] == "strictest":
            yield say.strictest.format(policy=step["policy"])
    yield from _divided([step for step in steps if step["step"] == "share"], language)
    for step in steps:
        if step["step"] == "exempted":
            yield say.exempted[step["because"]].format(circuit=step["circuit"])


def _divided(shares: Sequence[Row], language: Language) -> Iterator[str]:
    """What each circuit gets of the whole."""
    say = language.sentences
    carrying = [step for step in shares if step["because"] is None]
    for step in shares:
        if step["because"] is not None:
            yield say.stands_by.format(circuit=step["circuit"], share=language.rate(step["limit_bps"]))
    if carrying:
        whole = language.rate(carrying[0]["of_bps"])
        share = language.rate(min(step["limit_bps"] for step in carrying))
        if len(shares) == 1:
            yield say.only_circuit.format(limit=whole)
        elif len(carrying) == 1:
            yield say.carrying_circuit.format(circuit=carrying[0]["circuit"], limit=whole)
        else:
            yield say.among_circuits.format(limit=whole, count=len(carrying), share=share)
    if rest := [step["circuit"] for step in shares if step["remainder_bps"]]:
        yield say.remainder.format(circuits=", ".join(rest))


def circuits(rows: Sequence[Row], language: Language, zone: str) -> Iterator[tuple[str, str]]:
    """What is due and in force on each circuit; those of which there is nothing to say are left out."""
    for row in rows:
        force = row["in_force"]
        limited = row["agency_limit_bps"] is not None or force["bps"] is not None or not force["known"]
        if limited or row["receipt"] is not None or row["limit_bps"] is not None:
            yield row["circuit"], "\n".join((" ".join(_circuit(row, language, zone)), *share(row, language)))


def _circuit(row: Row, language: Language, zone: str) -> Iterator[str]:
    from netmon.core.planning import Withheld

    say, force, hold = language.sentences, row["in_force"], row["hold"]
    due = row["limit_bps"]
    yield say.nothing_due if due is None else say.due.format(limit=language.rate(due))
    if not force["known"]:
        yield say.not_known.format(router=row["router"])
    elif force["bps"] is None:
        yield say.none_in_force.format(router=row["router"])
    else:
        limit, at = language.rate(force["bps"]), language.instant(force["at"], zone)
        yield say.in_force.format(router=row["router"], limit=limit, at=at)
    if row["action"] in ("set", "remove"):
        yield say.pending
    if row["withheld"] is not None:
        yield say.withheld[Withheld(row["withheld"])]
    if hold is not None and hold["until"] is None:
        yield say.held.format(by=hold["by"], reason=hold["reason"])
    elif hold is not None:
        yield say.held_until.format(by=hold["by"], reason=hold["reason"], until=language.instant(hold["until"], zone))
    if row["receipt"] is not None:
        yield _changed(row["receipt"], language, zone)


def _changed(receipt: Row, language: Language, zone: str) -> str:
    from netmon.core.changes import Outcome, Proof

    say = language.sentences
    before, after = (
        say.no_limit if bps is None else language.rate(bps) for bps in (receipt["from_bps"], receipt["to_bps"])
    )
    return say.changed.format(
        at=language.instant(receipt["at"], zone),
        before=before,
        after=after,
        outcome=say.outcomes[Outcome(receipt["outcome"])],
        proof=say.proofs[Proof(receipt["proof"])],
        receipt=receipt["id"],
    )


def ending(rows: Sequence[Row], at: str, language: Language, zone: str) -> Iterator[tuple[str, str]]:
    """When the limit ends, and what would end it sooner; nothing without a limit."""
    from datetime import datetime

    row, say = rows[0], language.sentences
    until = None if row["until"] is None else language.instant(row["until"], zone)
    if row["agency_limit_bps"] is None:
        if until is not None and row["ladder_bps"] is not None and row["ends_with"] != "period":
            yield say.again, say.resumes.format(until=until, limit=language.rate(row["ladder_bps"]))
        if sharing_sentence(rows, language) is not None:
            yield from scarcity_ending(rows, language)
        return
    if until is not None:
        over = datetime.fromisoformat(row["until"]) <= datetime.fromisoformat(at)
        yield say.ends, (say.overdue if over else say.until[row["ends_with"]]).format(until=until)
    conditions = {one["what"]: one["bytes"] for each in rows for one in each["ends_sooner_if"]}
    lines = []
    for what, octets in conditions.items():
        if what == "policy_changed" and octets is not None:
            lines.append(say.volume_of.format(policy=row["policy"], octets=language.volume_not_below(octets)))
        else:
            lines.append(say.conditions[what].format(octets="" if octets is None else language.volume(octets)))
    yield say.sooner, "\n".join([*(BULLET + line for line in lines), say.using_less])

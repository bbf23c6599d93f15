"""How a circuit comes by its share of scarce capacity, in the words of a language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netmon.cli.messages import Language

Row = Mapping[str, Any]


def sharing_sentence(rows: Sequence[Row], language: Language) -> str | None:
    """What counts where sharing limits a circuit of these rows, and no policy the agency; None: that is not so."""
    limited = _limited(rows)
    if rows[0]["agency_limit_bps"] is not None or not limited:
        return None
    entitled = all(row["sharing"]["lasts"] == "entitlement" for row in limited)
    return language.sentences.entitled if entitled else language.sentences.scarce


def _limited(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["sharing"] is not None and row["sharing"]["limit_bps"] is not None]


def share(row: Row, language: Language) -> Iterator[str]:
    """What decided, what is wanted, and the arithmetic from the pool down; each its own line."""
    from netmon.core.decided import Decided

    found, say = row["sharing"], language.sentences
    if found is None:
        return
    target, limit, wanted = found["target_bps"], found["limit_bps"], found["wanted_bps"]
    told = [
        say.share[Decided(found["decided"])].format(
            target="" if target is None else language.rate(target), by=_named(found["by"], language)
        )
    ]
    if wanted is not None and target is not None:
        told.append(say.wanted.format(wanted=language.rate(wanted)))
    if limit is not None and target is not None and limit != target:
        told.append(say.approaches.format(limit=language.rate(limit)))
    if found["entitlement"] is not None:
        told.append(_entitled(found["entitlement"], language))
    yield " ".join(told)
    for line in found["lines"][1:]:  # the first is the site and the pool itself
        yield f"- {_line(line, language)}"


def scarcity_ending(rows: Sequence[Row], language: Language) -> Iterator[tuple[str, str]]:
    """How long shares are limits, and what would end them sooner: label and text."""
    say = language.sentences
    limited = _limited(rows)
    yield say.ends, " ".join(dict.fromkeys(say.lasting[row["sharing"]["lasts"]] for row in limited))
    conditions = dict.fromkeys(one["what"] for row in limited for one in row["ends_sooner_if"])
    yield say.sooner, "\n".join(f"- {say.conditions[what]}" for what in conditions)


def _entitled(entitlement: Row, language: Language) -> str:
    say = language.sentences
    text = say.entitlement.format(agency=entitlement["agency"], pool=entitlement["pool"], **entitlement["rule"])
    basis = entitlement["legal_basis"]
    return text if basis is None else f"{text} {say.basis.format(basis=basis)}"


def _line(line: Row, language: Language) -> str:
    from netmon.core.sharing_account import Standpoint

    return language.sentences.standpoints[Standpoint(line["standpoint"])].format(
        child=_named(line["child"], language),
        child_rate=language.rate(line["child_bps"]),
        node=_named(line["node"], language),
        node_rate=language.rate(line["node_bps"]),
        weight=line["weight"],
        rising=line["rising_weight"],
        rest=language.rate(line["node_bps"] - line["fixed_bps"]),
    )


def _named(node: str, language: Language) -> str:
    """As it is written in the configuration: `agency:dinkes@internet` is dinkes."""
    kind, _, name = node.partition(":")
    if not name:
        return node
    agency = name.rpartition("@")[0]
    if kind == "own":
        return language.sentences.own_circuits.format(agency=agency)
    return agency if kind == "agency" else name

"""How a circuit comes by its share of scarce capacity, in the words of a language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netmon.cli.messages import Language

Row = Mapping[str, Any]


def is_scarce(rows: Sequence[Row]) -> bool:
    """Whether sharing limits a circuit of these rows, and no policy the agency."""
    return rows[0]["agency_limit_bps"] is None and any(
        row["sharing"] is not None and row["sharing"]["limit_bps"] is not None for row in rows
    )


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
    yield " ".join(told)
    for line in found["lines"][1:]:  # the first is the site and the pool itself
        yield f"- {_line(line, language)}"


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

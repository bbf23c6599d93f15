"""How a plan's changes went, for apply and revert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netmon.cli.common import console, rates, table


def print_outcome(answer: Mapping[str, Any]) -> int:
    """A line per receipt; 1 when the plan refused itself or any change was not confirmed."""
    out = console()
    receipts, refused = answer["receipts"], answer["refused"]
    if receipts:
        shown = table("CIRCUIT", "WAY", "LIMIT", "OUTCOME", "EVIDENCE", fold=("CIRCUIT", "EVIDENCE"))
        for receipt in receipts:
            shown.add_row(
                receipt["circuit"],
                receipt["direction"],
                rates(receipt["from_bps"], receipt["to_bps"]),
                receipt["outcome"],
                f"{receipt['proof'].replace('_', ' ')}: {receipt['detail']}",
                style=None if receipt["outcome"] == "confirmed" else "bold red",
            )
        out.print(shown)
    else:
        out.print("Nothing had to be altered.")
    if refused is not None:
        out.print(f"The plan refuses itself ({refused['rule']}): {refused['detail']}", style="bold red")
    return int(refused is not None or any(receipt["outcome"] != "confirmed" for receipt in receipts))

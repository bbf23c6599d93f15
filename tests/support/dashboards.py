"""What a Grafana dashboard asks of Prometheus, with its variables put in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, those inside collapsed rows included."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panels(panel)
        else:
            yield panel


def panel_queries(path: Path, variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """(panel title, PromQL) for every query; `$name` and `${name}` are replaced.

    A variable that is not given is `.*`, as Grafana's "All". Grafana's own `$__rate_interval`,
    `$__interval` and `$__range` have to be given if used (KeyError).
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return variables[name] if name.startswith("__") else variables.get(name, ".*")

    return [
        (panel["title"], _VARIABLE.sub(value, target["expr"]))
        for panel in panels(load(path))
        for target in panel["targets"]
    ]

"""One router visit as tables for people, 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from netmon.cli.common import console, rate, table, volume

if TYPE_CHECKING:
    from rich.console import Console

    from netmon.routers.explain import Explanation

_WIDEST_NAME: Final = 18
"""Of an interface's name; longer ones take a second line."""
_NARROWEST_ALIAS: Final = 5
_BETWEEN: Final = 3
"""Blanks between two columns."""

_LONGEST_COMMAND: Final = 60
"""Of a command; longer ones are cut."""
_WAYS: Final[Mapping[str | None, str]] = {"ingress": "in", "egress": "out", None: "-"}
_TIMES: Final[Mapping[str, str]] = {"last_changed": "changed", "last_saved": "saved"}

_UNITS: Final = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))


def print_visit(data: Mapping[str, Any], explanation: Explanation | None = None) -> None:
    """The `data` of `netmon/poll/1`, and by which lines of the profile it came about."""
    out = console()
    out.print(f"{data['router']} ({data['platform']}), {_up(data['uptime_seconds'])}", style="bold")
    if data["interfaces"]:
        _interfaces(out, data["interfaces"])
    if data["optics"]:
        _optics(out, data["optics"])
    if data["health"]:
        _health(out, data["health"])
    if data["links"]:
        _links(out, data["links"])
    for one in data["missing"]:
        out.print(f"missing: {one['what']}: {one['why']}", style="yellow")
    if (console_data := data.get("console")) is not None:
        _console(out, console_data)
    if explanation is not None:
        _explanation(out, explanation)


def _interfaces(out: Console, interfaces: Sequence[Mapping[str, Any]]) -> None:
    header = ("NAME < PART OF", "ALIAS", "STATUS", "SPEED", "IN", "OUT", "ERRORS")
    shown = table(*header, figures=header[3:], fold=header[:2])
    rows = [_interface(one) for one in interfaces]
    widths = [max(len(part) for row in (header, *rows) for part in row[at].split("\n")) for at in range(len(header))]
    name = min(widths[0], _WIDEST_NAME)
    taken = name + sum(widths[2:]) + _BETWEEN * (len(header) - 1)
    shown.columns[0].width = name
    shown.columns[1].width = max(_NARROWEST_ALIAS, min(widths[1], out.width - taken))
    for one, row in zip(interfaces, rows, strict=True):
        shown.add_row(*row, style=None if one["oper_status"] == "up" else "dim")
    out.print(shown)


def _interface(one: Mapping[str, Any]) -> tuple[str, ...]:
    errors = [one[name] for name in ("in_errors", "out_errors") if one[name] is not None]
    return (
        f"{one['name']}\n< {one['parent']}" if one["parent"] else one["name"],
        one["alias"] or "",
        "disabled" if one["admin_status"] == "down" else one["oper_status"] or "-",
        rate(one["speed_bps"]),
        volume(one["in_octets"]),
        volume(one["out_octets"]),
        _count(sum(errors)) if errors else "-",
    )


def _optics(out: Console, optics: Sequence[Mapping[str, Any]]) -> None:
    figures = ("LANE", "RX dBm", "TX dBm", "BIAS mA", "TEMP C", "VOLTS")
    shown = table("OPTICS", *figures, figures=figures, fold=("OPTICS",))
    for one in optics:
        shown.add_row(
            one["interface"],
            "" if one["lane"] is None else str(one["lane"]),
            _decimal(one["rx_power_dbm"], 2),
            _decimal(one["tx_power_dbm"], 2),
            _decimal(one["bias_ma"], 2),
            _decimal(one["temperature_celsius"], 1),
            _decimal(one["voltage_volts"], 2),
        )
    out.print(shown)


def _health(out: Console, health: Sequence[Mapping[str, Any]]) -> None:
    shown = table("HEALTH", "KIND", "VALUE", "UNIT", "STATUS", figures=("VALUE",), fold=("HEALTH",))
    for one in health:
        value = one["value"]
        is_whole = value is None or float(value).is_integer()
        shown.add_row(
            one["name"],
            one["kind"],
            _decimal(value, 0 if is_whole else 1),
            one["unit"] or "",
            one["status"] or "",
            style="yellow" if one["status"] in {"warning", "critical", "failed"} else None,
        )
    out.print(shown)


def _links(out: Console, links: Sequence[Mapping[str, Any]]) -> None:
    shown = table("LINK", "NEIGHBOUR", "ITS PORT", "BY", fold=("LINK", "NEIGHBOUR", "ITS PORT"))
    for one in links:
        port = one["remote_port"] or ""
        # An ifIndex says nothing to people; the port's description may.
        if port.isdigit() and one["remote_port_description"]:
            port = one["remote_port_description"]
        shown.add_row(one["interface"], one["remote_system"], port, one["protocol"])
    out.print(shown)


def _console(out: Console, told: Mapping[str, Any]) -> None:
    out.print()
    out.print("command line", style="bold")
    if told["failure"] is None:
        out.print(_configuration(told["configuration"]))
    for kind, header in (("queue", "QUEUE"), ("policer", "POLICER")):
        if rows := [one for one in told["queues"] if one["kind"] == kind]:
            _queues(out, header, rows)
    if not told["queues"] and not told["missing"]:
        out.print("no queue and no policer")
    for one in told["missing"]:
        style = "yellow" if told["failure"] is None else "bold red"
        out.print(f"missing: {_command(one['what'])}: {one['why']}", style=style)


def _queues(out: Console, header: str, queues: Sequence[Mapping[str, Any]]) -> None:
    figures = ("LIMIT", "PASSED", "PACKETS", "DROPPED")
    shown = table(header, "ON", "WAY", *figures, figures=figures, fold=(header, "ON"))
    # Both ways of a queue beside each other, as their first was read.
    first = {(one["name"], one["target"]): at for at, one in reversed([*enumerate(queues)])}
    for one in sorted(queues, key=lambda one: first[one["name"], one["target"]]):
        octets, packets = one["dropped_octets"], one["dropped_packets"]
        shown.add_row(
            one["name"],
            one["target"] or "-",
            _WAYS[one["direction"]],
            rate(one["limit_bps"]),
            volume(one["octets"]),
            "-" if one["packets"] is None else _count(one["packets"]),
            volume(octets) if packets is None else _count(packets),
        )
    out.print(shown)


def _configuration(told: Mapping[str, Any] | None) -> str:
    """`configuration: changed 2026-09-07 09:41:22+00:00, not saved since 2026-09-07 09:40:00+00:00`."""
    times = {} if told is None else {name: told[name].replace("T", " ") for name in _TIMES if told[name] is not None}
    parts = [f"{_TIMES[name]} {when}" for name, when in times.items()]
    if told is not None and told["unsaved"] is not None:
        parts.append("a restart would lose changes" if told["unsaved"] else "nothing is unsaved")
    return f"configuration: {', '.join(parts) or 'when it changed and was saved is not told'}"


def _command(text: str) -> str:
    return text if len(text) <= _LONGEST_COMMAND else f"{text[: _LONGEST_COMMAND - 3]}..."


def _explanation(out: Console, explanation: Explanation) -> None:
    out.print()
    out.print(f"recognised as {explanation.recognised}")
    read = table("READ", "BY", "VALUES", figures=("VALUES",), fold=("READ", "BY"))
    for one in explanation.read:
        values = "failed" if one.failure else str(one.values)
        read.add_row(_command(one.object), one.by, values, style="dim" if not one.values else None)
    out.print(read)
    for one in explanation.read:
        if one.failure:
            out.print(f"failed: {_command(one.object)}: {one.failure}", style="dim")
    by_reason: dict[str, list[str]] = {}
    for left in explanation.skipped:
        by_reason.setdefault(left.why, []).append(f"{left.object} ({left.by})")
    for why, objects in by_reason.items():
        out.print(f"not read, because {why}:", ", ".join(objects), style="dim")


def _count(number: int) -> str:
    """`123`, `654 k`, `109 M`."""
    if number < 100_000:
        return str(number)
    unit, divisor = next((unit, divisor) for unit, divisor in _UNITS if number >= divisor)
    return f"{number // divisor} {unit}"


def _decimal(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _up(seconds: int | None) -> str:
    from netmon.core.model import NANOSECONDS
    from netmon.core.units import format_duration

    if seconds is None:
        return "uptime not known"
    return f"up {format_duration(seconds * NANOSECONDS) if seconds else 'less than a second'}"

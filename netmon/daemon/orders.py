"""What people order for a time, and ask for, as they write it: checked against the configuration, then values.

Pure but for the configuration: the command line checks here before it asks the daemon, which checks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from netmon.config.errors import did_you_mean
from netmon.config.load import Configuration
from netmon.config.supply_settings import ends_ns
from netmon.core.directives import EVERYBODY, Directive, DirectiveKind, objection_to_text
from netmon.core.model import NANOSECONDS, Agency
from netmon.core.requests import Request, Word
from netmon.core.supply import Rates
from netmon.core.units import UnitError, format_rate, parse_duration, parse_rate
from netmon.daemon.control import CommandError

LONGEST_NS = 366 * 86_400 * NANOSECONDS
"""What is to hold longer is no directive, but belongs into the configuration."""


class OrderError(CommandError):
    """An order that is wrongly put; the message says what to write instead."""


class Order(StrEnum):
    """Verbs on the control socket."""

    BOOST = "boost"
    EXEMPT = "exempt"
    FREEZE = "freeze"
    DEGRADE = "degrade"
    RESTORE = "restore"
    END = "end"
    REQUEST = "request"
    APPROVE = "approve"
    REFUSE = "refuse"


def boost(configuration: Configuration, args: Mapping[str, Any], now_ns: int) -> Directive:
    """`agency`, `download`, `upload`, `for` or `until`, `reason`, `by`; without its id. Raises OrderError."""
    agency = _agency(configuration, args)
    return Directive(
        id="",
        kind=DirectiveKind.BOOST,
        subject=agency.id,
        until_ns=_timed(args, agency.timezone, now_ns),
        rates=affordable(configuration, _positive(_rates(args))),
        **_signed(args, now_ns),
    )


def exemption(configuration: Configuration, args: Mapping[str, Any], now_ns: int) -> Directive:
    """`agency`, `policy` (all of its own), `for` or `until`, `reason`, `by`; without its id. Raises OrderError."""
    agency, policy = _agency(configuration, args), args.get("policy")
    if not agency.quotas:
        raise OrderError(
            f"{agency.id} has no quota policy to be exempt from; netmon usage shows which agencies have one"
        )
    if policy is not None and policy not in agency.quotas:
        raise OrderError(f"{agency.id} has no quota policy {policy!r}{did_you_mean(str(policy), agency.quotas)}")
    return Directive(
        id="",
        kind=DirectiveKind.EXEMPTION,
        subject=agency.id,
        until_ns=_timed(args, agency.timezone, now_ns),
        policy=policy,
        **_signed(args, now_ns),
    )


def freeze(configuration: Configuration, args: Mapping[str, Any], now_ns: int) -> Directive:
    """`agency` or `all`, perhaps `for` or `until`, `reason`, `by`; without its id. Raises OrderError."""
    if (args.get("agency") is None) is not bool(args.get("all")):
        raise OrderError("a freeze is of one agency or of all; give AGENCY, or --all")
    agency = None if args.get("all") else _agency(configuration, args)
    zone = configuration.settings.site.timezone if agency is None else agency.timezone
    return Directive(
        id="",
        kind=DirectiveKind.FREEZE,
        subject=EVERYBODY if agency is None else agency.id,
        until_ns=_until(args, zone, now_ns),
        **_signed(args, now_ns),
    )


def degradation(configuration: Configuration, args: Mapping[str, Any], now_ns: int) -> Directive:
    """`name`, `download`, `upload`, perhaps `for` or `until`, `reason`, `by`; without its id. Raises OrderError."""
    name = capacity_named(configuration, args)
    whole, left = capacities(configuration)[name], _rates(args)
    if left.download_bps > whole.download_bps or left.upload_bps > whole.upload_bps:
        down, up = format_rate(whole.download_bps), format_rate(whole.upload_bps)
        raise OrderError(f"{name} has {down} download and {up} upload; write what is left of that")
    return Directive(
        id="",
        kind=DirectiveKind.DEGRADATION,
        subject=name,
        until_ns=_until(args, configuration.settings.site.timezone, now_ns),
        rates=left,
        **_signed(args, now_ns),
    )


def request(configuration: Configuration, args: Mapping[str, Any], now_ns: int) -> Request:
    """`agency`, `download`, `upload`, `for`, `reason`, `by`, perhaps `on_behalf`; without its id. Raises OrderError."""
    agency = _agency(configuration, args)
    if args.get("for") is None:
        raise OrderError("a request is for a time; give --for, e.g. 4h")
    return Request(
        id="",
        agency=agency.id,
        rates=affordable(configuration, _positive(_rates(args))),
        duration_ns=_duration(args["for"]),
        asked=word(args, now_ns),
        expires_ns=now_ns + configuration.settings.control.request_expires,
    )


def word(args: Mapping[str, Any], now_ns: int, *, needs_reason: bool = True) -> Word:
    """What a person says: `reason`, `by`, perhaps `on_behalf`. Raises OrderError."""
    reason, on_behalf = args.get("reason"), args.get("on_behalf")
    objection = objection_to_text("the reason", reason) if needs_reason or reason is not None else None
    if objection is None and on_behalf is not None:
        objection = objection_to_text("the name", on_behalf)
    if objection is not None:
        raise OrderError(objection)
    return Word(str(args["by"]), now_ns, reason, on_behalf)


def affordable(configuration: Configuration, rates: Rates) -> Rates:
    """The same, if no more than was purchased in all pools together. Raises OrderError."""
    bought = [pool.purchased for pool in configuration.pools.values()]
    whole = Rates(sum(one.download_bps for one in bought), sum(one.upload_bps for one in bought))
    if bought and (rates.download_bps > whole.download_bps or rates.upload_bps > whole.upload_bps):
        down, up = format_rate(whole.download_bps), format_rate(whole.upload_bps)
        raise OrderError(f"only {down} download and {up} upload were purchased in all; give no more than that")
    return rates


def capacities(configuration: Configuration) -> Mapping[str, Rates]:
    """Of every pool, uplink and backhaul, by name."""
    pools = configuration.pools.values()
    return {
        **{pool.id: pool.purchased for pool in pools},
        **{uplink.id: uplink.capacity for pool in pools for uplink in pool.uplinks},
        **{backhaul.id: backhaul.capacity for backhaul in configuration.backhauls.values()},
    }


def capacity_named(configuration: Configuration, args: Mapping[str, Any]) -> str:
    """The pool, uplink or backhaul `name`. Raises OrderError."""
    known, name = capacities(configuration), args.get("name")
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name), known) or "; write one under pools in the configuration first"
        raise OrderError(f"there is no pool, uplink or backhaul {name!r}{hint}")
    return name


def _agency(configuration: Configuration, args: Mapping[str, Any]) -> Agency:
    known = {agency.id: agency for agency in configuration.agencies}
    name = args.get("agency")
    if not isinstance(name, str) or name not in known:
        raise OrderError(f"there is no agency {name!r}{did_you_mean(str(name), known)}")
    return known[name]


def _signed(args: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
    said = word(args, now_ns)
    return {"reason": said.reason, "by": said.by, "at_ns": now_ns}


def _rates(args: Mapping[str, Any]) -> Rates:
    try:
        down, up = (None if args.get(way) is None else _rate(str(args[way])) for way in ("download", "upload"))
    except UnitError as error:
        raise OrderError(str(error)) from error
    if down is None or up is None:
        raise OrderError("a rate is missing; give RATE for both ways, or --download and --upload")
    return Rates(down, up)


def _rate(text: str) -> int:
    return 0 if text.strip() == "0" else parse_rate(text)


def _positive(rates: Rates) -> Rates:
    if rates.download_bps <= 0 or rates.upload_bps <= 0:
        raise OrderError("a boost of 0 is none; give a positive rate each way")
    return rates


def _timed(args: Mapping[str, Any], zone: str, now_ns: int) -> int:
    until_ns = _until(args, zone, now_ns)
    if until_ns is None:
        raise OrderError("it must end by itself; give --for, e.g. 4h, or --until")
    return until_ns


def _until(args: Mapping[str, Any], zone: str, now_ns: int) -> int | None:
    """None where no end is given."""
    lasts, until = args.get("for"), args.get("until")
    if lasts is not None and until is not None:
        raise OrderError("--for and --until exclude each other; give one of them")
    if lasts is not None:
        return now_ns + _duration(lasts)
    if until is None:
        return None
    try:
        until_ns = ends_ns(str(until), zone)
    except (ValueError, OverflowError):
        raise OrderError(f"{until!r} is no time; write for example 2026-11-22 or 2026-11-22T08:00") from None
    if until_ns is None or until_ns <= now_ns:
        raise OrderError(f"{until} is past; give a time to come")
    return now_ns + _bounded(until_ns - now_ns)


def _duration(text: object) -> int:
    try:
        lasts_ns = parse_duration(str(text))
    except UnitError as error:
        raise OrderError(str(error)) from error
    if lasts_ns <= 0:
        raise OrderError(f"{text} is no time at all; write for example 30m or 4h")
    return _bounded(lasts_ns)


def _bounded(lasts_ns: int) -> int:
    if lasts_ns > LONGEST_NS:
        raise OrderError("nothing is ordered for longer than 366 days; write it into the configuration")
    return lasts_ns

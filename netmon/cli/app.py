"""The command `netmon`: its verbs, loaded when asked for, and every known error as one sentence and an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from netmon import __version__

_GROUPS: Final = (
    ("Set up", ("check", "discover", "poll", "ssh-trust", "preflight", "collectors", "policies", "assets", "demo")),
    ("Run", ("run", "status")),
    ("Account", ("usage", "period", "whatif")),
    ("Enforce", ("plan", "why", "apply", "revert", "release", "resume", "adopt", "receipts")),
    ("Decide for a time", ("boost", "exempt", "freeze", "pool", "directives", "end")),
    ("Ask and approve", ("request", "requests", "approve", "refuse")),
    ("Prove and keep", ("audit", "ledger")),
)
_SUMMARIES: Final = {
    "check": "Read the configuration and name everything wrong with it.",
    "discover": "Search addresses for routers and propose what to add to the configuration.",
    "poll": "Visit ROUTER once and show what it says of its interfaces.",
    "ssh-trust": "Show the host keys of routers against those recorded, and record the new ones when told to.",
    "preflight": "Log in to each ROUTER, alter nothing, and say what stands in the way of limits on its circuits.",
    "collectors": "Try collectors, the profiles of router platforms, on recordings of routers.",
    "policies": "Try quota policies on usage that was made up, and see when which were taken up.",
    "assets": "Write out the collectors, policies, units and dashboards that ship with netmon.",
    "demo": "Show the main job against a simulated province on loopback.",
    "run": "Poll, account, judge, enforce and tell, until told to stop.",
    "status": "Show whether netmon does its work, and what to do where it does not.",
    "usage": "Show what agencies used, how sure that is, and what of their quota.",
    "period": "Close accounting periods, and show which were closed.",
    "whatif": "Replay the ledger's history under other policies: who would have been slowed, when, and by how much.",
    "plan": "Show what would be altered on the routers now; alters nothing.",
    "why": "Say why AGENCY is limited, or is not: rule, bytes, arithmetic, and when it ends.",
    "apply": "Judge now, carry the plan out, and wait for the receipts.",
    "revert": "Take netmon's limits off CIRCUIT at once and keep them off for a time.",
    "release": "Take every limit of netmon's off everywhere and set none until `netmon resume`.",
    "resume": "End a global release: netmon may set limits again, from its next decision on.",
    "adopt": "Set aside what somebody else has set at CIRCUIT's port, so that netmon may limit it.",
    "receipts": "Show the evidence of every change, newest first, or one receipt in full.",
    "boost": "Give AGENCY at least RATE for a time, whatever its quota's step or its ceiling says.",
    "exempt": "Keep quota policies from slowing AGENCY for a time; what it uses is counted all the same.",
    "freeze": "Alter no limit of AGENCY, or of anybody, for a time or until it is ended.",
    "pool": "Show what was purchased against what was delivered, and say what of it is degraded.",
    "directives": "Show which boosts, exemptions, freezes and degradations are in force.",
    "end": "End a boost, exemption, freeze or degradation before its time.",
    "request": "Ask for a boost of AGENCY to RATE, to begin when others approve it.",
    "requests": "Show what agencies ask for and nobody has decided yet.",
    "approve": "Approve a request; the last approval needed makes the boost, which begins at once.",
    "refuse": "Refuse a request, or take back one's own.",
    "audit": "Prove that the record of decisions and changes is whole, or name the first link that is not.",
    "ledger": "Check, back up, restore and export the ledger.",
}
"""How each verb's own help begins: listing them must not cost the import of eleven modules."""

_TOGETHER: Final = {
    **dict.fromkeys(("boost", "exempt", "freeze", "directives", "end"), "directives"),
    **dict.fromkeys(("request", "requests", "approve", "refuse"), "requests"),
}
"""Verbs that share a module, where each has its own name; all others are the `command` of a module of theirs."""

_ERRORS: Final = (
    ("netmon.config.errors", "ConfigError", 2),
    ("netmon.config.merging", "MergeError", 1),
    ("netmon.daemon.discovering", "DiscoverError", 2),
    ("netmon.routers.profiles", "ProfileError", 2),
    ("netmon.routers.recording_text", "RecordingError", 1),
    ("netmon.settings", "SecretUnavailableError", 2),
    ("netmon.daemon.queries", "QueryError", 2),
    ("netmon.daemon.orders", "OrderError", 2),
    ("netmon.daemon.trust", "TrustError", 1),
    ("netmon.daemon.control", "ControlUnavailableError", 1),
    ("netmon.daemon.control", "ControlRefusedError", 1),
    ("netmon.daemon.control", "CommandError", 1),
    ("netmon.outputs.http", "HttpServerError", 1),
    ("netmon.routers.polling", "PollError", 1),
    ("netmon.snmp.errors", "SnmpTransportError", 1),
    ("netmon.store.errors", "StoreError", 1),
)
"""Errors whose message is a sentence for the operator, by the module that defines them, with the exit code."""
_PLACE: Final = re.compile(r".+:\d+:\d+: ")
"""How lines begin that already say where something is wrong."""
INTERRUPTED: Final = 130


class Verbs(click.Group):
    """Imports a verb's module, and rich with it, only when the verb is asked for: `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Only what the list of verbs shows; `resolve_command` brings the verb itself."""
        summary = _SUMMARIES.get(cmd_name)
        return click.Command(cmd_name, help=summary) if summary is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs by what they are for."""
        for title, verbs in _GROUPS:
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(len("receipts")), _SUMMARIES[verb]) for verb in verbs])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in _SUMMARIES:
            module = import_module(f"netmon.cli.{_TOGETHER.get(name, name.replace('-', '_'))}")
            return name, getattr(module, name if name in _TOGETHER else "command"), args[1:]
        if not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, _SUMMARIES, n=1)
            raise click.UsageError(f"there is no verb {name}; " + (f"did you mean {close[0]}?" if close else _SEE_HELP))
        return super().resolve_command(ctx, args)


_SEE_HELP: Final = "netmon --help lists them"


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="netmon", message="%(prog)s %(version)s")
def netmon() -> None:
    """Accounts, shares and enforces centrally purchased bandwidth."""


def run(arguments: Sequence[str]) -> int:
    """Carries out one command line; returns the exit code (0 done, 1 failed or unhealthy, 2 wrongly asked)."""
    try:
        code: Any = netmon.main(args=list(arguments), prog_name="netmon", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        code = 2 if isinstance(error, click.UsageError) else 1
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context is not None else ""
        message = error.format_message().removesuffix(".").replace(". Did you mean", "; did you mean")
        return _say(f"netmon: {message}{hint}", code)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output had enough; the interpreter must not stumble over it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _known() as error:
        return _told(error)
    return int(code or 0)


def _known() -> tuple[type[Exception], ...]:
    """The error types that can have been raised: the system's, and those whose module is loaded."""
    ours = [getattr(sys.modules[module], name) for module, name, _ in _ERRORS if module in sys.modules]
    return (OSError, *ours)


def _told(error: Exception) -> int:
    kinds = [kind.__name__ for kind in type(error).__mro__]
    name, code = next(((name, code) for _, name, code in _ERRORS if name in kinds), ("OSError", 1))
    if name == "OSError" and isinstance(error, OSError):
        place = error.filename or "the system"
        return _say(f"netmon: {place}: {error.strerror or error}; check its path and owner", code)
    return _say(str(error) if _PLACE.match(str(error)) else f"netmon: {error}", code)


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code

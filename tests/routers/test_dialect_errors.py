"""The words in which routers refuse, as their vendors document them, and words that only look so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netmon.routers.dialects import load_dialect

POLICIES = [Path(__file__).parents[2] / "policies" / "enforcement"]
REFUSALS = {
    "routeros": (
        "failure: already have such name",
        "failure: not allowed by device-mode (/system/scheduler; line 1)",
        "syntax error (line 1 column 5)",
        "expected end of command (line 1 column 20)",
        "bad command name quue (line 1 column 2)",
        "input does not match any value of interface",
        "no such item",
        "no such item (4)",
        "invalid value for argument max-limit",
        "value of max-limit out of range (0..18446744073709551615)",
        "ambiguous value of target, more than one possible value matches input",
        "not enough permissions (9)",
        "missing value(s) of argument(s) target",
        "action timed out - try again, if error continues contact MikroTik support and send a supout file (13)",
        "interrupted",
    ),
    "vrp5": (
        "Error: Unrecognized command found at '^' position.",
        "Error:Incomplete command found at '^' position.",
        "Error: Wrong parameter found at '^' position.",
        "Error: Too many parameters found at '^' position.",
        "Error: Ambiguous command found at '^' position.",
        "Error: The configuration has been locked by other user.",
        "Error: The policy has been applied to an interface.",
        "Error: The operation failed because of insufficient resources.",
        "Error: The system has no enough space to save the configuration file.",
    ),
    "vyos": (
        "  Configuration path: [qos polcy] is not valid\n  Set failed",
        "  Invalid value\n  Value validation failed\n  Set failed",
        "  Invalid command: [shw]",
        "  Ambiguous command: [s]",
        "  Incomplete command: show",
        "[[qos policy]] failed\nCommit failed",
        "Configuration system temporarily locked due to another commit in progress",
        "Cannot exit: configuration modified.",
        "vbash: tc: command not found",
        "cp: error writing '/config/config.boot': No space left on device",
    ),
}
HARMLESS = {
    "routeros": (
        "23:17:46 echo: system,error,critical login failure for user root from 192.0.2.9 via ssh",
        "target=failure: of mine",
        "*9",
    ),
    "vrp5": (
        "Error: The policy does not exist.",
        "Error: The traffic behavior does not exist.",
        "Error: The specified ACL does not exist.",
        "Error: The policy is not applied in this direction.",
        "Error: The policy has already been applied.",
        "Error: The configuration is not locked by this user.",
        "Info: The behavior does not exist.",
        "Info: Save the configuration successfully.",
        "Warning: The current configuration will be written to the device.",
        " description to Error: street",
        "Committing..done.",
    ),
    "vyos": (
        "  Nothing to delete (the specified node does not exist)\n  Delete failed",
        "  Configuration path: [qos interface eth1 egress NM] already exists",
        "No configuration changes to commit",
        "Warning: configuration changes have not been saved.",
        "WARNING: You are currently configuring a live-ISO environment, changes will not persist until installed",
        "Saving configuration to '/config/config.boot'...\nDone",
        "Changes have been discarded",
        "No changes between active and saved configurations",
    ),
}
OF = {"vrp8": "vrp5", "edgeos": "vyos"}
PLATFORMS = ("routeros", "vrp5", "vrp8", "vyos", "edgeos")


def refuses(platform: str, said: str) -> bool:
    errors = load_dialect(platform, POLICIES).settings.errors
    return any(re.search(pattern, f"one line\n{said}\nanother", re.MULTILINE) for pattern in errors)


@pytest.mark.parametrize(
    ("platform", "said"), [(one, said) for one in PLATFORMS for said in REFUSALS[OF.get(one, one)]], ids=repr
)
def test_a_refusal_is_known_by_its_words(platform: str, said: str) -> None:
    assert refuses(platform, said)


@pytest.mark.parametrize(
    ("platform", "said"), [(one, said) for one in PLATFORMS for said in HARMLESS[OF.get(one, one)]], ids=repr
)
def test_what_is_there_or_gone_already_and_what_is_only_said_is_no_refusal(platform: str, said: str) -> None:
    assert not refuses(platform, said)

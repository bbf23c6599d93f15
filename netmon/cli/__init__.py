"""Thin click verbs; no decisions."""

import sys


def main() -> None:
    """The `netmon` command."""
    from netmon.cli.app import run

    sys.exit(run(sys.argv[1:]))

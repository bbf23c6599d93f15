"""Thin click verbs; no decisions."""

import gc
import sys


def main() -> None:
    """The `netmon` command."""
    # Imports only ever add objects: looking for garbage among them is a tenth of the time `--help` takes.
    gc.set_threshold(100_000)
    from netmon.cli.app import run

    sys.exit(run(sys.argv[1:]))

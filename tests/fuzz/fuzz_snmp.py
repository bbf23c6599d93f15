"""Coverage-guided fuzzing of everything that reads a datagram, with atheris (libFuzzer); no part of the test suite.

    python -m venv fuzz && fuzz/bin/pip install atheris .
    PYTHONPATH=tests fuzz/bin/python tests/fuzz/fuzz_snmp.py seeds CORPUS
    PYTHONPATH=tests fuzz/bin/python tests/fuzz/fuzz_snmp.py fuzz CORPUS -max_total_time=600 -timeout=2 -max_len=2048
    PYTHONPATH=tests python tests/fuzz/fuzz_snmp.py replay CORPUS-OR-CRASH...

The first octet of an input chooses the target, the others are its octets. A target fails when something else than
SnmpError is raised, when what was read cannot be written and read again the same, when the template decoder says
what the generic one does not, when a walk stands still, or when an input takes longer than -timeout.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

TARGETS = "snmp_targets"
Target = Callable[[bytes], None]


def once(every: Sequence[Target], data: bytes) -> None:
    if data:
        every[data[0] % len(every)](data[1:])


def fuzz(arguments: Sequence[str]) -> None:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["netmon.snmp", "snmp.authority"]):
        targets = importlib.import_module(TARGETS)
    every = targets.targets()
    atheris.Setup([sys.argv[0], *arguments], lambda data: once(every, data))
    atheris.Fuzz()


def replay(paths: Sequence[str]) -> None:
    every = importlib.import_module(TARGETS).targets()
    files = [file for path in map(Path, paths) for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    for file in files:
        once(every, file.read_bytes())
    print(f"{len(files)} inputs, none fails")


def sow(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(importlib.import_module(TARGETS).seeds()):
        (folder / f"seed-{number:02}").write_bytes(seed)


async def main(verb: str = "help", *arguments: str) -> None:
    # In a coroutine, because the transport wants a running loop.
    match verb, arguments:
        case "fuzz", _:
            fuzz(arguments)
        case "replay", [_, *_]:
            replay(arguments)
        case "seeds", [folder]:
            sow(Path(folder))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""netmon audit: whether the record of what netmon did is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_location, output_option, print_document, progress

if TYPE_CHECKING:
    from netmon.store.audit import Audit, Head, PublicKey


@click.group("audit")
def command() -> None:
    """Prove that the record of decisions and changes is whole, or name the first link that is not."""


@command.command("verify")
@click.argument("source", metavar="[LEDGER | FILE.jsonl]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--since-head",
    "noted",
    metavar="SEQ:HASH | FILE",
    multiple=True,
    help="A head noted earlier, or a file with one a line: nothing before it may be gone. Repeatable.",
)
@click.option(
    "--public-key",
    "keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Ed25519 key (PEM) that the links are signed by. Repeatable.",
)
@config_option
@output_option
def verify(source: Path | None, noted: tuple[str, ...], keys: tuple[Path, ...], config: Path, output: str) -> int:
    """Follow the chain from its first link to its last; without a file, that of the configured ledger.

    Reads only, also while the daemon runs. Ends with 1 at the first link that does not hold.
    """
    from netmon.store.audit import audit, links_of

    where = source if source is not None else ledger_location(config)
    heads = [head for text in noted for head in _heads(text)]
    with links_of(where) as links, progress("links") as told:
        found = audit(told(links), heads, [_key(file) for file in keys])
    if output == "json":
        print_document("audit", {"source": str(where), **_data(found)})
    else:
        _print(found, bool(keys))
    return 0 if found.ok else 1


@command.command("head")
@click.argument("ledger", metavar="[LEDGER]", required=False, type=click.Path(path_type=Path))
@config_option
@output_option
def head(ledger: Path | None, config: Path, output: str) -> int:
    """Print the chain's newest link as CHAIN:SEQ:HASH, to be noted where nobody of this machine can alter it."""
    from netmon.store.audit import head_of

    found, signature = head_of(ledger if ledger is not None else ledger_location(config))
    if output == "json":
        key, value = (None, None) if signature is None else (signature.key, signature.value)
        print_document("audit-head", {**_place(found), "key": key, "signature": value})
    else:
        click.echo(str(found))
    return 0


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def export(file: Path, config: Path) -> int:
    """Write the chain to FILE as JSON Lines, one link a line; netmon audit verify FILE needs nothing else.

    An existing FILE is not overwritten.
    """
    from netmon.store import audit
    from netmon.store.newfile import new_file

    ledger = ledger_location(config)
    with new_file(file) as into:
        last = audit.export(ledger, into)
    click.echo(f"{file}: {last.sequence} links, head {last}")
    return 0


def _heads(text: str) -> list[Head]:
    from netmon.store.audit import Head
    from netmon.store.errors import StoreError

    path = Path(text)
    if not path.is_file():
        return [Head.parse(text)]
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    if not wanted:
        raise StoreError(f"{path} holds no head; write there what `netmon audit head` prints")
    return [Head.parse(line) for line in wanted]


def _key(file: Path) -> PublicKey:
    from netmon.store.signing import Verifier

    return Verifier.from_pem(file.read_text(encoding="utf-8", errors="replace"))


def _place(head: Head) -> dict[str, Any]:
    return {"chain": head.chain, "sequence": head.sequence, "hash": head.hash}


def _data(found: Audit) -> dict[str, Any]:
    fault = found.fault
    return {
        "ok": found.ok,
        "chains": [
            {**_place(one.head), "links": one.links, "signed": one.signed, "verified": one.verified}
            for one in found.chains
        ],
        "noted": [_place(one) for one in found.noted],
        "fault": None
        if fault is None
        else {"chain": fault.chain, "sequence": fault.sequence, "rule": fault.rule.value, "detail": fault.detail},
    }


def _print(found: Audit, with_keys: bool) -> None:
    out = console()
    for one in found.chains:
        out.print(f"Chain {one.chain}: {one.links} links hold.")
        if one.signed and not with_keys:
            out.print(f"{one.signed} of them are signed; --public-key FILE checks that.", style="dim")
        elif with_keys:
            out.print(f"{one.verified} of them are signed by the key given.")
        if found.ok:
            out.print(f"Head  {one.head}", soft_wrap=True)
    if not found.chains and found.ok:
        out.print("The chain has no link yet.")
    if found.fault is not None:
        out.print(f"BROKEN ({found.fault.rule}): {found.fault.detail}.", style="bold red")
    elif found.noted:
        out.print(f"Nothing is gone since the {len(found.noted)} noted head{'s' if len(found.noted) > 1 else ''}.")

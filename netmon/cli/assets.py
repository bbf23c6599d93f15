"""netmon assets: the data that ships with netmon, as files."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.group("assets")
def command() -> None:
    """Write out the collectors, policies, units and dashboards that ship with netmon."""


@command.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export(directory: Path) -> int:
    """Copy collectors/, policies/, systemd/ and grafana/ into DIRECTORY.

    Nothing there is overwritten.
    """
    import shutil

    from netmon import bundled

    written = kept = 0
    for name in bundled.FOLDERS:
        source = bundled.folder(name)
        for file in sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")):
            target = directory / name / file.relative_to(source)
            if target.exists():
                kept += 1
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            written += 1
    click.echo(f"{directory}: {written} files written" + (f", {kept} kept as they were" if kept else ""))
    return 0

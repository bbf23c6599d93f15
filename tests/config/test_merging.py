"""A proposal merged into files that people wrote: tried with the real loader, written in one step or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.findings import a_finding

from netmon.config.load import Configuration, load
from netmon.config.merging import Edit, MergeError, check, edits_of, texts_of, write
from netmon.config.proposal import Proposal, propose
from netmon.core.model import Faces, Mode

SITE = """\
# Our province.
site: {name: sulteng}     # where
snmp: {credentials: {default: {community: {file: community}}, watch: {community: {file: watch}}}}
agencies:
  dinkes: {name: 'Dinas Kesehatan'}   # health
  arsip:    {name: "Dinas Kearsipan"}
"""
ROUTERS = """\
routers:
  core-1:                   # in the basement
    address: 10.20.0.1
    circuits:
      dinkes-fo: {agency: dinkes, interface: ether1, faces: agency}   # 027/1
  # core-0 was taken down in 2024
"""
PORTS = {"ether1": "OPD: dinkes", "ether2": 'OPD: arsip "FO" 1:10', "ether3": "OPD: arsib", "sfp1": "UPLINK A [1]"}
ADDED = """\
      arsip-core-1:
        agency: arsip
        interface: ether2
        faces: agency
        alias: "OPD: arsip \\"FO\\" 1:10"
"""
NEW = """\
  edge-1:
    # RouterOS CCR2004; serial HF90
    address: 10.20.0.2
    platform: routeros
    snmp: watch
    snmp_port: 1161
    # uplinks: [sfp1]  # UPLINK A [1]
    circuits:
      dinkes-edge-1:
        agency: dinkes
        interface: ether1
        faces: agency
        alias: "OPD: dinkes"
      arsip-edge-1:
        agency: arsip
        interface: ether2
        faces: agency
        alias: "OPD: arsip \\"FO\\" 1:10"
      # # ether3 (OPD: arsib): no agency is named arsib; did you mean arsip?
      # arsip-edge-1-ether3:
      #   agency: arsip
      #   interface: ether3
      #   faces: agency
      #   alias: "OPD: arsib"
"""


def written(directory: Path, files: Mapping[str, str]) -> Path:
    """The configuration's path: the file if there is one, else the directory."""
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory / next(iter(files)) if len(files) == 1 else directory


async def proposal_for(configuration: Configuration) -> Proposal:
    known = await a_finding("10.20.0.1", PORTS, router="core-1")
    new = await a_finding("10.20.0.2", PORTS, name="edge-1", serial="HF90", login="watch", port=1161)
    has_core = "core-1" in configuration.settings.routers
    return propose(configuration, [known, new] if has_core else [new])


async def merged(path: Path) -> tuple[tuple[Edit, ...], Configuration]:
    """The edits, written."""
    texts = texts_of(path)
    configuration = load(path, texts)
    proposal = await proposal_for(configuration)
    edits = edits_of(proposal, texts)
    check(configuration, path, edits, proposal)
    write(path, texts, edits)
    return edits, load(path)


async def test_everything_that_was_written_stays_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE + ROUTERS})
    (edit,), after = await merged(path)
    head, comment = ROUTERS.split("  # core-0")
    assert path.read_text() == SITE + head + ADDED + "  # core-0" + comment + NEW
    assert [line for line in edit.diff() if line.startswith("-")] == [f"--- {path}\n"]
    added = next(circuit for circuit in after.circuits if circuit.id == "arsip-core-1")
    assert (added.faces, added.mode, added.alias) == (Faces.AGENCY, Mode.OBSERVE, 'OPD: arsip "FO" 1:10')
    assert after.settings.routers["edge-1"].mode is Mode.OBSERVE


async def test_what_was_bought_and_promised_stays_as_it_was(tmp_path: Path) -> None:
    pools = "pools: {p: {download: 1 Gbps, upload: 1 Gbps, uplinks: {u: {router: core-1, interface: sfp1}}}}\n"
    site = SITE.replace("'Dinas Kesehatan'}", "H, entitlements: [{pool: p, floor: 9 Mbps, until: 2026-12-31}]}")
    routers = ROUTERS.replace("ether1, faces: agency}", "ether1, faces: agency, pools: [p], crosses: [u]}")
    path = written(tmp_path, {"netmon.yaml": pools + site + routers})
    before = load(path)
    _, after = await merged(path)
    assert path.read_text().startswith(pools + site)
    assert (after.pools, after.entitlements) == (before.pools, before.entitlements)
    assert after.settings.routers["core-1"].uplinks == ("sfp1",)


async def test_a_second_time_there_is_nothing_to_write(tmp_path: Path) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE + ROUTERS})
    await merged(path)
    configuration = load(path)
    known = [
        await a_finding("10.20.0.1", PORTS, router="core-1"),
        await a_finding("10.20.0.2", PORTS, router="edge-1", port=1161),
    ]
    proposal = propose(configuration, known)
    assert proposal.new == ()
    assert [router.circuits for router in proposal.known] == [(), ()]
    assert edits_of(proposal, texts_of(path)) == ()


async def test_in_a_directory_each_goes_where_its_like_is(tmp_path: Path) -> None:
    more = "routers:\n  far: {address: 10.30.0.1}\n"
    files = {"a-site.yaml": SITE, "b-routers.yaml": ROUTERS, "c-more.yaml": more, "notes.txt": "routers: {"}
    path = written(tmp_path, files)
    edits, after = await merged(path)
    assert [edit.file.name for edit in edits] == ["b-routers.yaml", "c-more.yaml"]
    assert (path / "a-site.yaml").read_text() == SITE
    assert (path / "c-more.yaml").read_text() == more + NEW
    assert sorted(after.settings.routers) == ["core-1", "edge-1", "far"]


async def test_without_any_router_the_key_is_made(tmp_path: Path) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE})
    await merged(path)
    assert path.read_text() == f"{SITE}\nrouters:\n{NEW}"


async def test_a_file_in_braces_stays_in_braces(tmp_path: Path) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE + "routers: {core-1: {address: 10.20.0.1}}\n"})
    _, after = await merged(path)
    last = path.read_text().splitlines()[-1]
    assert last.startswith("routers: {core-1: {address: 10.20.0.1, circuits: {dinkes-core-1: {agency: dinkes,")
    assert len(after.circuits) == 4


async def test_owner_mode_and_links_are_kept(tmp_path: Path) -> None:
    real = written(tmp_path / "real", {"netmon.yaml": SITE})
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 12, 34)
    link = tmp_path / "netmon.yaml"
    link.symlink_to(real)
    await merged(link)
    status = real.stat()
    assert link.is_symlink()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert os.geteuid() != 0 or (status.st_uid, status.st_gid) == (12, 34)
    assert [one.name for one in (tmp_path / "real").iterdir()] == ["netmon.yaml"]


@pytest.mark.parametrize("change", ["another text", "another file", "gone"])
async def test_what_changed_meanwhile_is_not_overwritten(change: str, tmp_path: Path) -> None:
    path = written(tmp_path / "conf", {"a.yaml": SITE, "b.yaml": ROUTERS})
    texts = texts_of(path)
    edits = edits_of(await proposal_for(load(path)), texts)
    if change == "another text":
        (path / "a.yaml").write_text(SITE + "# mine\n")
    elif change == "another file":
        (path / "c.yaml").write_text("http: {port: 0}\n")
    else:
        (path / "a.yaml").unlink()
    present = {one.name: one.read_bytes() for one in path.iterdir()}
    with pytest.raises(MergeError, match=r"was changed by someone else meanwhile, so nothing is written; discover"):
        write(path, texts, edits)
    assert {one.name: one.read_bytes() for one in path.iterdir()} == present


async def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE})
    texts = texts_of(path)
    edits = edits_of(await proposal_for(load(path)), texts)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, texts, edits)
    assert os.listdir(tmp_path) == ["netmon.yaml"]  # noqa: PTH208
    assert path.read_text() == SITE


async def test_a_merge_that_would_not_load_is_refused_with_the_place(tmp_path: Path) -> None:
    path = written(tmp_path, {"netmon.yaml": SITE + ROUTERS})
    texts = texts_of(path)
    configuration = load(path, texts)
    proposal = await proposal_for(configuration)
    (edit,) = edits_of(proposal, texts)
    wrong = Edit(edit.file, edit.before, edit.after.replace("agency: arsip", "agency: nobody"))
    with pytest.raises(MergeError) as told:
        check(configuration, path, [wrong], proposal)
    assert "merged, the configuration would be wrong, so nothing is written: " in str(told.value)
    assert f"{path}:13:17: routers.core-1.circuits.arsip-core-1.agency: no agency is named nobody" in str(told.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [("snmp_port: 1161", "snmp_port: 1161\n    poll_interval: 5m"), ("basement", "cellar")],
    ids=["in-what-is-new", "in-a-comment"],
)
async def test_what_is_new_may_say_anything_that_loads(old: str, new: str, tmp_path: Path) -> None:
    await altered(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [("name: sulteng", "name: palu"), ("10.20.0.1\n", "10.20.0.7\n"), (ADDED, ""), ("edge-1:", "edge-2:")],
    ids=["elsewhere", "in-a-router", "a-circuit-lost", "another-name"],
)
async def test_a_merge_that_would_change_anything_else_is_refused(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(MergeError, match="would change in other places too, so nothing is written"):
        await altered(tmp_path, old, new)


async def altered(directory: Path, old: str, new: str) -> None:
    path = written(directory, {"netmon.yaml": SITE + ROUTERS})
    texts = texts_of(path)
    configuration = load(path, texts)
    proposal = await proposal_for(configuration)
    (edit,) = edits_of(proposal, texts)
    assert old in edit.after
    check(configuration, path, [Edit(edit.file, edit.before, edit.after.replace(old, new))], proposal)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ((SITE + ROUTERS).encode("utf-16"), "is not UTF-8 text; save it as UTF-8"),
        (
            b"x-all: &all {core-1: {address: 10.20.0.1}}\nrouters: *all\n",
            "routers is an alias (*) of what stands elsewhere; write it out to add to it",
        ),
    ],
)
async def test_a_file_that_nothing_can_be_added_to_is_named(text: bytes, sentence: str, tmp_path: Path) -> None:
    configuration = load(written(tmp_path, {"netmon.yaml": SITE + ROUTERS}))
    with pytest.raises(MergeError) as told:
        edits_of(await proposal_for(configuration), {tmp_path / "netmon.yaml": text})
    assert str(told.value) == f"{tmp_path}/netmon.yaml: {sentence}, or merge the proposal by hand"

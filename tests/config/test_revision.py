"""A configuration as the receipt chain keeps it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from support.governed import write_site

from netmon.config.load import load
from netmon.config.revision import revision_of
from netmon.store.values import canonical


def test_a_revision_is_what_was_written_and_never_a_secret(tmp_path: Path) -> None:
    path = write_site(tmp_path)
    path.write_text(
        path.read_text().replace("{community: {file: community}}", "{community: hunter2}")
        + "allow_plaintext_secrets: true\noutputs: {influx: {url: 'http://user:hunter2@influx:8086', org: o, bucket: b,"
        " token: {env: TOKEN}}}\n"
    )
    revision = revision_of(load(path))
    assert "hunter2" not in revision.document
    document = json.loads(revision.document)
    assert canonical(document) == revision.document
    assert revision.digest == hashlib.sha256(revision.document.encode()).hexdigest()
    settings = document["settings"]
    assert settings["outputs"]["influx"]["url"] == "http://influx:8086"
    assert settings["outputs"]["influx"]["token"] == {"env": "TOKEN"}
    assert settings["routers"]["palu-core"]["circuits"]["dinkes-main"]["agency"] == "dinkes"
    assert [policy["name"] for policy in document["policies"]] == ["hourly"]


def test_a_revision_is_another_one_exactly_where_what_counts_changed(tmp_path: Path) -> None:
    path = write_site(tmp_path)
    first = revision_of(load(path))
    path.write_text("# a remark\n" + path.read_text())
    assert revision_of(load(path)) == first
    quotas = tmp_path / "policies" / "quotas" / "hourly.yaml"
    quotas.write_text(quotas.read_text().replace("1 GB", "2 GB"))
    assert revision_of(load(path)).digest != first.digest

"""The chain under audit: what was altered, taken out, cut off or forged is named; an export needs no ledger."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.ledgers import START_NS, a_change, a_receipt, a_verdict, an_intent, asked, opened, settings_of

from netmon.core.changes import Outcome, Plan
from netmon.core.model import VerdictReason
from netmon.settings import SecretRef
from netmon.store import audit as module
from netmon.store.audit import Head, audit, exported, head_of, line_of, links_of
from netmon.store.chain import GENESIS, Kind, Link, Rule, Signature, link_hash
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.settings import LedgerSettings
from netmon.store.signing import Signer, Verifier

CHAIN = "c" * 32


def links(count: int, signer: Signer | None = None) -> list[Link]:
    made, previous = [], GENESIS
    for sequence in range(1, count + 1):
        payload = f'{{"n":{sequence}}}'
        hashed = link_hash(CHAIN, sequence, "plan", payload, previous)
        signature = None if signer is None else signer.sign(hashed)
        made.append(Link(CHAIN, sequence, "plan", payload, previous, hashed, f"p#{sequence}", signature))
        previous = hashed
    return made


def remade(chain: list[Link], since: int) -> list[Link]:
    """As a forger who knows the rules would make the links from `since` on anew."""
    made = chain[: since - 1]
    previous = made[-1].hash if made else GENESIS
    for link in chain[since - 1 :]:
        hashed = link_hash(CHAIN, link.sequence, link.kind, '{"n":0}', previous)
        made.append(replace(link, payload='{"n":0}', previous_hash=previous, hash=hashed))
        previous = hashed
    return made


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(private, public), as openssl makes them."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "key.pem", folder / "key.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


# --- noted heads ----------------------------------------------------------------------------------


def test_a_chain_that_grew_since_its_head_was_noted_holds() -> None:
    chain = links(5)
    for noted in (Head(CHAIN, 3, chain[2].hash), Head(None, 5, chain[4].hash), Head(CHAIN, 0, GENESIS)):
        assert audit(chain, [noted]).ok


@pytest.mark.parametrize("left", [0, 1, 4])
def test_links_removed_from_the_end_are_missed_once_a_head_was_noted(left: int) -> None:
    chain = links(5)
    assert audit(chain[:left]).ok, "the chain alone cannot tell"
    found = audit(chain[:left], [Head(CHAIN, 5, chain[4].hash)])
    assert found.fault is not None
    assert (found.fault.rule, found.fault.sequence) == (Rule.NOTED_HEAD, left + 1)
    assert ("is gone" in found.fault.detail) if left == 0 else (f"links {left + 1} to 5 of chain" in found.fault.detail)


def test_a_chain_made_anew_from_some_link_on_is_not_the_one_that_was_noted() -> None:
    chain = links(5)
    forged = remade(chain, 3)
    assert audit(forged).ok, "the chain alone cannot tell"
    found = audit(forged, [Head(CHAIN, 2, chain[1].hash), Head(CHAIN, 4, chain[3].hash)])
    assert found.fault is not None
    assert (found.fault.rule, found.fault.sequence) == (Rule.NOTED_HEAD, 4)


@pytest.mark.parametrize("text", ["", "12", "12:xyz", "12:" + "A" * 64, ":12:" + "a" * 64, "-1:" + "a" * 64])
def test_what_is_no_head_is_a_sentence(text: str) -> None:
    with pytest.raises(StoreError, match=r"is not a head; write SEQUENCE:HASH"):
        Head.parse(text)


def test_a_head_is_read_as_it_is_written() -> None:
    for head in (Head(None, 12, "a" * 64), Head(CHAIN, 0, GENESIS)):
        assert Head.parse(f"{head}  noted on Monday") == head


# --- signatures -----------------------------------------------------------------------------------


def test_signed_links_are_verified_by_the_public_key_and_by_no_other(keys: tuple[Path, Path]) -> None:
    signer = Signer.from_pem(keys[0].read_text())
    ours = Verifier.from_pem(keys[1].read_text())
    chain = [*links(2), *links(5, signer)[2:]]
    found = audit(chain, keys=[ours])
    assert found.ok
    assert (found.chains[0].signed, found.chains[0].verified) == (3, 3)
    other = Ed25519.verifier()
    refused = audit(chain, keys=[other])
    assert refused.fault is not None
    assert "no link of chain" in refused.fault.detail
    assert audit(chain, keys=[other, ours]).ok


class Ed25519:
    @staticmethod
    def verifier() -> Verifier:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Verifier(Ed25519PrivateKey.generate().public_key())


def test_a_chain_remade_without_the_key_is_refused(keys: tuple[Path, Path]) -> None:
    signer, ours = Signer.from_pem(keys[0].read_text()), Verifier.from_pem(keys[1].read_text())
    chain = links(5, signer)
    kept = audit(remade(chain, 4), keys=[ours])
    stripped = audit([replace(one, signature=None) if one.sequence > 3 else one for one in chain], keys=[ours])
    foreign = audit([*chain[:3], replace(chain[3], signature=Signature("f" * 64, "00" * 64))], keys=[ours])
    for found, words in ((kept, "is not by the key"), (stripped, "is not signed"), (foreign, "signed by another key")):
        assert found.fault is not None
        assert (found.fault.rule, found.fault.sequence) == (Rule.SIGNATURE, 4)
        assert words in found.fault.detail


def test_openssl_verifies_a_signature_without_netmon(keys: tuple[Path, Path], tmp_path: Path) -> None:
    link = links(1, Signer.from_pem(keys[0].read_text()))[0]
    assert link.signature is not None
    (tmp_path / "hash").write_text(link.hash)
    (tmp_path / "signature").write_bytes(bytes.fromhex(link.signature.value))
    command: list[str | Path] = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys[1], "-rawin"]
    command += ["-in", tmp_path / "hash"]
    subprocess.run([*command, "-sigfile", tmp_path / "signature"], check=True, capture_output=True)


def test_a_ledger_with_a_signing_key_signs_every_link(keys: tuple[Path, Path], place: Location) -> None:
    with opened(place) as ledger:
        ledger.decide([a_verdict(used=1)], [], START_NS)
    settings = settings_of(place, signing_key=SecretRef(file=keys[0]))
    signing = Ledger.open(settings, START_NS)
    signing.hold("dinkes-main", "vaccination", "operator", START_NS, None)
    signing.close()
    with links_of(place) as found:
        result = audit(found, keys=[Verifier.from_pem(keys[1].read_text())])
    assert result.ok
    assert (result.chains[0].links, result.chains[0].verified) == (2, 1)
    assert head_of(place)[1] is not None


@pytest.mark.parametrize("kind", ["nothing", "rsa", "encrypted"])
def test_a_signing_key_of_another_kind_is_a_sentence(kind: str, tmp_path: Path, keys: tuple[Path, Path]) -> None:
    file = tmp_path / "key.pem"
    match kind:
        case "nothing":
            file.write_text("hunter2")
        case "rsa":
            subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-out", file], check=True, capture_output=True)
        case _:
            command: list[str | Path] = ["openssl", "pkey", "-in", keys[0], "-aes256", "-passout", "pass:hunter2"]
            command += ["-out", file]
            subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(StoreError, match=r"ledger\.signing_key is .*openssl genpkey -algorithm ed25519") as caught:
        Ledger.open(LedgerSettings(path=tmp_path / "ledger.db", signing_key=SecretRef(file=file)), START_NS)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(StoreError, match=r"openssl pkey -in KEY -pubout"):
        Verifier.from_pem(file.read_text())


# --- what joins the chain -------------------------------------------------------------------------


def test_decisions_plans_holds_receipts_and_configurations_join_the_chain_in_the_order_they_were_made(
    place: Location,
) -> None:
    near = a_verdict(VerdictReason.NEAR_QUOTA, step=1, limit_bps=None)
    with opened(place) as ledger:
        ledger.record_configuration("d1", '{"site":"s"}', "start", "0.1.0", START_NS)
        ledger.decide([near], [], START_NS)
        ledger.decide([near], [], START_NS)
        ledger.decide([a_verdict()], [], START_NS)
        ledger.record_plan(Plan((a_change(),), None, "h" * 64), [a_change()], START_NS)
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1", Outcome.CONFIRMED), 5_000_000, True, [])
        ledger.hold("dinkes-main", "vaccination", "operator", START_NS, None)
        ledger.record_configuration("d1", '{"site":"s"}', "reload", "0.1.0", START_NS)
        ledger.record_configuration("d2", '{"site":"t"}', "reload", "0.1.0", START_NS)
    with links_of(place) as found:
        chain = list(found)
    assert [one.kind for one in chain] == [
        Kind.CONFIGURATION,
        Kind.VERDICT,
        Kind.VERDICT,
        Kind.PLAN,
        Kind.RECEIPT,
        Kind.HOLD,
        Kind.CONFIGURATION,
        Kind.CONFIGURATION,
    ]
    assert [one.subject for one in chain][:4] == ["d1#1", "dinkes/download#2", "dinkes/download#3", "h" * 64 + "#4"]
    revisions = [json.loads(one.payload) for one in chain if one.kind == Kind.CONFIGURATION]
    assert [one["document"] for one in revisions] == [{"site": "s"}, None, {"site": "t"}]
    assert json.loads(chain[3].payload)["changes"][0]["circuit"] == "dinkes-main"
    assert audit(chain).ok


def test_a_verdict_and_its_link_are_written_together_or_not_at_all(
    place: Location,
) -> None:
    with opened(place) as ledger:
        asked(place, "ALTER TABLE link RENAME TO elsewhere")
        with pytest.raises(StoreError):
            ledger.decide([a_verdict()], [], START_NS)
        assert ledger.verdicts() == {}


# --- ledgers and exported files -------------------------------------------------------------------


@pytest.fixture
def ledger(place: Location) -> Location:
    with opened(place) as one:
        for name in ("i1", "i2", "i3"):
            one.record_intent(an_intent(name))
            one.close_intent(a_receipt(name), 5_000_000, True, [])
        one.append_link(Kind.OBSERVATION, "i2", '{"receipt": "i2", "proof": "observed"}')
        one.append_link("note", "é", '{"text": "\\ud83d\\ude00"}')
    return place


@pytest.mark.parametrize(
    ("statement", "sequence", "rule"),
    [
        ("UPDATE link SET payload = replace(payload, 'confirmed', 'failed') WHERE sequence = 2", 2, Rule.HASH),
        ("UPDATE link SET payload = replace(payload, ',', ', ') WHERE sequence = 2", 2, Rule.HASH),
        ("UPDATE link SET kind = 'note' WHERE sequence = 1", 1, Rule.HASH),
        ("UPDATE link SET chain = 'x' WHERE sequence = 1", 2, Rule.SEQUENCE),
        ("UPDATE link SET previous_hash = hash WHERE sequence = 3", 3, Rule.PREVIOUS_HASH),
        ("UPDATE link SET subject = 'i9' WHERE sequence = 4", 4, Rule.SUBJECT),
        ("UPDATE link SET payload = '' WHERE sequence = 5", 5, Rule.HASH),
        ("DELETE FROM link WHERE sequence = 3", 4, Rule.SEQUENCE),
    ],
)
def test_the_first_bad_link_is_named_whatever_was_done_to_the_file(
    ledger: Location, statement: str, sequence: int, rule: Rule
) -> None:
    asked(ledger, statement)
    with links_of(ledger) as found:
        fault = audit(found).fault
    assert fault is not None
    assert (fault.sequence, fault.rule) == (sequence, rule)
    assert f"link {sequence if rule is not Rule.SEQUENCE else sequence - 1} of chain" in fault.detail


def test_an_audit_runs_beside_the_writer(ledger: Location) -> None:
    with opened(ledger) as writer, links_of(ledger) as found:
        next(found)
        writer.hold("dinkes-main", "vaccination", "operator", START_NS, None)
        assert audit(found).fault is not None, "its first link was taken above"
    with links_of(ledger) as found:
        assert audit(found).chains[0].links == 6


def test_an_exported_chain_verifies_by_itself(ledger: Location, tmp_path: Path) -> None:
    file = tmp_path / "chain.jsonl"
    with file.open("wb") as into:
        last = module.export(ledger, into)
    with links_of(ledger) as ours, links_of(file) as theirs:
        assert list(ours) == list(theirs)
    with links_of(file) as found:
        result = audit(found, [last])
    assert result.ok
    assert result.chains[0].links == 5


def test_an_older_ledger_without_signatures_is_audited_as_well(ledger: Location) -> None:
    asked(ledger, "DROP TABLE signature")
    asked(ledger, "DELETE FROM migration WHERE number > 1")
    with links_of(ledger) as found:
        assert audit(found).ok
    assert head_of(ledger)[0].sequence == 5


def test_a_newer_ledger_is_refused(ledger: Location) -> None:
    asked(ledger, "INSERT INTO migration (number, name, applied_at) VALUES (99, 'from the future', 0)")
    with pytest.raises(StoreError, match=r"install the newer netmon"), links_of(ledger):
        pass


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda line: line[:-1], "does not end"),
        (lambda line: line.replace(b'"chain"', b' "chain"'), "not canonical JSON"),
        (lambda line: line.replace(b'"sequence":1', b'"sequence":"1"'), "not an integer"),
        (lambda line: line.replace(b'"subject"', b'"topic"'), "'subject' is missing"),
        (lambda line: b"[" * 100_000 + b"\n", ""),
        (lambda line: b"\xff\n", "ascii"),
        (lambda line: b"[]\n", "not canonical JSON"),
        (lambda line: b'{"hash":NaN}\n', "not"),
    ],
)
def test_a_line_that_is_no_link_is_named(spoil: Callable[[bytes], bytes], why: str) -> None:
    good, bad = line_of(links(1)[0]), spoil(line_of(links(1)[0]))
    with pytest.raises(StoreError, match=rf"chain\.jsonl:2:1: is not a link .*{why}.*export it again"):
        list(exported(io.BytesIO(good + bad), Path("chain.jsonl")))


def test_a_file_that_is_neither_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be read: No such file"), links_of(tmp_path / "absent"):
        pass
    (tmp_path / "other.db").write_bytes(b"")
    asked(tmp_path / "other.db", "CREATE TABLE phonebook (name)")
    with pytest.raises(StoreError, match=r"not a netmon ledger"), links_of(tmp_path / "other.db"):
        pass

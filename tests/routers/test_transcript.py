"""What was said, for receipts: never a secret, never longer than its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.transcript import HIDDEN, LONGEST, Transcript, joined, redacted

SECRETS = st.lists(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=6, max_size=20), min_size=1, max_size=3
)
"""Of ASCII, as routers take them."""


@given(st.data(), SECRETS)
def test_no_secret_of_the_login_is_ever_shown_wherever_it_stood(data: st.DataObject, secrets: list[str]) -> None:
    words = st.sampled_from([*secrets, "interface", "Gi0/1", "password", "key", "\n", "\r\n", " ", "\x1b[0m", "x"])
    transcript = Transcript(secrets)
    for text in data.draw(st.lists(st.lists(words, max_size=20).map("".join), max_size=5)):
        for said in (transcript.begin, transcript.note, transcript.sent, transcript.received):
            said(text)
    for secret in secrets:
        assert secret not in str(transcript)


@given(st.lists(st.text(max_size=200) | st.integers(1, 3000).map(lambda n: "line of words\n" * n), max_size=12))
def test_a_transcript_is_bounded_and_keeps_its_beginning_and_its_end(texts: list[str]) -> None:
    transcript = Transcript(())
    transcript.sent("the first")
    for text in texts:
        transcript.received(text)
    transcript.sent("the last")
    shown = str(transcript)
    assert len(shown) <= LONGEST
    assert shown.startswith("> the first\n")
    assert shown.endswith("> the last\n")
    assert len(joined([shown, shown, shown])) <= LONGEST
    if sum(map(len, texts)) < 10_000:
        assert "left out" not in shown


def test_what_is_left_out_is_counted() -> None:
    transcript = Transcript(())
    for number in range(5000):
        transcript.received(f"interface GigabitEthernet0/{number}")
    first, _, rest = str(transcript).partition("... ")
    left_out, _, last = rest.partition(" lines left out ...\n")
    assert first.count("\n") + int(left_out) + last.count("\n") == 5000
    assert joined([str(transcript)]).count("left out") >= 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("enable secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0", f"enable secret {HIDDEN}"),
        ("username a privilege 15 password 7 0822455D0A16", f"username a privilege 15 password {HIDDEN}"),
        ("snmp-server community s3cret RO", f"snmp-server community {HIDDEN}"),
        ('set community "s3cret"', f"set community {HIDDEN}"),
        (
            "set system root-authentication encrypted-password $6$abc",
            f"set system root-authentication encrypted-password {HIDDEN}",
        ),
        ("crypto isakmp key s3cret address 192.0.2.1", f"crypto isakmp key {HIDDEN}"),
        (" pre-shared-key ascii-text s3cret", f" pre-shared{HIDDEN}"),
        ("wpa2-psk=s3cret", f"wpa2-psk={HIDDEN}"),
        ('"password": "s3cret", "name": "x"', f'"password": {HIDDEN}'),
        (" key-string 7 0822455D0A16", f" key-string {HIDDEN}"),
        ("SNMP-SERVER COMMUNITY S3CRET", f"SNMP-SERVER COMMUNITY {HIDDEN}"),
        ("password irreversible-cipher $1c$abc", f"password {HIDDEN}"),
        ("Password: ", "Password: "),
        ("monkey business on keyboard 1", "monkey business on keyboard 1"),
        ("interface GigabitEthernet0/1", "interface GigabitEthernet0/1"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----",
            f"-----BEGIN RSA PRIVATE KEY{HIDDEN}",
        ),
    ],
)
def test_what_follows_a_word_that_names_a_secret_is_hidden(line: str, shown: str) -> None:
    assert redacted(line, ()) == shown


def test_a_longer_secret_that_holds_a_shorter_one_is_hidden_whole() -> None:
    assert redacted("x abcdef y abc z", ("abc", "abcdef")) == f"x {HIDDEN} y {HIDDEN} z"

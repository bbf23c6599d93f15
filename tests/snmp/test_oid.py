from __future__ import annotations

import pytest
from hypothesis import given
from snmp.strategies import oids

from netmon.snmp.errors import SnmpOidError
from netmon.snmp.oid import Oid, format_oid, parse_oid


@given(oids())
def test_an_oid_survives_being_written_and_read(oid: Oid) -> None:
    assert parse_oid(format_oid(oid)) == oid
    assert parse_oid("." + format_oid(oid)) == oid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        ".1",
        "1.",
        "1..3",
        "1.3.x",
        "1.3.-6",
        "1.3.6 ",
        "..1.3",
        "1.3.４",
        "ifName.1",
        "3.1",
        "1.40",
        "0.40.1",
        "1.3.4294967296",
        "1.3.99999999999",
        ".".join(["1"] * 129),
    ],
)
def test_text_that_is_no_oid_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(SnmpOidError, match=r"\w+ \w+ \w+"):
        parse_oid(text)

"""A value as one token of a platform's command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.quoting import UnsafeValueError, quote_cisco, quote_vrp


@pytest.mark.parametrize("port", ["GigabitEthernet0/1/0.100", "Eth-Trunk1", "10.0.0.1", "2001:db8::1", "-"])
def test_vrp_writes_ports_and_addresses_as_they_are(port: str) -> None:
    assert quote_vrp(port) == port


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
def test_vrp_writes_one_word_or_nothing(text: str) -> None:
    try:
        written = quote_vrp(text)
    except UnsafeValueError:
        return
    assert written == text
    assert not set(written) & set(" ?|\"'#")


@pytest.mark.parametrize("value", ["", "Gi0/1 x", "Gi0/1?", "a|b", 'a"b', "a!b", "-x", "a;b", "x\ny"])
def test_what_cisco_cannot_quote_is_never_written(value: str) -> None:
    with pytest.raises(UnsafeValueError):
        quote_cisco(value)
    assert quote_cisco("GigabitEthernet0/0/1.100") == "GigabitEthernet0/0/1.100"

"""`set` lines: what is written is one word on the router, and read back it is the same word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.quoting import UnsafeValueError, quote_junos, quote_vyos
from netmon.routers.settings_shown import settings_in, value
from netmon.simulator.settree import split_words

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@given(PRINTABLE)
def test_whatever_junos_can_be_told_is_one_word_there_and_here(text: str) -> None:
    if "?" in text:
        with pytest.raises(UnsafeValueError):
            quote_junos(text)
        return
    line = f"set system host-name {quote_junos(text)}"
    assert split_words(line) == ["set", "system", "host-name", text]
    assert settings_in(line) == (("system", "host-name", text),)


@given(PRINTABLE)
def test_whatever_vyos_can_be_told_is_one_word_there_and_here(text: str) -> None:
    if set("?'") & set(text):
        with pytest.raises(UnsafeValueError):
            quote_vyos(text)
        return
    line = f"set system host-name {quote_vyos(text)}"
    assert split_words(line) == ["set", "system", "host-name", text]
    assert settings_in(line) == (("system", "host-name", text),)


def test_what_is_deactivated_is_not_set() -> None:
    text = "set a b c\nset a d\nset e\ndeactivate a b\n## 'x' was inherited from group 'y'\n"
    assert settings_in(text) == (("a", "d"), ("e",))
    assert value(settings_in(text), "a") == "d"
    assert value(settings_in(text), "a", "b") is None

"""Canonical JSON of core values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import a_verdict, an_alert

from netmon.core.alerts import Alert
from netmon.core.changes import Intent, Receipt
from netmon.core.model import Verdict
from netmon.store.errors import StoreError
from netmon.store.values import canonical, dump, load

VALUES = st.one_of(st.builds(Verdict), st.builds(Alert), st.builds(Intent), st.builds(Receipt))


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_every_stored_value_comes_back_as_it_was(value: Verdict | Alert | Intent | Receipt) -> None:
    text = dump(value)
    assert load(type(value), text) == value
    assert canonical(json.loads(text)) == text, "canonical text is a fixed point"


def test_the_canonical_form_is_sorted_without_spaces_in_ascii() -> None:
    text = dump(an_alert("a-1"))
    assert text.startswith('{"agency":"dinkes","circuit":null,"id":"a-1","key":')
    assert canonical({"b": [1, None, True], "a": "é\ud800"}) == '{"a":"\\u00e9\\ud800","b":[1,null,true]}'


@pytest.mark.parametrize("value", [0.5, b"bytes", {1: 2}, object()])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no canonical form"):
        dump(value)


def test_a_field_added_since_takes_its_default() -> None:
    document = json.loads(dump(an_alert("a-1")))
    del document["circuit"]
    assert load(Alert, canonical(document)) == an_alert("a-1")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "{}",
        dump(a_verdict()).replace('"over_quota"', '"because"'),
        dump(a_verdict()).replace('"step":2', '"step":"2"'),
        dump(a_verdict()).replace('"step":2', '"step":true'),
    ],
)
def test_an_unreadable_document_is_named_with_a_remedy(text: str) -> None:
    with pytest.raises(StoreError, match=r"holds a Verdict that this netmon cannot read .*; install"):
        load(Verdict, text)

from __future__ import annotations

import pytest

from netmon.routers.targets import TargetError, addresses_of


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["10.20.0.1"], ["10.20.0.1"]),
        (["core-1.example.go.id", "10.20.0.9"], ["core-1.example.go.id", "10.20.0.9"]),
        (["10.20.0.0/30"], ["10.20.0.1", "10.20.0.2"]),
        (["10.20.0.0/31"], ["10.20.0.0", "10.20.0.1"]),
        (["10.20.0.7/32"], ["10.20.0.7"]),
        (["10.20.0.2", "10.20.0.0/30"], ["10.20.0.2", "10.20.0.1"]),
        (["2001:DB8:0::1", "2001:db8::1"], ["2001:db8::1"]),
        (["2001:db8::1/128"], ["2001:db8::1"]),
    ],
)
def test_addresses_stand_once_and_in_order_without_network_and_broadcast(wanted: list[str], found: list[str]) -> None:
    assert list(addresses_of(wanted)) == found


def test_a_16_is_searched_when_it_is_asked_for() -> None:
    assert len(addresses_of(["10.20.0.0/16"], 65_536)) == 65_534


@pytest.mark.parametrize(
    ("wanted", "most", "sentence"),
    [
        ("10.20.0.0/16", 4096, "more than 4096 addresses; search it in parts, or allow more with --max"),
        ("10.0.0.0/8", 65_536, "has 16,777,216 addresses, a search at most 65,536"),
        ("10.20.0.5/24", 4096, "has bits set behind its length; did you mean 10.20.0.0/24"),
        ("10.20.0/24", 4096, "is no prefix; write for example"),
        ("10.20.0.256", 4096, "is no address, prefix or host name; write for example"),
        ("core 1", 4096, "is no address, prefix or host name"),
        ("", 4096, "is no address, prefix or host name"),
        ("2001:db8::/64", 4096, "IPv6 is not searched by prefix"),
        ("224.0.0.5", 4096, "is no router's own address"),
        ("0.0.0.0/16", 65_536, "is no router's own address"),
        ("255.255.255.255", 4096, "is no router's own address"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(wanted: str, most: int, sentence: str) -> None:
    with pytest.raises(TargetError) as told:
        addresses_of([wanted], most)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)

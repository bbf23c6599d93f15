"""What may be written of circuits that share a port, and what is said of what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon import bundled
from netmon.config.errors import ConfigError
from netmon.config.hierarchies import check_hierarchies, unheard_weights
from netmon.config.load import Configuration, load
from netmon.core.model import Faces, ShapingPoint
from netmon.routers.dialects import Names
from netmon.routers.profiles import load_profiles

BASE = """\
site: {{name: sulteng, timezone: Asia/Makassar}}
snmp: {{credentials: {{default: {{community: {{env: C}}}}}}}}
ssh: {{credentials: {{write: {{username: netmon, private_key: key}}}}, known_hosts: known_hosts}}
agencies: {{dinkes: {{name: Dinas Kesehatan}}, arsip: {{name: Arsip}}}}
routers:
  core: {{address: 10.20.0.1, uplinks: [up0]{core}}}
  edge:
    address: 10.20.0.2
    mode: enforce
    circuits:
      a: {{agency: dinkes, interface: e1, faces: agency, limited_at: {{{a}}}}}
      b: {{agency: arsip, interface: e2, faces: agency, limited_at: {{{b}}}}}
"""
A = "router: core, interface: sfp1, faces: agency, prefixes: [10.10.1.0/24, '2001:DB8:1:0::/48']"
B = "router: core, interface: sfp1, faces: agency, prefixes: [10.10.2.0/24]"
SSH = ", ssh: write"


def written(directory: Path, a: str = A, b: str = B, core: str = SSH) -> Path:
    path = directory / "netmon.yaml"
    path.write_text(BASE.format(a=a, b=b, core=core), encoding="utf-8")
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.split(": ", 1)[1] for line in str(caught.value).splitlines()]


def test_a_circuit_says_where_it_is_limited_and_by_which_prefixes(tmp_path: Path) -> None:
    first, second = load(written(tmp_path, a=A + ", port_speed: 1 Gbps")).circuits
    prefixes = ("10.10.1.0/24", "2001:db8:1::/48")
    assert first.limited_at == ShapingPoint("core", "sfp1", Faces.AGENCY, prefixes, 10**9)
    assert (second.limiting.router, second.router) == ("core", "edge")


@pytest.mark.parametrize(
    ("prefixes", "said"),
    [
        ("10.10.1.0/33", "must be an IPv4 or IPv6 prefix, for example 10.10.1.0/24 or 2001:db8:1::/48"),
        ("dinkes", "must be an IPv4 or IPv6 prefix, for example 10.10.1.0/24 or 2001:db8:1::/48"),
        ("10.10.1.7/24", "is an address within 10.10.1.0/24; write that"),
        ("'::/0'", "covers every address; name the agency's own"),
    ],
)
def test_a_prefix_that_is_none_is_named(tmp_path: Path, prefixes: str, said: str) -> None:
    a = A.partition("prefixes")[0] + f"prefixes: [{prefixes}]"
    (problem,) = refused(written(tmp_path, a=a))
    assert problem.startswith("routers.edge.circuits.a.limited_at.prefixes[0]: ")
    assert said in problem


@pytest.mark.parametrize(
    ("a", "b", "core", "place", "said"),
    [
        (A, B.replace("2.0/24", "1.128/25"), SSH, "b.limited_at.prefixes[0]", "lies within 10.10.1.0/24 of circuit a"),
        (A, B.replace("10.10.2.0/24", "10.10.0.0/16"), SSH, "a.limited_at.prefixes[0]", "lies within 10.10.0.0/16 of"),
        (A, B.replace("2.0/24]", "2.0/24, 10.10.2.0/24]"), SSH, "b.limited_at.prefixes[1]", "of this circuit"),
        (A, B.replace("core", "cora"), SSH, "b.limited_at.router", "no router is named cora; did you mean core?"),
        (A, B.replace("sfp1", "up0"), SSH, "b.limited_at.interface", "up0 is an uplink of router core"),
        (A, B.replace("faces: agency", "faces: province"), SSH, "b.limited_at.faces", "circuit a has sfp1 of router"),
        (A, B.replace("sfp1", "é"), SSH, "b.limited_at.interface", "names are ASCII"),
        (A, B.replace("core", "edge").replace("sfp1", "e9"), SSH, "b.limited_at.router", "edge has no ssh credential"),
        (
            A,
            B,
            SSH + ", circuits: {c: {agency: arsip, interface: sfp1, faces: agency}}",
            "a.limited_at.interface",
            "sfp1 of router core is limited as a whole for circuit c; give c a limited_at, too",
        ),
        (A + ", port_speed: 10 kbps", B, SSH, "a.limited_at", "10000 bit/s cannot be shared by 2 circuits"),
    ],
)
def test_what_cannot_be_told_apart_or_limited_there_is_named(
    tmp_path: Path, a: str, b: str, core: str, place: str, said: str
) -> None:
    problems = refused(written(tmp_path, a, b, core))
    assert any(one.startswith(f"routers.edge.circuits.{place}: ") and said in one for one in problems), problems


def test_only_the_router_that_limits_needs_a_login(tmp_path: Path) -> None:
    problems = refused(written(tmp_path, core=""))
    assert [one.split(": ")[0] for one in problems] == [
        f"routers.edge.circuits.{name}.limited_at.router" for name in ("a", "b")
    ]


def test_two_circuits_of_one_class_are_refused_and_told_how_to_go_on(tmp_path: Path) -> None:
    minors: dict[str, str] = {}
    twins = next(
        (minors[minor], name)
        for name in (f"c{number}" for number in range(10_000))
        if minors.setdefault(minor := Names.of(name).minor, name) != name
    )
    path = written(tmp_path)
    text = path.read_text().replace("      a: ", f"      {twins[0]}: ").replace("      b: ", f"      {twins[1]}: ")
    path.write_text(text)
    (problem,) = refused(path)
    assert problem.startswith(f"routers.edge.circuits.{twins[1]}.limited_at: on router core circuit {twins[1]} would")
    assert f"the same class as circuit {twins[0]}" in problem


def hierarchies_of(configuration: Configuration) -> list[str]:
    found = check_hierarchies(configuration, load_profiles((bundled.folder("collectors"),)))
    return [str(problem).split(": ", 1)[1] for problem in found]


def test_a_platform_without_a_hierarchy_is_refused_where_it_is_configured(tmp_path: Path) -> None:
    assert hierarchies_of(load(written(tmp_path))) == [], "not known yet: the enforcer will tell"
    assert hierarchies_of(load(written(tmp_path, core=SSH + ", platform: linux"))) == []
    assert hierarchies_of(load(written(tmp_path, core=SSH + ", platform: routeros"))) == []
    found = hierarchies_of(load(written(tmp_path, core=SSH + ", platform: cisco-ios")))
    assert [one.split(": ")[0] for one in found] == [
        f"routers.edge.circuits.{name}.limited_at.router" for name in ("a", "b")
    ]
    assert "platform cisco-ios has no hierarchy of its own, so circuits cannot share a port there" in found[0]


def test_where_a_platform_has_no_weights_unequal_ones_are_a_warning(tmp_path: Path) -> None:
    def warned(platform: str, weight: int) -> list[str]:
        path = written(tmp_path, core=f"{SSH}, platform: {platform}")
        pool = "pools: {internet: {download: 100 Mbps, upload: 100 Mbps}}\n"
        own = f"dinkes: {{name: Dinas Kesehatan, entitlements: [{{pool: internet, weight: {weight}}}]}}"
        text = path.read_text().replace("dinkes: {name: Dinas Kesehatan}", own).replace("agencies:", pool + "agencies:")
        path.write_text(text.replace("agency: dinkes,", "agency: dinkes, pools: [internet],"))
        profiles = load_profiles((bundled.folder("collectors"),))
        return [str(one).split(": ", 1)[1] for one in unheard_weights(load(path), profiles, 10**18)]

    assert warned("linux", 3) == []
    assert warned("routeros", 1) == []
    (said,) = warned("routeros", 3)
    assert said.startswith("routers.edge.circuits.a.limited_at.router: the weights of the circuits behind sfp1 differ")
    assert "platform routeros has none: what is lent there goes by priority alone" in said

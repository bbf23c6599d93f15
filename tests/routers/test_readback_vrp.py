"""What Huawei routers print, read."""

from __future__ import annotations

import re

import pytest

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_vrp import Vrp5Readback, Vrp8Readback, name_of
from netmon.routers.readbacks import UNBOUND, Foreign, Limit, Ours, Owner, PortIdentity, PortState
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
IN, OUT = name_of(NAMES, Way.INGRESS), name_of(NAMES, Way.EGRESS)
PORT = "GigabitEthernet0/0/2"
NO_CLASSIFIER, NO_POLICY = "Error: The classifier does not exist.", "Error: The policy does not exist."
VRP5, VRP8 = Vrp5Readback(), Vrp8Readback()


def port_with(*lines: str, port: str = PORT) -> str:
    return "\n".join(("#", f"interface {port}", *(f" {line}" for line in lines), "#", "return"))


def classifier(name: str, *rules: str) -> str:
    return "\n".join((f"  Classifier: {name}", "   Operator: OR", "   Rule(s) :", *(f"    {rule}" for rule in rules)))


def policy(name: str, rate: str, exceed: str = "Exceed Action: discard") -> str:
    return (
        f"  Policy: {name}\n   Classifier: default-class\n    Behavior: be\n     -none-\n"
        f"   Classifier: {name}\n    Operator: OR\n     Behavior: {name}\n      Committed Access Rate:\n"
        f"        {rate}\n        Conform Action: pass\n        Yellow  Action: pass\n        {exceed}\n"
    )


def state(
    lines: tuple[str, ...], inward: tuple[str, str] = (NO_CLASSIFIER, NO_POLICY), foreign: tuple[str, ...] = ()
) -> PortState:
    return VRP5.state([port_with(*lines), *inward, NO_CLASSIFIER, NO_POLICY], foreign, NAMES, PORT)


APPLIED = (f"traffic-policy {IN} inbound",)
ALL = classifier(IN, "if-match any")


def test_names_fit_into_the_31_characters_of_old_releases() -> None:
    longest = Names.of("dinas-kesehatan-kabupaten-pegunungan-bintang")
    assert len(name_of(longest, Way.EGRESS)) == 31
    assert name_of(longest, Way.INGRESS) != name_of(longest, Way.EGRESS)


@pytest.mark.parametrize(
    ("rate", "bps"),
    [
        ("CIR 8000 (Kbps), PIR 0 (Kbps), CBS 1496000 (byte), PBS 0 (byte), ADJUST 0", 8_000_000),
        ("CIR 64 (kbps), CBS 125000 (Byte)", 64_000),
        ("CIR 10 (Mbps), PIR 10 (Mbps)", 10_000_000),
        ("CIR 8000 (Kbps), PIR 8000 (Kbps), CBS 1504000 (byte), PBS 2504000 (byte)", 8_000_000),
        ("CIR 8000 (Kbps), CBS 1000000 (Byte)\n        PIR 8000 (Kbps), PBS 1000000 (Byte)", 8_000_000),
        ("CIR 8000 (Kbps), PIR 20000 (Kbps), CBS 300000 (byte), PBS 500000 (byte), ADJUST 0", 20_000_000),
    ],
)
def test_the_rate_is_read_in_every_layout(rate: str, bps: int) -> None:
    assert state(APPLIED, (ALL, policy(IN, rate))).ingress == Limit(bps, ours=True, foreign=None)


NETENGINE = f"""  User Defined Traffic Policy Information:
    Policy: {IN}
      Total: 5120  Used: 2  Free: 5118
      Description:
      Step: 1
      Statistic Enable
      Share-mode
      Classifier: {IN} Precedence: 1
        Behavior: {IN}
        Committed Access Rate:
          CIR 8000 (Kbps), PIR 9000 (Kbps), CBS 1496000 (byte), PBS 0 (byte), ADJUST 0
            Conform Action: pass  Yellow Action: discard  Exceed Action: discard  Color-aware: no

      Classifier: default-class Precedence: 65535
        Behavior: be
        -none-
"""
CLOUDENGINE = f"""  Traffic Policy Information:
    Policy: {IN}
      Classifier: {IN}
        Type: OR
      Behavior: {IN}
        Committed Access Rate:
          CIR 8000 (Kbps), PIR 8000 (Kbps), CBS 64000 (Bytes), PBS 64000 (Bytes)
          Color Mode: color blind
          Conform Action: pass
          Yellow Action: pass
          Exceed Action: discard
        Statistics: enable
    Total policy number is 1
"""


@pytest.mark.parametrize("shown", [NETENGINE, CLOUDENGINE], ids=["NetEngine", "CloudEngine"])
def test_every_family_lays_out_a_policy_in_its_own_way(shown: str) -> None:
    matched = f"  Classifier: {IN}\n   Operator: OR\n   Rule(s) : if-match any precedence 2\n"
    assert state(APPLIED, (matched, shown)).ingress == Limit(8_000_000, ours=True, foreign=None)


@pytest.mark.parametrize(
    ("matched", "shown"),
    [
        (ALL, policy(IN, "CIR percent 30 (%)")),
        (ALL, policy(IN, "CIR 8000 (pps)")),
        (ALL, policy(IN, "CIR 8000 (Kbps)", "")),
        (ALL, policy(IN, "CIR 8000 (Kbps)").partition("        CIR")[0]),
        (ALL, policy(IN, "CIR 8000 (Kbps)\n        CIR 9000 (Kbps)")),
        (ALL, policy("boss", "CIR 8000 (Kbps)")),
        (ALL, ""),
        (ALL.partition("    if-match")[0], policy(IN, "CIR 8000 (Kbps)")),
        ("", policy(IN, "CIR 8000 (Kbps)")),
    ],
)
def test_a_policy_that_is_applied_and_not_understood_is_not_taken_for_no_limit(matched: str, shown: str) -> None:
    with pytest.raises(AnswerUnreadableError, match="does not tell what"):
        state(APPLIED, (matched, shown))
    ports = port_with(*APPLIED)
    assert VRP5.ours([ports, policy(IN, "CIR percent 30 (%)"), "", ""]) == (Ours(IN[:-2], PORT, Way.INGRESS, None),)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (f"   Classifier: {IN}", "   Classifier: BOSS\n     Behavior: BOSS\n", "put BOSS into"),
        ("      Committed Access Rate:", "      Firewall: deny\n", "deny everything"),
        ("      Committed Access Rate:", "      deny\n", "deny everything"),
    ],
)
def test_what_somebody_put_into_our_policy_is_not_passed_over(before: str, after: str, said: str) -> None:
    shown = policy(IN, "CIR 8000 (Kbps)").replace(before, after + before)
    with pytest.raises(AnswerUnreadableError, match=said):
        state(APPLIED, (ALL, shown))


@pytest.mark.parametrize(
    "word", ["Error: The {} does not exist.", "Info: The {} does not exist.", "Info: There is no {}"]
)
def test_what_is_not_there_is_told_in_many_words(word: str) -> None:
    gone = (word.format("classifier"), word.format("traffic policy"))
    assert state((), gone).ingress == Limit(None, ours=False, foreign=None)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (port_with(*APPLIED).partition("\n#\nreturn")[0], "'the end' stands in it"),
        (port_with().replace("#\nreturn", "Nov 22 10:00 link is up\n traffic-policy x inbound\n#"), "link is up"),
    ],
)
def test_a_port_that_was_not_shown_to_its_end_is_not_read(shown: str, said: str) -> None:
    with pytest.raises(AnswerUnreadableError, match=said):
        VRP5.state([shown, ALL, NO_POLICY, NO_CLASSIFIER, NO_POLICY], (), NAMES, PORT)


def test_blank_lines_within_a_port_end_nothing() -> None:
    shown = port_with("description a", *APPLIED).replace("\n traffic", "\n\n traffic")
    found = VRP5.state([shown, ALL, policy(IN, "CIR 64 (Kbps)"), NO_CLASSIFIER, NO_POLICY], (), NAMES, PORT)
    assert found.ingress.bps == 64_000


@pytest.mark.parametrize(
    ("lines", "matched", "shown"),
    [
        ((), ALL, policy(IN, "CIR 8000 (Kbps)")),
        (APPLIED, classifier(IN, "if-match acl 3001"), policy(IN, "CIR 8000 (Kbps)")),
        (APPLIED, classifier(IN, "if-match any", "if-match acl 3001"), policy(IN, "CIR 8000 (Kbps)")),
        (APPLIED, ALL, policy(IN, "CIR 8000 (Kbps)", "Red Action : pass")),
        (APPLIED, NO_CLASSIFIER, NO_POLICY),
        ((), ALL, NO_POLICY),
    ],
)
def test_what_does_not_limit_everything_is_ours_and_no_limit(lines: tuple[str, ...], matched: str, shown: str) -> None:
    assert state(lines, (matched, shown)).ingress == Limit(None, ours=True, foreign=None)


def test_a_port_with_nothing_of_ours_has_no_limit() -> None:
    assert state(()) == PortState(Limit(None, False, None), Limit(None, False, None))


@pytest.mark.parametrize(
    ("line", "found", "blamed"),
    [
        ("traffic-policy boss outbound", Foreign("traffic-policy", "boss", Way.EGRESS, ""), "traffic-policy boss"),
        (f"traffic-policy {OUT} inbound", Foreign("traffic-policy", OUT, Way.INGRESS, ""), None),
        ("qos car outbound cir 1000", Foreign("qos car", "", Way.EGRESS, ""), "qos car"),
        ("qos gts cir 4000", Foreign("qos gts", "", None, ""), "qos gts"),
        ("qos-profile gold outbound", Foreign("qos-profile", "gold", Way.EGRESS, ""), "qos-profile gold"),
        ("port shaping 100", Foreign("port shaping", "", None, ""), "port shaping"),
    ],
)
def test_everything_else_that_shapes_the_port_is_foreign(line: str, found: Foreign, blamed: str | None) -> None:
    seen = state((line,))
    assert seen.foreigners == (Foreign(found.kind, found.name, found.way, line),)
    assert seen.egress.foreign == blamed


@pytest.mark.parametrize("line", ["description traffic-policy boss outbound", "shutdown", "mtu 1500"])
def test_other_lines_of_a_port_shape_nothing(line: str) -> None:
    assert state((line,)).foreigners == ()


def test_sub_interfaces_trunks_and_policies_of_the_whole_router_are_seen() -> None:
    ports = (
        port_with("eth-trunk 7")
        + "\n"
        + port_with("traffic-policy part inbound", port=f"{PORT}.100")
        + "\n"
        + port_with("qos car outbound cir 64", port="Eth-Trunk7")
        + "\n"
        + port_with("traffic-policy far inbound", port="GigabitEthernet0/0/20")
    )
    named = [one.name for one in state((), foreign=(ports, "traffic-policy all global outbound")).foreigners]
    assert named == [f"part on {PORT}.100", "on Eth-Trunk7", "all on the whole router"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            (
                f"{PORT} current state : UP\nDescription:to dinkes\n"
                "IP Sending Frames' Format is PKTFMT_ETHNT_2, Hardware address is 00E0-fc12-3456"
            ),
            PortIdentity(PORT, "to dinkes", "00:e0:fc:12:34:56"),
        ),
        (f"{PORT} current state : DOWN (ifindex: 9)\nDescription: \n", PortIdentity(PORT, "", "")),
        ("", None),
    ],
)
def test_a_port_is_known_by_name_description_and_address(text: str, found: PortIdentity | None) -> None:
    assert VRP8.identity([text]) == found


USERS = """  User-Intf    Delay    Type   Network Address     AuthenStatus    AuthorcmdFlag
  34  VTY 0   00:12:06  SSH    10.0.0.9             pass            no
  Username : budi
+ 35  VTY 1   00:00:00  SSH    10.0.0.5             pass            no
  Username : netmon
"""


def route(interface: str) -> str:
    heading = "Destination/Mask    Proto  Pre  Cost  Flags NextHop         Interface"
    return f"{heading}\n        0.0.0.0/0  Static 60   0     RD    10.9.0.1        {interface}"


def test_the_session_is_the_one_with_the_plus_sign() -> None:
    assert VRP5.peer([USERS]) == "10.0.0.5"
    assert VRP5.peer(["  User-Intf"]) is None


@pytest.mark.parametrize(
    ("interface", "ports", "beneath"),
    [
        ("GigabitEthernet0/0/3", "", {"GigabitEthernet0/0/3"}),
        ("Eth-Trunk1.20", port_with("eth-trunk 1") + "\n" + port_with(port="Eth-Trunk1.20"), {"Eth-Trunk1", PORT}),
        ("Vlanif30", port_with("port trunk allow-pass vlan 10 20 to 40"), {PORT}),
        ("Vlanif30", port_with("port default vlan 30"), {PORT}),
        (
            "Dialer1",
            port_with("dialer bundle 4", port="Dialer1") + "\n" + port_with("pppoe-client dial-bundle-number 4"),
            {PORT},
        ),
    ],
)
def test_what_lies_beneath_the_way_back_is_found(interface: str, ports: str, beneath: set[str]) -> None:
    assert VRP5.management([USERS, route(interface), ports]) == {interface, *beneath}


def test_every_next_hop_of_the_longest_prefix_counts() -> None:
    both = route("GigabitEthernet0/0/3") + "\n          Static 60 0 RD 10.8.0.1 GigabitEthernet0/0/4"
    assert VRP8.management([USERS, both, ""]) == {"GigabitEthernet0/0/3", "GigabitEthernet0/0/4"}
    six = "Destination  : 2001:db8::   PrefixLength : 64\nInterface    : GigabitEthernet0/0/5   Flags : D\n"
    assert VRP8.management([USERS, six, ""]) == {"GigabitEthernet0/0/5"}


def test_a_way_back_that_cannot_be_followed_is_not_guessed() -> None:
    with pytest.raises(AnswerUnreadableError, match="Tunnel0/0/1"):
        VRP5.management([USERS, route("Tunnel0/0/1"), ""])
    assert VRP5.management([USERS]) == frozenset()
    assert VRP5.management([USERS, "", ""]) == frozenset()


def test_the_marker_is_the_description_of_our_access_list_alone() -> None:
    shown = "acl name NM-OWNER 2999\n description NM-OWNER netmon:ledger-1:42\n"
    assert VRP5.owner([shown]) == Owner("ledger-1", 42)
    assert VRP5.owner([" description netmon:ledger-1:42\n"]) is None
    assert VRP5.owner([""]) is None


SAVED = f"#\n sysname R1\n#\ninterface {PORT}\n description dinkes\n#\nreturn\n"
LOCK = "User Index: {}\nUser Session Name: VTY0\nUser Name: budi\nIP Address: 10.0.0.9\n"
INACTIVE = "Trial status: INACTIVE\nTrial time left (sec): 0"


@pytest.mark.parametrize(
    ("lock", "running", "trial", "said"),
    [
        ("", SAVED, INACTIVE, None),
        (LOCK.format(35), SAVED, INACTIVE, None),
        (LOCK.format(34), SAVED, INACTIVE, "budi holds the lock"),
        ("", SAVED.replace("dinkes", "setda"), INACTIVE, "'description setda' .* was not saved"),
        ("", SAVED.replace(" description dinkes\n", ""), INACTIVE, "'description dinkes' .* was taken off"),
        ("", SAVED.replace("#\nreturn", f"traffic-policy {IN} inbound\n#\nreturn"), INACTIVE, None),
        ("", SAVED.replace("#\nreturn", f"#\ntraffic behavior {IN}\n car cir 64\n#\nreturn"), INACTIVE, None),
        ("", SAVED, "Trial status: ACTIVE\nPersist id: NM-i1\nTrial time left (sec): 5", None),
        ("", SAVED, "Trial status: ACTIVE\nTrial time left (sec): 5", "somebody else's configuration is on trial"),
    ],
)
def test_who_else_is_configuring_is_told(lock: str, running: str, trial: str, said: str | None) -> None:
    found = VRP8.others([USERS, lock, SAVED, running, trial])
    assert found == VRP8.others([USERS, "", SAVED, running, trial, lock])  # in the words of newer releases
    if said is None:
        assert found is None
    else:
        assert re.search(said, found or ""), found


def test_a_router_that_was_never_saved_is_told() -> None:
    found = VRP5.others([USERS, "", "Error: There is no file", SAVED])
    assert found is not None
    assert "no saved configuration" in found


@pytest.mark.parametrize(
    ("text", "armed"),
    [
        (INACTIVE, Armed.UNARMED),
        ("Trial status: ACTIVE\nPersist id: NM-i1\nTrial time left (sec): 51", Armed.ARMED),
        ("Trial status:  ACTIVE\nPersist id: NM-i2\nTrial time left (sec): 51", Armed.UNARMED),
        ("Trial status:  ACTIVE\nTrial time left (sec): 51", Armed.UNARMED),
    ],
)
def test_a_trial_is_ours_only_by_its_name(text: str, armed: Armed) -> None:
    assert VRP8.armed([text], "i1") is armed


def test_an_answer_without_a_status_is_not_taken_for_no_trial() -> None:
    with pytest.raises(AnswerUnreadableError):
        VRP8.armed(["Info: busy"], "i1")
    with pytest.raises(AnswerUnreadableError):
        VRP8.others([USERS, "", SAVED, SAVED, ""])


def test_all_of_ours_is_listed_bound_or_not() -> None:
    other = name_of(Names.of("bappeda"), Way.EGRESS)
    ports = port_with(*APPLIED, "traffic-policy boss outbound", f"traffic-policy {OUT} inbound")
    policies = policy(IN, "CIR 8000 (Kbps)") + policy("boss", "CIR 1 (Kbps)")
    assert VRP5.ours([ports, policies, f"  Behavior: {other}\n  Behavior: boss", classifier("NM-X")]) == (
        Ours(IN[:-2], PORT, Way.INGRESS, 8_000_000),
        Ours(other[:-2], UNBOUND, Way.EGRESS, None),
    )


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        ("2024-05-14 09:12:00+07:00", 1_715_652_720_000_000_000),
        ("2024-05-14 09:12:00\nTuesday\nTime Zone(WIB) : UTC+07:00", 1_715_652_720_000_000_000),
        ("2024-05-14 09:12:00", None),
        ("", None),
    ],
)
def test_a_survey_tells_version_and_clock(clock: str, told: int | None) -> None:
    found = VRP8.survey(["VRP (R) software, Version 8.180 (NE8000 V800R011)", clock, port_with(port="Tunnel0/0/1")])
    assert (found.version, found.clock_ns, found.privileged) == ("8.180 (NE8000 V800R011)", told, None)
    assert "Tunnel0/0/1" in found.warnings[0]

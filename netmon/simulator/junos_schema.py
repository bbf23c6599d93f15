"""What of Junos' configuration a simulated router knows. Source: Juniper, Junos OS CLI Reference."""

from __future__ import annotations

from typing import Final

from netmon.simulator.settree import Rule, flag, leaf, named, words

NAME: Final = r"[\w.:<>*-]{1,255}"
PORT: Final = r"(?:[a-z]{2,4}-\d+/\d+/\d+(?::\d+)?|(?:ae|reth|fxp|em|me|irb|vlan|lo|st)\d*|[a-z<>*-]{1,10}\*[\w/<>*-]*)"
TEXT: Final = r"[^\n]{1,900}"
NUMBER: Final = r"\d{1,10}"
RATE: Final = r"\d{1,12}(?:\.\d+)?[kmg]?"
PREFIX: Final = r"[0-9a-fA-F.:]+/\d{1,3}"
ADDRESS: Final = r"[0-9a-fA-F.:]+"


def _macros() -> Rule:
    return named(NAME, Rule(name=leaf(TEXT).value, below=leaf(TEXT)))


def _family() -> Rule:
    return words(
        ends=True,
        address=named(PREFIX, words(primary=flag())),
        dhcp=words(ends=True),
        mtu=leaf(NUMBER),
        filter=words(
            input=leaf(NAME), output=leaf(NAME), input_list=leaf(NAME, many=True), output_list=leaf(NAME, many=True)
        ),
        policer=words(input=leaf(NAME), output=leaf(NAME), arp=leaf(NAME)),
    )


def _unit() -> Rule:
    switching = words(ends=True, interface_mode=leaf("access|trunk"), vlan=words(members=leaf(NAME, many=True)))
    return words(
        description=leaf(TEXT),
        vlan_id=leaf(NUMBER),
        layer2_policer=words(input_policer=leaf(NAME), output_policer=leaf(NAME)),
        family=words(inet=_family(), inet6=_family(), ethernet_switching=switching, bridge=switching),
        apply_macro=_macros(),
    )


def _interfaces() -> Rule:
    return named(
        PORT,
        words(
            description=leaf(TEXT),
            disable=flag(),
            mtu=leaf(NUMBER),
            vlan_tagging=flag(),
            per_unit_scheduler=flag(),
            gigether_options=Rule({"802.3ad": leaf(r"ae\d+|reth\d+")}),
            aggregated_ether_options=words(ends=True, minimum_links=leaf(NUMBER)),
            unit=named(NUMBER, _unit()),
            apply_macro=_macros(),
        ),
    )


def _firewall() -> Rule:
    policer = words(
        logical_interface_policer=flag(),
        if_exceeding=words(bandwidth_limit=leaf(RATE), bandwidth_percent=leaf(NUMBER), burst_size_limit=leaf(RATE)),
        then=words(discard=flag(), loss_priority=leaf(NAME), forwarding_class=leaf(NAME)),
    )
    term = Rule(
        {
            "from": words(protocol=leaf(NAME, many=True), source_address=named(PREFIX, words())),
            "then": words(accept=flag(), discard=flag(), policer=leaf(NAME), count=leaf(NAME)),
        }
    )
    filters = named(NAME, words(interface_specific=flag(), term=named(NAME, term)))
    return words(
        policer=named(NAME, policer),
        filter=filters,
        family=words(inet=words(filter=filters), inet6=words(filter=filters)),
        apply_macro=_macros(),
    )


def _class_of_service() -> Rule:
    shaped = {
        "shaping-rate": leaf(RATE),
        "scheduler-map": leaf(NAME),
        "output-traffic-control-profile": leaf(NAME),
    }
    return words(
        interfaces=named(PORT, Rule({**shaped, "unit": named(NUMBER, Rule(shaped))})),
        traffic_control_profiles=named(NAME, words(shaping_rate=leaf(RATE), guaranteed_rate=leaf(RATE))),
        scheduler_maps=named(NAME, words(forwarding_class=named(NAME, words(scheduler=leaf(NAME))))),
    )


def _event_options() -> Rule:
    change = words(
        commands=leaf(TEXT, many=True),
        commit_options=words(log=leaf(TEXT), synchronize=flag()),
        retry=words(count=leaf(NUMBER), interval=leaf(NUMBER)),
        user_name=leaf(NAME),
    )
    return words(
        generate_event=named(
            NAME, words(time_interval=leaf(NUMBER), time_of_day=leaf(r"\d\d:\d\d:\d\d.*"), no_drift=flag())
        ),
        policy=named(NAME, words(events=leaf(NAME, many=True), then=words(change_configuration=change, ignore=flag()))),
    )


def _root() -> dict[str, Rule]:
    return {
        "system": words(host_name=leaf(NAME), time_zone=leaf(NAME), domain_name=leaf(NAME)),
        "interfaces": _interfaces(),
        "firewall": _firewall(),
        "class-of-service": _class_of_service(),
        "event-options": _event_options(),
        "routing-options": words(static=words(route=named(PREFIX, words(next_hop=leaf(ADDRESS, many=True))))),
        "vlans": named(NAME, words(vlan_id=leaf(NUMBER), l3_interface=leaf(NAME))),
        "apply-macro": _macros(),
    }


GRAMMAR: Final = Rule({**_root(), "groups": named(NAME, Rule(_root())), "apply-groups": leaf(NAME, many=True)})

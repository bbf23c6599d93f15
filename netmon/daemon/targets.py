"""From the configuration to where a circuit is limited, as the enforcer is told."""

from __future__ import annotations

from netmon.config.load import Configuration
from netmon.core.model import Circuit
from netmon.routers.port import Sharing, Target
from netmon.routers.readbacks import Owner


def target_of(
    configuration: Configuration, circuit: Circuit, sharing: Sharing | None, mac: str | None, owner: Owner | None
) -> Target:
    """`sharing`: what tells it from others at a shared port; `owner`: this netmon, with the newest revision that it
    wrote anywhere, None: the router's marker is not looked at.
    """
    place = circuit.limiting
    router = configuration.settings.routers[place.router]
    return Target(
        circuit=circuit.id,
        interface=place.interface,
        faces=place.faces,
        alias=circuit.alias if circuit.limited_at is None else None,
        mac=mac,
        uplinks=router.uplinks,
        shared=sharing,
        allow_unguarded=router.allow_unguarded,
        owner=owner,
        others=tuple(
            one.id for one in configuration.circuits if one.id != circuit.id and one.limiting.router == place.router
        ),
        known_revision=0 if owner is None else owner.revision,
    )

"""The topology part of a platform profile: which neighbour tables are read, and what says which port is part of which.

The format is docs/collectors.md.
"""

from __future__ import annotations

from enum import StrEnum

from netmon.settings import Settings


class NeighbourTable(StrEnum):
    """Where an agent lists the systems it hears at its ports."""

    LLDP = "lldp"
    """LLDP-MIB (IEEE 802.1AB-2005)."""
    LLDP_V2 = "lldp-v2"
    """LLDP-V2-MIB (IEEE 802.1AB-2009)."""
    CDP = "cdp"
    """CISCO-CDP-MIB."""
    MNDP = "mndp"
    """MIKROTIK-MIB, mtxrNeighborTable."""


class ParentSource(StrEnum):
    """What says that an interface is part of another."""

    DOT3AD = "dot3ad"
    """IEEE8023-LAG-MIB: dot3adAggPortAttachedAggID."""
    IF_STACK = "if-stack"
    """IF-MIB: ifStackTable."""
    NAMES = "names"
    """The names themselves: `ge-0/0/0.100` is part of `ge-0/0/0`."""


class TopologyProfile(Settings):
    """The `topology:` section: what is read. A table that the agent lacks costs one request."""

    neighbours: tuple[NeighbourTable, ...] = tuple(NeighbourTable)
    parents: tuple[ParentSource, ...] = tuple(ParentSource)

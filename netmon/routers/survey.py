"""One visit with all that a profile can tell: what `netmon poll` and `netmon collectors test` show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netmon.routers.discovery import Prober
from netmon.routers.explain import Explanation, Witness, explain
from netmon.routers.health import read_health
from netmon.routers.optics import read_optics
from netmon.routers.optics_values import optics_document
from netmon.routers.parents import counted_twice
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import Profiles
from netmon.routers.recording import RecordedAgent, Recording
from netmon.routers.topology import read_topology
from netmon.routers.views import Missing, poll_document
from netmon.routers.widths import mixture
from netmon.snmp.client import Agent


@dataclass(frozen=True, slots=True)
class Survey:
    """What one visit found."""

    document: dict[str, Any]
    """The `data` of `netmon/poll/1`."""
    explanation: Explanation


async def survey(
    router: str,
    agent: Agent,
    prober: Prober,
    profiles: Profiles,
    wall_ns: Callable[[], int],
    platform: str | None = None,
    circuits: Mapping[str, str] | None = None,
) -> Survey:
    """Visits the router once and reads whatever its profile names.

    `circuits`: circuit -> ifName on this router, to be held against what is part of what. Raises PollError; of the
    rest, what cannot be read is named in the document's `missing`.
    """
    witness = Witness(prober)
    poller = RouterPoller(router, agent, witness, profiles, None, wall_ns, platform)
    try:
        poll = await poller.poll()
        others = await poller.poll_others()
    finally:
        await poller.close()
    discovered = poller.discovered
    assert discovered is not None, "a poller that has polled has discovered"
    profile = discovered.profile
    repetitions = profile.quirks.max_repetitions
    topology = await read_topology(witness, agent, discovered.interfaces, profile.topology, repetitions)
    optics, no_optics = await read_optics(
        witness, agent, profile.optics, discovered.interfaces, max_repetitions=repetitions
    )
    health, no_health = await read_health(witness, agent, profile)
    twice = (Missing(circuit, why) for circuit, why in counted_twice(circuits or {}, topology.parents))
    apart = [interface.name for interface in others.identity] if others else []
    missing = [one for one in poller.missing if one.what not in apart]
    if others:
        missing.append(mixture(apart, others.counter_bits, poll.counter_bits))
    named = {one.what for one in missing}
    problems = (
        Missing("interfaces", problem)
        for problem in discovered.problems
        if not any(problem.startswith(f"{what}: ") for what in named)
    )
    document = poll_document(
        poll,
        profile.platform,
        (*missing, *problems, *twice, *topology.missing, *no_optics, *no_health),
        others=others,
        parents=topology.parents,
        optics=map(optics_document, optics),
        health=(reading.document() for reading in health),
        links=topology.links,
    )
    return Survey(document, explain(discovered, witness))


async def survey_recording(recording: Recording, profiles: Profiles, platform: str | None = None) -> Survey:
    """The same of a recorded router, as of the time when it was recorded. Raises PollError."""
    agent = Agent(recording.name)
    found = await survey(recording.name, agent, RecordedAgent(recording), profiles, lambda: recording.at_ns, platform)
    notes = [{"what": "recording", "why": note} for note in recording.notes]
    document = {**found.document, "missing": [*notes, *found.document["missing"]]}
    if not recording.has_uptime:
        document["uptime_seconds"] = None
    return replace(found, document=document)

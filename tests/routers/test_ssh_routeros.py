"""Sessions on a simulated RouterOS router: what its console does to lines and prompts is nothing to an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consoles import ServedLogin, console_router
from support.contract_routeros import SITE

from netmon.routers.dialects import Names, Verb, Way, load_dialect
from netmon.routers.readback_simple_queue import SimpleQueueReadback
from netmon.routers.session import CommandRejectedError
from netmon.routers.ssh import NetmikoSession, open_session
from netmon.simulator.device import Platform
from netmon.simulator.faults import Faults
from netmon.simulator.routeros_cli import RouterOs

NAMES = Names.of("dinkes-main")
DIALECT = load_dialect("routeros", [Path(__file__).parents[2] / "policies" / "enforcement"])
READER = SimpleQueueReadback()
LOG = "23:17:46 echo: system,error,critical login failure for user root from 192.0.2.9 via ssh"


@pytest.fixture(params=[6, 7])
def served(request: pytest.FixtureRequest) -> Iterator[ServedLogin]:
    router = SITE.router(Platform.ROUTEROS, "R1")
    with console_router(RouterOs(router, request.param), router, command_timeout_s=8) as login:
        yield login


def said(session: NetmikoSession, verb: Verb) -> list[str]:
    values = {"username": session.username, "trial": 0, "interface": SITE.port, "object": NAMES.object}
    return [session.run(one) for one in DIALECT.commands(verb, values)]


@pytest.mark.parametrize(
    "faults",
    [
        Faults(columns=80),
        Faults(columns=59),
        Faults(columns=511),
        Faults(syslog=LOG),
        Faults(syslog=LOG, columns=72, escapes=True),
        Faults(prompt="[netmon@kantor [1] utama] > "),
        Faults(prompt="[netmon@R1] /queue simple> "),
        Faults(prompt="[netmon@R1] <SAFE>"),
    ],
    ids=str,
)
def test_whatever_the_console_paints_the_same_is_read(served: ServedLogin, faults: Faults) -> None:
    served.inflict(faults)
    session = open_session(served, DIALECT)
    session.run(
        f'/queue simple add name="{NAMES.object}" target="{SITE.port}" max-limit=4000000/8000000 comment="netmon"'
    )
    state = READER.state(said(session, Verb.READ), said(session, Verb.FOREIGN), NAMES, SITE.port)
    assert (state.ingress.bps, state.egress.bps, state.foreigners) == (4_000_000, 8_000_000, ())
    assert READER.identity(said(session, Verb.IDENTITY)) is not None
    assert SITE.management in READER.management(said(session, Verb.MANAGEMENT))
    assert READER.ours(said(session, Verb.OURS))[0].object == NAMES.object
    with pytest.raises(CommandRejectedError, match="already have such name"):
        session.run(f'/queue simple add name="{NAMES.object}" target="{SITE.port}"')
    session.close()


def test_a_line_that_begins_as_a_question_of_the_echo_is_no_value(served: ServedLogin) -> None:
    """At some width a row of the echo begins just where a value's name does."""
    session = open_session(served, DIALECT)
    for columns in range(40, 60):
        served.inflict(Faults(columns=columns))
        found = READER.identity(said(session, Verb.IDENTITY))
        assert found is not None, columns
        assert found.name == SITE.port, columns
        assert READER.state(said(session, Verb.READ), (), NAMES, SITE.port).limit(Way.EGRESS).foreign is None
    session.close()

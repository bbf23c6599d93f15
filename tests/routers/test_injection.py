"""Whatever a field of the configuration or of a router's answer holds, only the templates' own commands are sent."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass, replace
from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from support.contract import ContractBed
from support.contract_bench import POLICIES, SIMULATED

from netmon.core.changes import Action, Change, Intent
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.routers.adopting import Course, Move
from netmon.routers.dialects import OF_HIERARCHIES, Dialect, DialectError, Names, Verb, Way, load_dialect
from netmon.routers.enforcement import carry_out
from netmon.routers.port import Port, RefusedError
from netmon.routers.quoting import QUOTINGS, UnsafeValueError, quote_junos, quote_routeros, quote_shell
from netmon.routers.readbacks import Foreign
from netmon.routers.session import CommandRejectedError, SessionError
from netmon.simulator import routeros_script, settree, shell_syntax, shell_tree
from netmon.simulator.console import Seat
from netmon.simulator.device import Platform, PortRole, Router
from netmon.simulator.device import Port as SimulatedPort
from netmon.simulator.routeros_cli import RouterOs

DIALECTS = {name: load_dialect(name, [POLICIES]) for name in sorted({module.PLATFORM for module in SIMULATED})}
MARK = "zq7"
"""Stands in every harmless value, and in no template."""
NASTY = (
    *("a; reboot", "a\nreboot", "a\rreboot", "$(reboot)", "`reboot`", "a && reboot", "a > /etc/passwd", "a | reboot"),
    *(
        "'; reboot; '",
        '"; /system reset; "',
        "[/system reboot]",
        "{reboot}",
        "${IFS}",
        "a'b\"c",
        '"',
        "'",
        "a\\",
        "-rf",
    ),
    *("a?", "!", "a#b", "* *", "~root", "^", "%n", "||", "a b", "a\tb", "a\x00b", "a\x1b[2J", "\x03", "\x15", "\x7f"),
    *("é", "\u2028"),
)
TEXT = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.sampled_from("az09-_.:/ ;|&$`'\"\\?!#<>(){}[]*~^%=,@+\n\r\t\x00\x03\x1b\x7fé"), min_size=1, max_size=12),
    st.text(min_size=1, max_size=8),
).filter(lambda text: text != "-")  # which stands for "none" in the templates
ROUTEROS = RouterOs(
    Router("r1", Platform.ROUTEROS, "127.0.0.1", "S", (SimulatedPort(1, "ether1", "", bytes(6), PortRole.UPLINK),), int)
)


def read_line(platform: str, line: str) -> object:
    """The line as the platform's own parser takes it apart."""
    match platform:
        case "linux" | "vyos" | "edgeos":
            return shell_syntax.Parser(line).parse()
        case "routeros":
            return routeros_script.Parser(line, ROUTEROS.catalogue).parse()
        case "junos":
            return settree.split_words(line)
        case _:
            assert not re.search(r"[?!\"'`$;\\{}]", re.sub(r'cli command ".*"', "", line)), line
            return line.split()


def same(platform: str, harmless: object, other: object) -> bool:  # noqa: PLR0911 - a table
    """Whether two parsed lines differ in values only, where the harmless one has a value."""
    if isinstance(harmless, shell_tree.Word) and isinstance(other, shell_tree.Word):
        words = [_literal(word) for word in (harmless, other)]
        if None not in words:
            return _alike(platform, words[0] or "", words[1] or "")
    if isinstance(harmless, str) and isinstance(other, str):
        return _alike(platform, harmless, other)
    if type(harmless) is not type(other):
        return False
    if isinstance(harmless, list | tuple) and isinstance(other, list | tuple):
        return len(harmless) == len(other) and all(same(platform, a, b) for a, b in zip(harmless, other, strict=True))
    if isinstance(harmless, dict) and isinstance(other, dict):
        return same(platform, [*harmless.items()], [*other.items()])
    if is_dataclass(harmless):
        return all(
            same(platform, getattr(harmless, f.name), getattr(other, f.name))
            for f in fields(harmless)
            if f.name not in {"column", "quoted"}
        )
    return harmless == other


def _literal(word: shell_tree.Word) -> str | None:
    texts = [part.text for part in word.parts if isinstance(part, shell_tree.Text)]
    return "".join(texts) if len(texts) == len(word.parts) else None


def _alike(platform: str, harmless: str, other: str) -> bool:
    """A value may be any text, a remark too; a command that is quoted as a whole is read again."""
    if _named(harmless) == _named(other):
        return True
    if MARK not in harmless:
        return False
    if " " not in harmless.strip() or harmless.startswith("netmon on "):
        return True
    try:
        return same(platform, read_line(platform, harmless), read_line(platform, other))
    except (shell_syntax.ShellSyntaxError, routeros_script.ScriptError):
        return False


def _named(text: str) -> str:
    """Without numbers and names of netmon's own, which are made of checked characters."""
    return re.sub(r"\d+", "N", re.sub(r"nm[0-9a-f]{8}|NM-[0-9A-F]{8}-[A-Z0-9-]+|\bi\d+(-r)?|4e4d:[0-9a-f]+", "O", text))


def values_of(dialect: Dialect, way: Way, text: str, circuit: str) -> dict[str, object]:
    """What the verbs may be rendered with, `text` in every free field."""
    names = Names.of(circuit)
    base = dict(
        interface=text, username=text, peer=text, owner=text, told=(((text, "10.1.0.0/24"), (text,), ((32, 252),)),),
        object=names.object, device=names.device, minor=names.minor, families=("inet",),
        arm="i1", token="i1", seconds=60, units=1, guarded=1, revision=7, trial=0,
        ingress_bps=4_000_000, egress_bps=8_000_000, **dialect.values_for(way, 8_000_000),
        preference=5, emptied=("a",), tiers=(("a", "0", 1, 2, 3, 4),), parent="a", side="dst",
        floor_bps=1, floor_burst_bytes=1, priority=1, weight=1,
        leaf=names.object, ipv4=(text,), ipv6=(text,), marks=((names.object, (text,), (text,), (8,)),),
        kind="simple-queue" if dialect.platform == "routeros" else "policer", name=text,
        setting=("firewall", text, text),
    )  # fmt: skip
    base["restore"] = dialect.commands(Verb.SET, base)
    base["removal"] = dialect.commands(Verb.REMOVE, base)
    return base


@pytest.mark.parametrize("platform", DIALECTS)
@given(text=TEXT)
@settings(max_examples=60, deadline=None)
def test_a_value_is_one_token_of_the_templates_lines_or_is_refused(platform: str, text: str) -> None:
    dialect, before = DIALECTS[platform], "eth0." if platform == "edgeos" else ""
    # Where a template asks whether there is a dot or a colon, the harmless value has one too.
    kind = f".{MARK}" * ("." in text and platform in {"junos", "edgeos"}) + ":" * (":" in text)
    for way in Way:
        harmless = values_of(dialect, way, f"{before}{MARK}{kind}", "c1")
        try:
            values = values_of(dialect, way, before + text, "c1")
        except (UnsafeValueError, DialectError):
            values = {**harmless, "interface": before + text}  # what is refused there is tried in each verb by itself
        for verb in Verb:
            if verb in OF_HIERARCHIES and dialect.settings.hierarchy is None:
                continue
            expected = dialect.commands(verb, harmless)
            try:
                lines = dialect.commands(verb, values)
            except (UnsafeValueError, DialectError):
                continue
            assert len(lines) == len(expected), (verb, lines)
            for line, meant in zip(lines, expected, strict=True):
                assert re.fullmatch(r"[\x20-\x7e]+", line)
                assert same(platform, read_line(platform, meant), read_line(platform, line)), (verb, meant, line)


@given(circuit=TEXT)
@settings(max_examples=300, deadline=None)
def test_names_of_a_circuit_hold_nothing_of_its_characters(circuit: str) -> None:
    try:
        names = Names.of(circuit)
    except UnsafeValueError:
        assert not re.fullmatch(r"[\x20-\x7e]+", circuit)
        return
    assert re.fullmatch(r"NM-[0-9A-F]{8}-[A-Z0-9](?:[A-Z0-9-]{0,18}[A-Z0-9])?", names.object)
    assert re.fullmatch(r"nm[0-9a-f]{8}", names.device)
    assert re.fullmatch(r"[0-9a-f]{1,4}", names.minor)


@given(text=TEXT)
@example(text="'\"'\"' $(id) `id` \\")
@settings(max_examples=60, deadline=None)
def test_a_real_shell_gives_a_quoted_value_back(text: str) -> None:
    if re.fullmatch(r"[\x20-\x7e]+", text):
        done = subprocess.run(
            ["sh", "-c", f"printf %s {quote_shell(text)}"], capture_output=True, check=True, text=True
        )
        assert done.stdout == text


@given(text=TEXT)
@settings(max_examples=100, deadline=None)
def test_routeros_and_junos_give_a_quoted_value_back(text: str) -> None:
    if not re.fullmatch(r"[\x20-\x7e]+", text):
        return
    assert asyncio.run(ROUTEROS.run(f":put {quote_routeros(text)}")) == f"{text}\n"
    with suppress(UnsafeValueError):
        assert settree.split_words(f"show {quote_junos(text)}") == ["show", text]


@pytest.mark.parametrize("name", QUOTINGS)
@given(text=TEXT)
@settings(max_examples=100, deadline=None)
def test_a_console_is_never_asked_for_help_nor_given_a_pipe(name: str, text: str) -> None:
    if not re.fullmatch(r"[\x20-\x7e]+", text):
        return
    with suppress(UnsafeValueError):
        quoted = QUOTINGS[name](text)
        assert name == "shell" or "?" not in quoted
        if not re.search("[\"']", quoted):
            assert not re.search(r"[\s|;&$`<>(){}!\\]", quoted)


def test_every_line_a_real_shell_gets_is_whole() -> None:
    """As a POSIX shell reads it, and not only the simulator's."""
    dialect = DIALECTS["linux"]
    for text in ("ag1", "a'b", '$(id) "x" \\', "`id`;|&"):
        for way in Way:
            values = values_of(dialect, way, text, "c1")
            for verb in Verb:
                for line in dialect.commands(verb, values):
                    done = subprocess.run(["sh", "-n"], input=line, capture_output=True, text=True, check=False)
                    assert (done.returncode, done.stderr) == (0, ""), line


class SeatSession:
    """A seat of a simulated router without the SSH between, whose answers can be altered on the way."""

    def __init__(self, seat: Seat, dialect: Dialect, runner: asyncio.Runner) -> None:
        self._seat, self._settings, self._runner = seat, dialect.settings, runner
        self.username = "netmon"
        self.sent: list[str] = []
        self.answers = 0
        self.alter: Callable[[int, str], str] = lambda _, said: said

    def run(self, command: str) -> str:
        self.sent.append(command)
        completion = (self._settings.completion or "").replace("{n}", "1")
        said = self._runner.run(self._seat.run(command + completion))
        if self._settings.completed is not None:
            done = re.search(self._settings.completed.replace("{n}", "1"), said, re.MULTILINE)
            if done is None or done[1] != "0":
                raise CommandRejectedError(said)
            said = said[: done.start()]
        if any(re.search(pattern, said, re.MULTILINE) for pattern in self._settings.errors):
            raise CommandRejectedError(said)
        self.answers += 1
        return self.alter(self.answers, said)

    def close(self) -> None:
        self._seat.close()

    def transcript(self) -> str:
        return ""


@contextmanager
def talking(bed: ContractBed, dialect: Dialect) -> Iterator[SeatSession]:
    """Its own event loop, and so its own timers: the bed's server only lends the system."""
    system = bed.system
    assert system is not None
    with asyncio.Runner() as runner:

        async def seat() -> Seat:
            return system.seat("netmon", "127.0.0.1")

        session = SeatSession(runner.run(seat()), dialect, runner)
        try:
            yield session
        finally:
            session.close()


def everything(
    bed: ContractBed, dialect: Dialect, session: SeatSession, revision: int, aside: tuple[Foreign, ...] = ()
) -> tuple[Foreign, ...]:
    """Somebody else's shaper set aside, put back and set aside again as the answers tell of it, which is returned.

    Then sets a limit, removes it, tells and wipes what is ours, surveys; whatever is refused is refused.
    """
    down = Direction.DOWNLOAD
    target = replace(bed.target(down, Faces.AGENCY), owner=None)
    port = Port(target, session, dialect)
    if aside:
        Move(Course.PUT_BACK, f"i{revision}9", None, aside, 60, target, session, dialect, time.monotonic_ns).run()
    else:
        bed.sabotage.foreign(Way.EGRESS)
    things = aside
    with suppress(SessionError, UnsafeValueError, DialectError):
        things = port.state().foreigners
    for number, course in enumerate((Course.SET_ASIDE, Course.PUT_BACK, Course.SET_ASIDE)):
        arm = f"i{revision}{number}"
        Move(course, arm, None, things, 60, target, session, dialect, time.monotonic_ns).run()
    now = time.time_ns()
    for bps in (8_000_000 + revision * 100_000, None):
        action = Action.REMOVE if bps is None else Action.SET
        change = Change("r1", target.circuit, "dinkes", down, action, None, bps, VerdictReason.OVER_QUOTA, None)
        intent = Intent(f"i{revision}", change, now, now + 200_000_000_000, expires_s=600)
        carry_out(intent, target, session, dialect, lambda *_: None, time.time_ns, time.monotonic_ns)
    with suppress(SessionError, UnsafeValueError, DialectError, RefusedError):
        for one in port.ours():
            port.configure(port.commands(Verb.WIPE, object=one.object, interface=one.interface, way="egress"))
    with suppress(SessionError, UnsafeValueError, DialectError):
        port.survey()
    return things


MOVED: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "linux": [("tbf", MARK, ("tbf", "rate", MARK, "burst", MARK, "latency", MARK))],
    "routeros": [("simple-queue", MARK, ()), ("queue-tree", MARK, ())],
    "junos": [
        ("policer", MARK, ("interfaces", MARK, "unit", "0", "family", "inet", "policer", word, MARK))
        for word in ("input", "output")
    ],
    "vrp5": [("traffic-policy", MARK, ("traffic-policy", MARK, word)) for word in ("inbound", "outbound")],
    "vrp8": [("traffic-policy", MARK, ("traffic-policy", MARK, word)) for word in ("inbound", "outbound")],
}
"""Kind, name and words of what is set aside; of platforms that need only a name there is one."""


def moves(dialect: Dialect, values: dict[str, object]) -> Iterator[str]:
    for kind, name, setting in MOVED.get(dialect.platform, [("service-policy", MARK, ())]):
        told = {**values, "kind": kind, "name": name, "setting": setting}
        back, aside = dialect.commands(Verb.PUT_BACK, told), dialect.commands(Verb.SET_ASIDE, told)
        yield from (*aside, *back)
        for restore in (aside, back):
            yield from dialect.commands(Verb.ARM, {**values, "restore": restore})


def rendered(dialect: Dialect, before: str, circuit: str) -> list[object]:
    """Every line that the templates have, those after trouble too, with harmless values; as the platform reads it."""
    lines: set[str] = set()
    rates = ((0, 0), (4_000_000, 0), (0, 8_000_000), (4_000_000, 8_000_000))
    for way, flags, dot, held in product(Way, ((0, 0), (1, 1)), ("", f".{MARK}"), rates):
        values = values_of(dialect, way, f"{before or MARK}{dot}", circuit)
        values |= {"guarded": flags[0], "trial": flags[1], "ingress_bps": held[0], "egress_bps": held[1]}
        values |= {"families": ("inet", "inet6")}
        for verb in Verb:
            if verb not in OF_HIERARCHIES:
                lines.update(dialect.commands(verb, values))
        for unbound in ({"interface": "-"}, {"object": "NM-0000770F-CLASS"}, {"peer": "-"}):
            for verb in (Verb.WIPE, Verb.MANAGEMENT):
                lines.update(dialect.commands(verb, {**values, **unbound}))
        lines.update(moves(dialect, values))
        removal = dialect.commands(Verb.REMOVE, values)
        expire = dialect.commands(Verb.EXPIRE, {**values, "removal": removal})
        lines.update(expire)
        for restored, ended in product((Verb.SET, Verb.REMOVE), ((), expire, dialect.commands(Verb.UNEXPIRE, values))):
            restore = (*dialect.commands(restored, values), *ended)
            lines.update(dialect.commands(Verb.ARM, {**values, "restore": restore}))
    return [read_line(dialect.platform, line) for line in sorted(lines)]


@pytest.mark.parametrize("module", SIMULATED, ids=lambda module: module.__name__.rpartition("contract_")[2])
@given(
    nasty=TEXT.filter(lambda text: "\n" not in text), place=st.integers(0, 60), choice=st.randoms(use_true_random=False)
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example is a router of its own
)
def test_no_answer_of_a_router_becomes_a_command(module: object, nasty: str, place: int, choice: random.Random) -> None:
    platform = module.PLATFORM  # type: ignore[attr-defined]
    dialect = DIALECTS[platform]
    with module.bed() as bed, talking(bed, dialect) as session:  # type: ignore[attr-defined]
        aside = everything(bed, dialect, session, 1)
        honest = len(session.sent)
        at = session.answers + 1 + place % session.answers

        def alter(number: int, said: str) -> str:
            words = re.findall(r"[\w./-]{3,}", said)
            if number < at or not words:
                return said
            word = choice.choice(words)
            return f"{nasty}\n{said.replace(word, f'{word}{nasty}')}\n{nasty}\n"

        session.alter = alter
        everything(bed, dialect, session, 2, aside)
        circuit = bed.target(Direction.DOWNLOAD, Faces.AGENCY).circuit
        known = rendered(dialect, "eth0" if platform == "edgeos" else "", circuit)
        for line in session.sent[honest:]:
            assert re.fullmatch(r"[\x20-\x7e]+", line)
            read = read_line(platform, line)
            assert any(same(platform, meant, read) for meant in known), (nasty, line)

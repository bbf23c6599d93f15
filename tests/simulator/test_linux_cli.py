from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest
from support.processes import PATIENCE_S, eventually
from support.virtual_time import VirtualTime

from netmon.simulator.linux_cli import Linux
from netmon.simulator.linux_host import MOST_FILE_SIZE, MOST_JOBS, Stream, Streams, Terminal
from netmon.simulator.linux_tc import qdisc_objects
from netmon.simulator.province import build_province
from netmon.simulator.shell import Shell

SHAPE = (
    "tc qdisc replace dev eth2 root handle 4e4d: htb default 1f",
    (
        "tc class replace dev eth2 parent 4e4d: classid 4e4d:1f htb rate 20000000bit ceil 20000000bit"
        " burst 50000 cburst 50000 quantum 60000"
    ),
    "tc qdisc replace dev eth2 parent 4e4d:1f handle 4e4e: bfifo limit 250000",
)
QDISCS = "tc -s -j qdisc show"
SHAPE_INGRESS = (
    "ip link add name nmaa type ifb",
    "ip link set dev nmaa alias NM-AA up",
    "tc qdisc replace dev nmaa root handle 4e4d: htb default 1f",
    "tc class replace dev nmaa parent 4e4d: classid 4e4d:1f htb rate 8mbit ceil 8mbit burst 50000 cburst 50000",
    "tc qdisc add dev eth2 handle ffff: ingress",
    (
        "tc filter add dev eth2 parent ffff: protocol all pref 20045 u32 match u32 0 0"
        " action mirred egress redirect dev nmaa"
    ),
)


@dataclass
class Login:
    linux: Linux
    shell: Shell

    async def run(self, command: str) -> tuple[str, int]:
        out = Stream()
        status = await self.shell.run(command, Streams("", out, out))
        return out.text, status

    async def all(self, *commands: str) -> None:
        for command in commands:
            assert await self.run(command) == ("", 0), command


@pytest.fixture
def login() -> Login:
    unit = build_province().unit("rumah-sakit")
    assert isinstance(unit.system, Linux)
    return Login(unit.system, unit.system.shell("root", "127.0.0.1", 40000, Terminal()))


@pytest.mark.parametrize(
    ("command", "answer", "status"),
    [
        ("echo a  'b  c' \"d$HOME\"", "a b  c d/root\n", 0),
        ("false; echo $?", "1\n", 0),
        ("true && echo yes || echo no", "yes\n", 0),
        ("false && echo yes || echo no", "no\n", 0),
        ("! true; echo $?", "1\n", 0),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n", 0),
        ("for i in 1 2 3; do [ $i = 2 ] && break; echo $i; done", "1\n", 0),
        ("x=5; while [ $x -gt 3 ]; do echo $x; x=$((x - 1)); done", "5\n4\n", 0),
        ("x=$(echo 'a b'); echo \"$x\" ${x%% *} ${x#* } ${none:-else}", "a b a b else\n", 0),
        ("printf '%s\\n' a 'b c' | grep -v '^a'", "b c\n", 0),
        ("printf '%s\\n' 'x (y)' | grep -q 'x (y)' && echo found", "found\n", 0),
        ("(x=1; exit 3); echo $? $x", "3\n", 0),
        ("{ echo a; echo b; } > /tmp/f; cat /tmp/f", "a\nb\n", 0),
        ("cat > /tmp/f <<'END'\n$x\nEND\ncat /tmp/f", "$x\n", 0),
        ("echo a > /tmp/f; echo b >> /tmp/f; sh -c 'cat /tmp/f; exit 4'", "a\nb\n", 4),
        ("exec sh -c 'echo $$' | grep -c", "grep: usage: grep [-EFqsv] PATTERN [FILE]\n", 2),
        ("printf '%s\\n' 'a b c' d | while read -r x y; do echo \"$y,$x\"; done", "b c,a\n,d\n", 0),
        ("echo '1 2' > /tmp/f; read -r p e < /tmp/f; echo $e $p; read -r p < /dev/null; echo $?", "2 1\n1\n", 0),
        ("grep -qsF b /nowhere; echo $?; echo b > /tmp/f; grep -F b /tmp/f", "2\nb\n", 0),
        ("printf '%s\\n' 'dev a root' x | sed -n 's/^dev \\([^ ]*\\) root.*/\\1!/p'", "a!\n", 0),
        ("echo 12.5 | cut -d. -f1; echo 7 | cut -d. -f2", "12\n7\n", 0),
        (
            (
                "(setsid sh -c 'echo $$ > /tmp/p; sleep 60' &); sleep 0.01; read -r p < /tmp/p; grep -qF 'sleep 60'"
                " /proc/$p/cmdline && kill -- -$p; sleep 0.01; grep -qs . /proc/$p/cmdline || echo gone"
            ),
            "gone\n",
            0,
        ),
        ("foo bar", "sh: 1: foo: not found\n", 127),
        ("foo 2>/dev/null", "", 127),
        ("rm -rf / ; ls /", "etc\nroot\nrun\ntmp\n", 0),
        ("echo a > /nowhere/f", "sh: 1: cannot open /nowhere/f: No such file or directory\n", 2),
        ("echo a; )", 'sh: 1: Syntax error: ")" unexpected\n', 2),
        ("fi", 'sh: 1: Syntax error: "f" unexpected\n', 2),
        ("tc qdisc show dev nope", 'Cannot find device "nope"\n', 1),
        ("tc qdisc frob", 'Command "frob" is unknown, try "tc qdisc help".\n', 255),
        ("ip link del dev eth2", "RTNETLINK answers: Operation not supported\n", 2),
        (
            "tc class replace dev eth2 parent 1: classid 1:1 htb rate 1mbit",
            "RTNETLINK answers: No such file or directory\n",
            2,
        ),
        ("tc qdisc del dev eth2 ingress", "Error: Invalid handle.\n", 2),
        ("ip -j link show type ifb", "[]\n", 0),
    ],
)
async def test_the_shell_answers_as_a_linux_router_does(login: Login, command: str, answer: str, status: int) -> None:
    assert await login.run(command) == (answer, status)


async def test_a_download_limit_shapes_what_leaves_the_port_and_reads_back_as_tc_prints_it(login: Login) -> None:
    await login.all(*SHAPE)
    assert login.linux.limit_bps("eth2", outward=True) == 20_000_000
    assert login.linux.limit_bps("eth2", outward=False) is None
    assert (await login.run("tc class show dev eth2"))[0] == (
        "class htb 4e4d:1f root leaf 4e4e: prio 0 rate 20Mbit ceil 20Mbit burst 50000b cburst 50000b \n"
    )
    shown = (await login.run("tc qdisc show dev eth2"))[0]
    assert shown.startswith("qdisc htb 4e4d: root refcnt 2 r2q 10 default 0x1f ")
    assert "qdisc bfifo 4e4e: parent 4e4d:1f limit 250000b\n" in shown
    await login.all("tc qdisc del dev eth2 root")
    assert login.linux.limit_bps("eth2", outward=True) is None


async def test_an_upload_limit_goes_through_an_ifb_and_ends_when_the_ifb_does(login: Login) -> None:
    await login.all(*SHAPE_INGRESS)
    assert login.linux.limit_bps("eth2", outward=False) == 8_000_000
    assert login.linux.limit_bps("eth2", outward=True) is None
    shown = (await login.run("tc filter show dev eth2 ingress"))[0]
    assert "action order 1: mirred (Egress Redirect to device nmaa) stolen" in shown
    assert '"ifalias":"NM-AA"' in (await login.run("ip -j link show type ifb"))[0]
    await login.all("ip link del dev nmaa")
    assert login.linux.limit_bps("eth2", outward=False) is None


async def test_tc_counts_what_passes_since_the_shaper_was_made_and_starts_anew_with_the_next(login: Login) -> None:
    await login.all(*SHAPE, *SHAPE_INGRESS)
    first = (await login.run("tc -s class show dev eth2"))[0]
    assert first.startswith("class htb 4e4d:1f root leaf 4e4e: prio 0 rate 20Mbit")
    assert "\n Sent " in first
    await eventually(lambda: sent(login, "eth2") > 0 and sent(login, "nmaa") > 0, "traffic to be counted")
    kinds = [(one["dev"], one["kind"], one["handle"]) for one in json.loads((await login.run(QDISCS))[0])]
    assert ("eth2", "htb", "4e4d:") in kinds
    assert ("eth2", "bfifo", "4e4e:") in kinds
    assert ("eth2", "ingress", "ffff:") in kinds
    assert ("lo", "noqueue", "0:") in kinds
    # Much more than passes while the next shaper is made, however busy the machine.
    await eventually(lambda: sent(login, "eth2") > 1_000_000, "much traffic to be counted")
    before = sent(login, "eth2")
    await login.all("tc qdisc del dev eth2 root", *SHAPE)
    assert sent(login, "eth2") < before


def sent(login: Login, device: str) -> int:
    link = login.linux.network.links[device]
    (root,) = [one for one in qdisc_objects(link, login.linux.network.sent(link)) if one.get("root")]
    return int(root["bytes"])


async def test_a_shaper_whose_class_is_missing_slows_nothing(login: Login) -> None:
    await login.all(SHAPE[0])
    assert login.linux.limit_bps("eth2", outward=True) is None
    assert (await login.run(SHAPE[0]))[1] == 2, "tc qdisc replace of an htb by itself fails on Linux"


@pytest.mark.parametrize(
    ("asked", "shown"), [("999999bit", "999992bit"), ("12345678bit", "12345Kbit"), ("1234567890bit", "1234Mbit")]
)
async def test_rates_are_rounded_and_shortened_as_tc_does(login: Login, asked: str, shown: str) -> None:
    await login.all(SHAPE[0], SHAPE[1].replace("20000000bit", asked))
    assert f"rate {shown} ceil {shown}" in (await login.run("tc class show dev eth2"))[0]


async def test_nothing_of_tc_survives_a_reboot(login: Login) -> None:
    await login.all(*SHAPE, *SHAPE_INGRESS, "mkdir -p /run/netmon", "echo a > /run/netmon/f", "echo b > /root/f")
    login.linux.reboot()
    assert login.linux.limit_bps("eth2", outward=True) is None
    assert await login.run("ls /run; cat /root/f; ip -j link show type ifb") == ("b\n[]\n", 0)


def test_an_armed_undo_fires_by_itself(login: Login) -> None:
    async def play() -> None:
        await login.all(*SHAPE)
        await login.all(
            "printf '%s\\n' 'tc qdisc del dev eth2 root' > /run/undo",
            "( setsid sh -c 'echo $$ > /run/armed; sleep 20; exec sh /run/undo' </dev/null >/dev/null 2>&1 & )",
        )
        await asyncio.sleep(19)
        assert login.linux.limit_bps("eth2", outward=True) == 20_000_000
        await asyncio.sleep(2)
        assert login.linux.limit_bps("eth2", outward=True) is None

    VirtualTime().play(play())


async def test_a_killed_undo_never_fires(login: Login) -> None:
    await login.all(
        "( setsid sh -c 'echo $$ > /run/armed; sleep 600; echo fired > /run/fired' </dev/null >/dev/null 2>&1 & )"
    )
    await eventually(lambda: login.linux.files.texts.get("/run/armed"), "the undo to be armed")
    await login.all('kill -- "-$(cat /run/armed)"')
    await eventually(lambda: not login.linux.jobs.groups, "the job to end")
    assert "/run/fired" not in login.linux.files.texts
    assert (await login.run('kill -- "-$(cat /run/armed)"'))[1] == 1


async def test_jobs_files_and_loops_are_bounded(login: Login) -> None:
    assert "Cannot fork" in (await login.run("for i in 1 2 3 4 5 6 7 8; do " + "sleep 60 & " * 9 + "done"))[0]
    assert sum(map(len, login.linux.jobs.groups.values())) == MOST_JOBS
    await login.linux.stop()
    assert not login.linux.jobs.groups
    await login.run("for i in 1 2 3 4 5; do printf '%s' $(printf '%s' " + "x" * 15_000 + ") >> /tmp/f; done")
    assert len(login.linux.files.texts["/tmp/f"]) <= MOST_FILE_SIZE
    await asyncio.wait_for(login.run("while true; do :; done"), PATIENCE_S)


async def test_deep_nesting_is_refused_not_followed(login: Login) -> None:
    for deep in ("(" * 60 + "true" + ")" * 60, "echo " + "${x:-" * 500, 'echo "' + "$(echo " * 500):
        assert await login.run(deep) == ("sh: 1: Syntax error: nested too deeply\n", 2)
    out, _ = await login.run("echo 'sh /tmp/f' > /tmp/f; sh /tmp/f")
    assert out == "sh: 1: Cannot fork\n"


U32 = "tc filter add dev eth2 parent 4e4d: protocol all pref 7 u32"


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("match u8 0x40 0xf0 at 0 match ip tos 0x28 0xfc", "40280000/f0fc0000 at 0"),
        ("match u8 0x60 0xf0 at 0 match ip6 priority 40 0xfc", "62800000/ffc00000 at 0"),
        ("match ip dsfield 0xff 0xe0", "00e00000/00e00000 at 0"),
        ("match ip tos 0x101 0xfc", None),
        ("match ip tos ef 0xfc", None),
        ("match ip6 tos 0x28 0xfc", None),
        ("match u8 0x40 0xf0 at 0 match ip6 priority 0x28 0xfc match u8 0x60 0xf0 at 0", None),
    ],
)
async def test_a_code_point_is_compared_in_the_first_word(login: Login, written: str, held: str | None) -> None:
    await login.all(*SHAPE)
    said = await login.run(f"{U32} {written} flowid 4e4d:1f")
    assert said == (("", 0) if held else ('Illegal "match"\n', 1))
    shown = (await login.run("tc filter show dev eth2"))[0]
    assert (f"  match {held}\n" in shown) is (held is not None)

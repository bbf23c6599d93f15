from __future__ import annotations

import asyncio

import pytest
from support.processes import eventually
from support.virtual_time import VirtualTime

from netmon.simulator.province import build_province
from netmon.simulator.routeros_cli import RouterOs

ADD = '/queue simple add name="NM-X" target=ether2 max-limit=4M/20000000 comment="netmon"'
MISSING = "no such item\n"


@pytest.fixture
def system() -> RouterOs:
    found = build_province().unit("gubernuran").system
    assert isinstance(found, RouterOs)
    return found


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (':put "hello"', "hello\n"),
        (':put ("a" . 1 . "\\3F\\"")', 'a1?"\n'),
        (":put [:len [/interface find]]", "6\n"),
        (':put [/interface get [find where name="ether2"] comment]', "bad command name find (line 1 column 23)\n"),
        (':put [/interface get [/interface find where name="ether2"] comment]', "setda\n"),
        (':put ([/interface get ether5]->"mac-address")', "02:4E:4D:00:01:05\n"),
        (':local a 5; :if ($a=5) do={:put "five"} else={:put "other"}', "five\n"),
        (':if ([:len [/queue simple find]]>0) do={:put "some"} else={:put "none"}', "none\n"),
        (
            ':foreach i in=[/interface find where comment="dinas" or name="ether2"] do={:put [/interface get $i name]}',
            "ether2\n",
        ),
        (':error "netmon: not armed"; :put "after"', "netmon: not armed\n"),
        ("/queue simple remove [/queue simple find where name=NM-X]", ""),
        ("/queue simple set [/queue simple find where name=NM-X] max-limit=1M/1M", ""),
        ("/queue simple remove NM-X", MISSING),
        ("/queue simple get [/queue simple find]", MISSING),
        ("/queue simple frob", "bad command name frob (line 1 column 15)\n"),
        ("/foo bar", "bad command name foo (line 1 column 2)\n"),
        (":foo", "bad command name foo (line 1 column 1)\n"),
        (':put "a"; /foo', "bad command name foo (line 1 column 12)\n"),
        (':put [:find "4M/8M" "/"]', "2\n"),
        (':put [:find "4M" "/"]', "\n"),
        (':put ("0" . [:pick "4M/8M" 2 [:len "4M/8M"]])', "0/8M\n"),
        (':put [:pick "4M/8M" 0]', "4\n"),
        (':put [:pick "4M/8M" [:find "x" "/"]]', "invalid value for argument begin\n"),
        (":put [/system resource get version]", "7.16 (stable)\n"),
        (":put [/system clock get gmt-offset]", "25200\n"),
        (":put [:len [/system history find where floating-undo=yes]]", "0\n"),
        (":put [", "expected closing bracket (line 1 column 7)\n"),
        (':put "a', "expected closing quote (line 1 column 9)\n"),
        ("/queue simple add name=a target=ether99", "input does not match any value of target\n"),
        ("/queue simple add name=a target=ether2 max-limit=fast", "input does not match any value of max-limit\n"),
        ("/queue simple add name=a colour=red", "expected end of command (argument colour)\n"),
        ("/queue simple add target=ether2", "failure: name is required\n"),
        ("/ip route add dst-address=10.0.0.0/8", "bad command name add (line 1 column 11)\n"),
        (':put ("1.2.3.4" in "1.2.3.0/24")', "true\n"),
        (
            (
                ':local p "127.0.0.1"; :foreach i in=[/ip route find where active and ($p in dst-address)]'
                " do={:put [/ip route get $i immediate-gw]}"
            ),
            "10.255.1.1%ether1\nether6\n",
        ),
        (":put " + "(" * 500, "failure: nested too deeply\n"),
        (":if (" + "!" * 500 + "true) do={}", "failure: nested too deeply\n"),
        (":put " + "[:len " * 500, "failure: nested too deeply\n"),
    ],
)
async def test_the_console_answers_as_routeros_does(system: RouterOs, line: str, answer: str) -> None:
    assert await system.run(line) == answer


async def test_a_queue_limits_its_target_with_upload_before_download(system: RouterOs) -> None:
    assert await system.run(ADD) == ""
    assert system.limit_bps("ether2", outward=False) == 4_000_000
    assert system.limit_bps("ether2", outward=True) == 20_000_000
    assert await system.run(ADD) == "failure: already have such name\n"
    assert await system.run(":put [/queue simple get NM-X max-limit]") == "4000000/20000000\n"
    assert await system.run("/queue simple set NM-X max-limit=0/5M") == ""
    assert (system.limit_bps("ether2", outward=False), system.limit_bps("ether2", outward=True)) == (None, 5_000_000)
    assert await system.run("/queue simple set NM-X disabled=yes") == ""
    assert system.limit_bps("ether2", outward=True) is None


async def test_a_queue_counts_what_passes_since_it_was_added(system: RouterOs) -> None:
    await system.run(ADD)
    await system.run("/queue tree add name=domestic parent=ether2 max-limit=7M")
    assert await system.run(":put [/queue simple get NM-X dropped]") == "0/0\n"
    read = ":put [/queue simple get NM-X bytes]; :put [/queue tree get domestic bytes]"
    octets: list[int] = []

    async def counted() -> bool:
        octets[:] = map(int, (await system.run(read)).replace("/", "\n").split())
        return all(octets)

    await eventually(counted, "traffic to be counted")
    up, down, tree = octets
    assert 0 < up < down
    assert tree > 0
    await system.run("/queue simple add name=other target=10.0.0.0/8 max-limit=1M/1M")
    assert await system.run(":put [/queue simple get other bytes]") == "0/0\n"


async def test_the_first_queue_on_a_port_decides_and_fasttrack_passes_by_all(system: RouterOs) -> None:
    await system.run(ADD)
    await system.run('/queue simple add name="later" target=ether2 max-limit=1k/1k')
    assert system.limit_bps("ether2", outward=True) == 20_000_000
    await system.run("/ip firewall filter add chain=forward action=fasttrack-connection")
    assert system.limit_bps("ether2", outward=True) is None


def test_a_delayed_job_fires_by_itself(system: RouterOs) -> None:
    async def play() -> None:
        await system.run(ADD)
        await system.run(
            '/system script add name="undo" source={/queue simple remove [/queue simple find where name="NM-X"]}'
        )
        assert await system.run(":execute script={:delay 20s; /system script run undo}") == ""
        await asyncio.sleep(19)
        assert system.limit_bps("ether2", outward=True) == 20_000_000
        await asyncio.sleep(2)
        assert system.limit_bps("ether2", outward=True) is None

    VirtualTime().play(play())


async def test_everything_survives_a_reboot_and_startup_schedulers_run(system: RouterOs) -> None:
    await system.run(ADD)
    await system.run('/system script add name="undo" source={/queue simple remove NM-X}')
    await system.run(":execute script={:delay 1h; /queue simple remove NM-X}")
    system.reboot()
    assert system.limit_bps("ether2", outward=True) == 20_000_000
    await system.run('/system scheduler add name="s" start-time=startup interval=0s on-event="undo"')
    system.reboot()
    await eventually(lambda: system.limit_bps("ether2", outward=True) is None, "the startup scheduler to run")


async def test_what_goes_wrong_in_a_job_is_logged_on_the_router(system: RouterOs) -> None:
    await system.run(':execute script={:error "lost"}')
    await eventually(lambda: list(system.log) == ["lost"], "the job to end")


async def test_endless_scripts_and_too_many_jobs_are_refused(system: RouterOs) -> None:
    await system.run("/system script add name=loop source={/system script run loop}")
    for _ in range(64):
        await system.run(":execute script={:delay 1h}")
    assert await system.run(":execute script={:delay 1h}") == "failure: too many jobs\n"
    assert "failure" in await system.run("/system script run loop")
    await system.stop()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/queue tree add name=root parent=ether2 max-limit=9M", ""),
        ("/queue tree add name=leaf parent=root packet-mark=m limit-at=1M max-limit=9M priority=3", ""),
        ("/queue tree add name=x max-limit=9M", "failure: parent is required\n"),
        ("/queue tree add name=x parent=nobody", "input does not match any value of parent\n"),
        ("/queue tree add name=x parent=global priority=9", "input does not match any value of priority\n"),
        ("/queue tree add name=x parent=global weight=2", "expected end of command (argument weight)\n"),
        ("/ip firewall mangle add action=accept", "failure: chain is required\n"),
        ("/ip firewall mangle add chain=forward dscp=64", "input does not match any value of dscp\n"),
        ("/ipv6 firewall mangle add chain=forward dscp=ef", "input does not match any value of dscp\n"),
        ("/ip firewall mangle add chain=forward action=shape", "input does not match any value of action\n"),
        (
            "/ip firewall mangle add chain=forward dst-address=2001:db8::/48",
            "input does not match any value of dst-address\n",
        ),
        (
            "/ipv6 firewall mangle add chain=forward dst-address=10.1.0.0/16",
            "input does not match any value of dst-address\n",
        ),
        (
            "/ip firewall mangle add chain=forward out-interface=wlan9",
            "input does not match any value of out-interface\n",
        ),
    ],
)
async def test_a_queue_tree_and_the_rules_that_mark_for_it_take_what_the_router_takes(
    system: RouterOs, line: str, answer: str
) -> None:
    if "parent=root" in line:
        await system.run("/queue tree add name=root parent=ether2")
    assert await system.run(line) == answer


async def test_a_mangle_rule_is_shown_as_the_router_writes_it(system: RouterOs) -> None:
    await system.run(
        "/ip firewall mangle add chain=forward dst-address=10.3.0.1/32 action=mark-packet new-packet-mark=m"
    )
    read = "[/ip firewall mangle find where new-packet-mark=m]"
    for name, value in (("dst-address", "10.3.0.1"), ("passthrough", "true"), ("in-interface", "")):
        assert await system.run(f":put [/ip firewall mangle get {read} {name}]") == f"{value}\n"

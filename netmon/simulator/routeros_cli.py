"""The command line of a simulated RouterOS router. Every change is kept at once: there is no separate startup file."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from netmon.simulator import routeros_script as script
from netmon.simulator import routeros_tables
from netmon.simulator.device import Port, PortRole, Router
from netmon.simulator.routeros_console import RouterOsSeat
from netmon.simulator.routeros_menus import Item, Menu
from netmon.simulator.routeros_script import ScriptError
from netmon.simulator.routeros_values import Result, ids_in, is_equal, is_true, lies_in, part_of, shown

MOST_STEPS = 10_000
MOST_JOBS = 64
MOST_OUTPUT = 262_144
_DEEPEST = 10
_LONGEST_DELAY_S = 86_400.0
_DELAY = re.compile(r"(\d{1,8})(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_LOOK = frozenset({"find", "get", "print"})
_ALTER = frozenset({"add", "set", "remove"})

Path = tuple[str, ...]


@dataclass(slots=True)
class _Scope:
    """One run of a line or job: its variables, its output, and the steps it may still take."""

    write: Callable[[str], None]
    variables: dict[str, Result] = field(default_factory=dict)
    steps_left: int = MOST_STEPS
    depth: int = 0
    """Scripts that run scripts."""


_BANNERS = {
    6: "\n\n  MikroTik RouterOS 6.49.10 (c) 1999-2020       http://www.mikrotik.com/\n\n",
    7: "\n\n  MikroTik RouterOS 7.16 (c) 1999-2024       https://www.mikrotik.com/\n\n",
}


class RouterOs:
    """Running configuration and jobs of one router."""

    def __init__(self, router: Router, release: int = 7) -> None:
        """`release`: 6 or 7, which write routes and dates differently."""
        self._router = router
        self._release = release
        self._menus = routeros_tables.menus(router.ports, release)
        self.banner = _BANNERS[release]
        self._jobs: set[asyncio.Task[None]] = set()
        self._counted_from: dict[tuple[Path, str], tuple[int, int]] = {}
        """What a queue's port had counted when the queue was added."""
        self.log: deque[str] = deque(maxlen=100)
        """What jobs complained about."""
        for port in router.ports:
            self._menus["interface",].insert(
                {
                    "name": port.name,
                    "default-name": port.name,
                    "type": "vlan" if port.parent else "ether",
                    "mac-address": port.mac_text.upper(),
                    "comment": port.alias,
                    "running": True,
                    "disabled": False,
                }
            )
            if port.parent:
                vlan = {"name": port.name, "interface": port.parent, "vlan-id": f"{port.vlan}"}
                self._menus["interface", "vlan"].insert({**vlan, "disabled": False})
            self._address(port)

    def _address(self, port: Port) -> None:
        match port.role:
            case PortRole.MANAGEMENT:
                own, reached = f"{self._router.address}/8", "127.0.0.0/8"
            case PortRole.UPLINK:
                own, reached = f"10.255.{port.index}.2/30", "0.0.0.0/0"
            case _:
                own, reached = f"10.{port.mac[-2]}.{port.index}.1/24", f"10.{port.mac[-2]}.{port.index}.0/24"
        self._menus["ip", "address"].insert({"address": own, "interface": port.name, "disabled": False, "comment": ""})
        gateway = f"10.255.{port.index}.1" if port.role is PortRole.UPLINK else port.name
        by = port.role is PortRole.UPLINK
        told = (
            {"gateway-status": f"{gateway} reachable{f' via  {port.name}' if by else ''}"}
            if self._release == 6
            else {"immediate-gw": f"{gateway}%{port.name}" if by else gateway}
        )
        self._menus["ip", "route"].insert({"dst-address": reached, "gateway": gateway, **told, "active": True})

    # --- what the rest of the simulation sees ------------------------------------------------

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        """The first enabled simple queue on the port decides; FastTrack takes packets past all of them."""
        rules = self._menus["ip", "firewall", "filter"].items.values()
        if any(rule.get("action") == "fasttrack-connection" and rule["disabled"] is False for rule in rules):
            return None
        for queue in self._menus["queue", "simple"].items.values():
            if queue["disabled"] is False and interface in str(queue["target"]).split(","):
                upload, _, download = str(queue["max-limit"]).partition("/")
                return int(download if outward else upload) or None
        return None

    def reboot(self) -> None:
        """Jobs end and counters begin anew; schedulers that start with the router run."""
        self._counted_from.clear()
        for job in self._jobs:
            job.cancel()
        for event in [
            str(item["on-event"])
            for item in self._menus["system", "scheduler"].items.values()
            if item["start-time"] == "startup" and item["disabled"] is False
        ]:
            self._start_job(event)

    async def stop(self) -> None:
        jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    def seat(self, username: str, peer: str) -> RouterOsSeat:
        return RouterOsSeat(f"[{username}@{self._router.name}] > ", self.run, self.log_in(username, peer))

    def log_in(self, username: str, peer: str) -> Callable[[], None]:
        """Shows a session under `/user active`; returns what ends it."""
        sessions, users = self._menus["user", "active"], self._menus[("user",)]
        if not any(user["name"] == username for user in users.items.values()):
            users.insert({"name": username, "group": "full"})
        one = sessions.insert({"name": username, "address": peer, "via": "ssh"})
        return lambda: sessions.remove([one]) if one in sessions.items else None

    async def run(self, line: str) -> str:
        """The answer to one line, as the router prints it."""
        parts: list[str] = []
        left = MOST_OUTPUT

        def write(output: str) -> None:
            nonlocal left
            parts.append(output[:left])
            left -= len(parts[-1])

        try:
            await self._run(self._parsed(line), _Scope(write))
        except ScriptError as error:
            parts.append(f"{error}\n")
        return "".join(parts)

    def catalogue(self, path: Path) -> frozenset[str] | None:
        """The words that may follow a menu's path; None for a verb."""
        below = frozenset(
            menu[len(path)] for menu in self._menus if len(menu) > len(path) and menu[: len(path)] == path
        )
        menu = self._menus.get(path)
        if menu is None:
            return below or None
        verbs = _LOOK | (_ALTER if menu.writable else frozenset())
        return below | verbs | (frozenset({"run"}) if path == ("system", "script") else frozenset())

    # --- running -----------------------------------------------------------------------------

    def _parsed(self, line: str) -> script.Script:
        return script.Parser(line, self.catalogue).parse()

    def _start_job(self, source: str) -> None:
        if len(self._jobs) >= MOST_JOBS:
            raise ScriptError("failure: too many jobs")

        async def work() -> None:
            try:
                named = {
                    str(item["name"]): str(item["source"]) for item in self._menus["system", "script"].items.values()
                }
                await self._run(self._parsed(named.get(source, source)), _Scope(lambda output: None))
            except ScriptError as error:
                self.log.append(str(error))

        job = asyncio.create_task(work())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _run(self, body: script.Script, scope: _Scope) -> Result:
        result: Result = None
        for command in body.commands:
            scope.steps_left -= 1
            if scope.steps_left < 0:
                raise ScriptError("failure: script runs too long")
            self._router.settle()
            result = await (self._menu(command, scope) if command.path else self._global(command, scope))
        return result

    async def _global(self, command: script.Command, scope: _Scope) -> Result:  # noqa: PLR0911 - a table
        first = command.positional[0] if command.positional else None
        match command.verb:
            case "if":
                branch = command.named.get("do" if is_true(await self._value(first, scope)) else "else")
                return await self._block(branch, scope)
            case "foreach":
                name = str(await self._value(first, scope))
                items = await self._value(command.named.get("in"), scope)
                for item in items if isinstance(items, list) else [] if items in (None, "") else [items]:
                    scope.variables[name] = item
                    await self._block(command.named.get("do"), scope)
                return None
            case "local" | "set":
                value = await self._value(command.positional[1], scope) if len(command.positional) > 1 else None
                scope.variables[str(await self._value(first, scope))] = value
                return None
            case "put":
                scope.write(shown(await self._value(first, scope)) + "\n")
                return None
            case "error":
                raise ScriptError(shown(await self._value(first, scope)))
            case "execute":
                source = command.named.get("script", first)
                self._start_job(
                    source.text if isinstance(source, script.Block) else shown(await self._value(source, scope))
                )
                return None
            case "delay":
                await asyncio.sleep(_delay(shown(await self._value(first, scope))))
                return None
            case "find" | "pick":
                return part_of(command.verb, [await self._value(one, scope) for one in command.positional])
            case "toarray":
                return [part for part in shown(await self._value(first, scope)).split(",") if part]
            case "len":
                value = await self._value(first, scope)
                return len(value) if isinstance(value, list | dict) else len(shown(value))
        return shown(await self._value(first, scope))

    async def _block(self, branch: script.Expression | None, scope: _Scope) -> Result:
        return await self._run(branch.body, scope) if isinstance(branch, script.Block) else None

    async def _menu(self, command: script.Command, scope: _Scope) -> Result:
        menu = self._menus[command.path]
        positional = [await self._value(one, scope) for one in command.positional]
        if command.verb in ("find", "print"):
            found = await self._found(menu, command, scope)
            if command.verb == "find":
                return found
            return self._print(menu, found, "as-value" in positional, scope)
        named = {name: shown(await self._text(value, scope)) for name, value in command.named.items()}
        if menu.single and command.verb == "get":
            return self._of_the_system(command.path).get(shown(positional[0]) if positional else "")
        ids = [menu.id_of(one) for one in ids_in(positional[:1])]
        match command.verb:
            case "add":
                one = menu.add(named)
                self._counted_from[command.path, one] = self._octets(command.path, menu.items[one])
                return one
            case "set":
                menu.set(ids, named)
            case "remove":
                menu.remove(ids)
            case "run":
                scope.depth += 1
                if scope.depth > _DEEPEST:
                    raise ScriptError("failure: scripts run each other too deeply")
                for one in ids:
                    await self._run(self._parsed(str(menu.item(one)["source"])), scope)
                scope.depth -= 1
            case "get":
                if len(ids) != 1:
                    raise ScriptError("no such item")
                item = {**menu.item(ids[0]), **self._statistics(command.path, ids[0])}
                return item.get(shown(positional[1])) if len(positional) > 1 else {".id": ids[0], **item}
        return None

    def _of_the_system(self, path: Path) -> Item:
        return _clock(self._release) if path == ("system", "clock") else next(iter(self._menus[path].items.values()))

    def _octets(self, path: Path, item: Item) -> tuple[int, int]:
        """(into, out of) the port a queue is on; none where it is on a network or another queue."""
        named = str(item.get("target" if path == ("queue", "simple") else "parent", ""))
        port = next((port for name in named.split(",") if (port := self._router.port(name))), None)
        return (0, 0) if port is None else self._router.octets(port)

    def _statistics(self, path: Path, one: str) -> Item:
        """A queue's counters. The simulation knows no packets: one is taken to be of 1,000 octets, none is dropped."""
        if path not in (("queue", "simple"), ("queue", "tree")):
            return {}
        then = self._counted_from.get((path, one), (0, 0))
        into, out = (
            now - before for now, before in zip(self._octets(path, self._menus[path].item(one)), then, strict=True)
        )
        if path == ("queue", "tree"):
            return {"bytes": str(out), "packets": str(-(-out // 1000)), "dropped": "0"}
        return {"bytes": f"{into}/{out}", "packets": f"{-(-into // 1000)}/{-(-out // 1000)}", "dropped": "0/0"}

    async def _found(self, menu: Menu, command: script.Command, scope: _Scope) -> list[str]:
        found = []
        wanted = {name: await self._value(value, scope) for name, value in command.named.items()}
        for one, item in menu.items.items():
            if all(is_equal(item.get(name), value) for name, value in wanted.items()) and (
                command.where is None or is_true(await self._value(command.where, scope, item))
            ):
                found.append(one)
        return found

    def _print(self, menu: Menu, found: Sequence[str], as_value: bool, scope: _Scope) -> Result:
        rows = [{".id": one, **menu.items[one]} for one in found]
        if as_value:
            return [shown(row) for row in rows]
        for number, row in enumerate(rows):
            flag = "X" if row.get("disabled") is True else " "
            cells = (f'{name}="{shown(value)}"' for name, value in row.items() if name not in (".id", "disabled"))
            scope.write(f"{number:2} {flag} {' '.join(cells)}\n")
        return None

    # --- expressions -------------------------------------------------------------------------

    async def _text(self, expression: script.Expression, scope: _Scope) -> Result:
        return expression.text if isinstance(expression, script.Block) else await self._value(expression, scope)

    async def _value(  # noqa: PLR0911 - a table
        self, one: script.Expression | None, scope: _Scope, item: Item | None = None
    ) -> Result:
        match one:
            case None:
                return None
            case script.Literal(value=value):
                return value
            case script.Variable(name=name):
                return scope.variables.get(name)
            case script.Property(name=name):
                return name if item is None else item.get(name)
            case script.Interpolated(parts=parts):
                return "".join(
                    part if isinstance(part, str) else shown(scope.variables.get(part.name)) for part in parts
                )
            case script.Block(text=source):
                return source
            case script.Inner(body=body):
                return await self._run(body, scope)
            case script.Negation(operand=operand):
                return not is_true(await self._value(operand, scope, item))
            case script.Operation():
                return await self._operation(one, scope, item)

    async def _operation(  # noqa: PLR0911 - a table
        self, one: script.Operation, scope: _Scope, item: Item | None
    ) -> Result:
        left = await self._value(one.left, scope, item)
        if one.operator in ("and", "&&", "or", "||"):
            decided = is_true(left) is (one.operator in ("or", "||"))
            return is_true(left) if decided else is_true(await self._value(one.right, scope, item))
        right = await self._value(one.right, scope, item)
        match one.operator:
            case ".":
                joined = shown(left) + shown(right)
                if len(joined) > MOST_OUTPUT:
                    raise ScriptError("failure: string too long")
                return joined
            case "->":
                return left.get(shown(right)) if isinstance(left, dict) else None
            case "=":
                return is_equal(left, right)
            case "!=":
                return not is_equal(left, right)
            case "in":
                return lies_in(shown(left), shown(right))
            case "~":
                return re.search(shown(right), shown(left)) is not None
        try:
            return int(shown(left)) < int(shown(right)) if one.operator == "<" else int(shown(left)) > int(shown(right))
        except ValueError:
            raise ScriptError("cannot compare if these are not numbers") from None


def _clock(release: int) -> Item:
    """The hour of Jakarta."""
    now = datetime.now(timezone(timedelta(hours=7)))
    date = f"{now:%b/%d/%Y}".lower() if release == 6 else f"{now:%Y-%m-%d}"
    return {"date": date, "time": f"{now:%H:%M:%S}", "gmt-offset": "25200"}


def _delay(written: str) -> float:
    match = _DELAY.fullmatch(written)
    if match is None:
        raise ScriptError("invalid value for argument delay-time")
    return min(int(match[1]) * _SECONDS[match[2]], _LONGEST_DELAY_S)

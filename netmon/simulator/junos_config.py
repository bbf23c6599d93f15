"""The configuration database of a simulated Junos router: candidate, lock, commits, rollbacks and event policies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from netmon.simulator.junos_schema import GRAMMAR
from netmon.simulator.settree import Path, Setting, SettingError, Tree, known, rule_at, settings_of, split_words

MOST_COMMITS = 50
MOST_EVENTS = 10
_LEAST_INTERVAL_S, _MOST_INTERVAL_S = 60, 2_592_000
_DISK_FULL = "error: could not write configuration database: No space left on device\n"


class CommitError(Exception):
    """A commit that the router refuses; the message is what it prints."""


@dataclass(frozen=True, slots=True)
class Commit:
    tree: Tree
    inactive: frozenset[Path]
    at: datetime
    user: str
    via: str = "cli"
    comment: str = ""
    minutes: int | None = None
    """Committed on trial for so long."""


@dataclass(slots=True)
class Candidate:
    tree: Tree
    inactive: frozenset[Path]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and (self.tree, self.inactive) == (other.tree, other.inactive)

    __hash__ = None  # type: ignore[assignment]  # it can be altered

    def set(self, settings: Iterable[Setting]) -> None:
        for setting in settings:
            self.tree.put(setting)

    def delete(self, start: Path) -> bool:
        self.inactive = frozenset(path for path in self.inactive if path[: len(start)] != start)
        return self.tree.delete(start)

    def copy(self) -> Candidate:
        return Candidate(self.tree.copy(), self.inactive)


class Database:
    """Commits take effect here; timers run `speed` times as fast as on a router."""

    def __init__(self, tree: Tree, settle: Callable[[], None], speed: float) -> None:
        self._settle = settle
        self.speed = speed
        self._began = datetime.now(UTC)
        self.history = [Commit(tree, frozenset(), self.now(), "root", "other")]
        self.candidate = self.active_copy()
        """The shared one."""
        self.lock: object | None = None
        """Who holds it exclusively."""
        self.pending: asyncio.Task[None] | None = None
        """Rolls back what is not confirmed."""
        self.deadline: datetime | None = None
        self._events: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.disk_full = False

    def now(self) -> datetime:
        return self._began + (datetime.now(UTC) - self._began) * self.speed

    @property
    def left_s(self) -> int | None:
        """Until what is on trial is rolled back; None: nothing is."""
        return None if self.deadline is None else max(0, round((self.deadline - self.now()).total_seconds()))

    @property
    def active(self) -> Commit:
        return self.history[0]

    def active_copy(self) -> Candidate:
        return Candidate(self.active.tree.copy(), self.active.inactive)

    @property
    def modified(self) -> bool:
        return self.candidate != self.active_copy()

    def effective(self) -> Tree:
        """What is in force: without what is deactivated, with what groups add."""
        return effective(self.active.tree, self.active.inactive)

    def commit(self, candidate: Candidate, user: str, via: str = "cli", comment: str = "", minutes: int = 0) -> None:
        """`minutes`: rolled back after so long unless confirmed; 0: for good, and confirms. Raises CommitError."""
        check(effective(candidate.tree, candidate.inactive))
        if self.disk_full:
            raise CommitError(_DISK_FULL)
        self._disarm()
        self._settle()
        before = self.active
        done = candidate.copy()
        self.history.insert(0, Commit(done.tree, done.inactive, self.now(), user, via, comment, minutes or None))
        del self.history[MOST_COMMITS:]
        self.candidate = self.active_copy()
        if minutes:
            self.deadline = self.now() + timedelta(minutes=minutes)
            self.pending = self._start(self._roll_back(before, minutes * 60))
        self._watch_events()

    def check(self, candidate: Candidate) -> None:
        """`commit check`, which also confirms and leaves no line of its own in the history. Raises CommitError."""
        check(effective(candidate.tree, candidate.inactive))
        self._disarm()

    def reboot(self) -> None:
        """What is committed is saved; what waited for its confirmation is rolled back at the next start."""
        previous = self.history[1] if self.pending is not None else None
        self.lock = None
        for task in self._tasks:
            task.cancel()
        self._events.clear()
        self._disarm()
        if previous is not None:
            self._restore(previous)
        self.candidate = self.active_copy()
        self._watch_events()

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- timers ------------------------------------------------------------------------------

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _disarm(self) -> None:
        if self.pending is not None and self.pending is not asyncio.current_task():
            self.pending.cancel()
        self.pending = self.deadline = None

    async def _roll_back(self, before: Commit, seconds: int) -> None:
        await asyncio.sleep(seconds / self.speed)
        self._restore(before)

    def _restore(self, before: Commit) -> None:
        self.pending = self.deadline = None
        self._settle()
        self.history.insert(0, Commit(before.tree, before.inactive, self.now(), "root", "other"))
        self.candidate = self.active_copy()
        self._watch_events()

    def _watch_events(self) -> None:
        """Timers of events that came or changed are begun anew; the others go on."""
        tree, wanted = self.effective(), dict[str, str]()
        for event in tree.names("event-options", "generate-event"):
            if interval := tree.value("event-options", "generate-event", event, "time-interval"):
                wanted[event] = interval
        for event, (interval, task) in tuple(self._events.items()):
            if wanted.get(event) != interval:
                if task is not asyncio.current_task():
                    task.cancel()
                del self._events[event]
        for event, interval in wanted.items():
            if event not in self._events:
                self._events[event] = (interval, self._start(self._repeat(event, int(interval))))

    async def _repeat(self, event: str, seconds: int) -> None:
        while True:
            await asyncio.sleep(seconds / self.speed)
            tree = self.effective()
            for policy in tree.names("event-options", "policy"):
                if event in tree.names("event-options", "policy", policy, "events"):
                    await self._change(tree, ("event-options", "policy", policy, "then", "change-configuration"))

    async def _change(self, tree: Tree, place: Path) -> None:
        """An event policy's change-configuration, tried again while somebody holds the configuration."""
        count = int(tree.value(*place, "retry", "count") or 0)
        interval = int(tree.value(*place, "retry", "interval") or 0)
        for _ in range(count + 1):
            if self.lock is None and not self.modified:
                candidate = self.active_copy()
                for command in tree.names(*place, "commands"):
                    obey(candidate, command)
                try:
                    self.commit(candidate, tree.value(*place, "user-name") or "root", "junoscript")
                except CommitError:
                    return
                return
            await asyncio.sleep(interval / self.speed)


def obey(candidate: Candidate, command: str) -> None:
    """One `set`, `delete`, `activate` or `deactivate` of an event policy; what is wrong is passed over."""
    try:
        verb, *path = split_words(command)
        if verb == "set":
            candidate.set(settings_of(GRAMMAR, path, several=True))
        elif verb == "delete":
            deletable(path)
            candidate.delete(tuple(path))
    except (SettingError, ValueError):
        return


def deletable(path: Sequence[str]) -> None:
    """Raises SettingError: a leaf is deleted and deactivated without its value, unless it keeps several."""
    known(GRAMMAR, path)
    above = rule_at(GRAMMAR, path[:-1])
    if above.value is not None and not above.many:
        raise SettingError("word", len(path) - 1)


def effective(tree: Tree, inactive: frozenset[Path]) -> Tree:
    """Without deactivated settings, with those of applied groups that are not set already."""
    found = Tree(path for path in tree if not any(path[: len(gone)] == gone for gone in inactive))
    for group in found.names("apply-groups"):
        for path in found.under(("groups", group)):
            for setting in settings_of(GRAMMAR, path, several=True):
                if setting.leaf is None or not found.has(setting.leaf):
                    found.put(setting)
    return Tree(path for path in found if path[0] not in ("groups", "apply-groups"))


def check(tree: Tree) -> None:
    """What a commit checks. Raises CommitError."""
    policers = set(tree.names("firewall", "policer"))
    for name in policers:
        place = ("firewall", "policer", name)
        for missing in ("bandwidth-limit", "burst-size-limit"):
            if tree.value(*place, "if-exceeding", missing) is None:
                _refuse(place, missing, f"missing mandatory statement: '{missing}'")
    for path in tree:
        at = path.index("policer") if "policer" in path[:-2] else 0
        if path[0] == "interfaces" and at and path[-1] not in policers:
            _refuse(path[:at], "policer", f"Referenced policer '{path[-1]}' is not defined")
    _check_events(tree)


def _check_events(tree: Tree) -> None:
    events = tree.names("event-options", "generate-event")
    if len(events) > MOST_EVENTS:
        _refuse(("event-options",), "generate-event", f"number of elements exceeds limit of {MOST_EVENTS}")
    for event in events:
        interval = tree.value("event-options", "generate-event", event, "time-interval")
        if interval is not None and not _LEAST_INTERVAL_S <= int(interval) <= _MOST_INTERVAL_S:
            _refuse(
                ("event-options", "generate-event", event), "time-interval", f"Value {interval} is not within range"
            )
    for policy in tree.names("event-options", "policy"):
        for mandatory in ("events", "then"):
            if not tree.has(("event-options", "policy", policy, mandatory)):
                place = ("event-options", "policy", policy)
                _refuse(place, mandatory, f"Missing mandatory statement: '{mandatory}'")


def _refuse(place: Path, word: str, said: str) -> None:
    raise CommitError(f"[edit {' '.join(place)}]\n  '{word}'\n    {said}\nerror: configuration check-out failed\n")

"""The daemon's child processes: spawned, asked over a pipe, restarted when they die.

The interpreter lock makes threads no isolation, so Netmiko and heavy computation live in processes of
their own. A child ends when its pipe closes, which it does when the daemon ends in whatever way.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class ChildDiedError(RuntimeError):
    """The child ended before it answered; what it was doing may or may not have happened."""


class ChildFailedError(RuntimeError):
    """The child answered that it could not do it; the message is its own sentence."""


@dataclass(frozen=True, slots=True)
class Request:
    number: int
    payload: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request, or, with `asks`, a question the parent answers with the same number."""

    number: int
    payload: Any
    failed: bool = False
    asks: bool = False


class Channel:
    """The child's end of the pipe; safe to use from several threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._replies: dict[int, tuple[threading.Event, list[Answer]]] = {}
        self._numbers = count(1)

    def serve(self, handle: Callable[[Any, Callable[[Any, bool], None]], None]) -> None:
        """Hands every request to `handle(payload, reply)` until the parent is gone."""
        # A child lives long and does little: what refers to itself would wait for hours to be collected.
        gc.collect()
        gc.freeze()
        gc.set_threshold(700, 5, 2)
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                return
            if isinstance(message, Request):
                handle(message.payload, self._replier(message.number))
            elif isinstance(message, Answer):
                event, slot = self._replies.pop(message.number)
                slot.append(message)
                event.set()

    def ask(self, payload: Any) -> Any:
        """Asks the parent and waits for its answer. Raises ChildFailedError with the parent's sentence."""
        number = next(self._numbers)
        event: threading.Event = threading.Event()
        slot: list[Answer] = []
        self._replies[number] = (event, slot)
        self._send(Answer(number, payload, asks=True))
        event.wait()
        if slot[0].failed:
            raise ChildFailedError(str(slot[0].payload))
        return slot[0].payload

    def _replier(self, number: int) -> Callable[[Any, bool], None]:
        def reply(payload: Any, failed: bool) -> None:
            self._send(Answer(number, payload, failed))

        return reply

    def _send(self, answer: Answer) -> None:
        with self._sending:
            try:
                self._pipe.send(answer)
            except OSError:
                os._exit(0)  # the daemon is gone: nobody may act on its behalf any more


Main = Callable[[Channel, Any], None]
Questions = Callable[[Any], Awaitable[Any]]


def _child(main: Main, pipe: Connection, setup: Any) -> None:
    # The terminal's and the service manager's signals are for the daemon, which closes the pipe when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    main(Channel(pipe), setup)
    os._exit(0)  # threads inside a hung session must not keep the process


class Child:
    """One child process and the requests it has in hand."""

    def __init__(self, name: str, main: Main, setup: Any, questions: Questions | None = None) -> None:
        self.name = name
        self._main, self._setup, self._questions = main, setup, questions
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._running = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._pickling = ThreadPoolExecutor(1, f"{name}-pipe")

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Starts the child and returns only by raising ChildDiedError; supervision starts it again."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        process = context.Process(
            target=_child, args=(self._main, theirs, self._setup), name=f"netmon-{self.name}", daemon=True
        )
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, process.start)
        theirs.close()
        gone = asyncio.Event()
        self._process, self._pipe = process, ours
        loop.add_reader(ours.fileno(), self._readable, ours, gone)
        os.set_blocking(ours.fileno(), True)  # uvloop has made it non-blocking: a large message would be cut short
        self._running.set()
        try:
            await gone.wait()
            raise ChildDiedError(f"the {self.name} process ended")
        finally:
            self._running.clear()
            loop.remove_reader(ours.fileno())
            await self._off_the_loop(Connection.close, ours)
            self._process = self._pipe = None
            self._fail_pending()
            await asyncio.shield(loop.run_in_executor(None, _reap, process))

    async def request(self, payload: Any) -> Any:
        """Sends `payload` and returns the answer. Raises ChildFailedError or ChildDiedError."""
        await self._running.wait()
        pipe = self._pipe
        if pipe is None:
            raise ChildDiedError(f"the {self.name} process is not running")
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            await self._off_the_loop(pipe.send, Request(number, payload))
            return await future
        except OSError as error:
            raise ChildDiedError(f"the {self.name} process ended before it answered") from error
        finally:
            self._pending.pop(number, None)

    def _readable(self, pipe: Connection, gone: asyncio.Event) -> None:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            gone.set()
            return
        task = asyncio.get_running_loop().create_task(self._received(pipe, message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _received(self, pipe: Connection, message: bytes) -> None:
        answer: Answer = await self._off_the_loop(pickle.loads, message)  # our own child wrote it
        if answer.asks:
            await self._reply(pipe, answer)
            return
        future = self._pending.get(answer.number)
        if future is None or future.done():
            return
        if answer.failed:
            future.set_exception(ChildFailedError(str(answer.payload)))
        else:
            future.set_result(answer.payload)

    async def _reply(self, pipe: Connection, question: Answer) -> None:
        if self._questions is None:
            reply = Answer(question.number, f"the daemon takes no questions from the {self.name}", failed=True)
        else:
            try:
                reply = Answer(question.number, await self._questions(question.payload))
            except RuntimeError as error:
                reply = Answer(question.number, str(error), failed=True)
        if not pipe.closed:
            with suppress(OSError):  # it has died meanwhile, which `run` finds out
                await self._off_the_loop(pipe.send, reply)

    async def _off_the_loop(self, work: Callable[[T], R], argument: T) -> R:
        """Pickling thousands of agencies takes longer than a callback may; one thread keeps the order."""
        return await asyncio.get_running_loop().run_in_executor(self._pickling, work, argument)

    def _fail_pending(self) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ChildDiedError(f"the {self.name} process ended before it answered"))


def _reap(process: BaseProcess) -> None:
    process.join(3)
    if process.is_alive():
        process.kill()
        process.join(3)
    process.close()

"""Command sessions over SSH; the only module that imports netmiko.

Facts behind the shape of this, found by trying Netmiko 4.8: a host-key mismatch arrives disguised as
a timeout; a missing known_hosts file is ignored; a login that hangs after authentication keeps its
session for an hour; a dropped link waits out the whole read timeout; a failed command looks like any
other; `disconnect` takes ten seconds on a Linux login that is not called root. So the socket is
netmon's own, a watchdog closes it, and every command ends with a marker that tells success. A console
without exit codes is sent an empty line after every command instead: see `netmon.routers.answers`; only
consoles that are read and never altered may do without either.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netmon.core.model import NANOSECONDS
from netmon.routers.algorithms import disabled
from netmon.routers.answers import Answer, is_pager, is_syslog
from netmon.routers.dialects import Dialect
from netmon.routers.echoes import after_completion, after_echo
from netmon.routers.session import (
    CommandRejectedError,
    EnableRefusedError,
    Login,
    SessionError,
    SessionLostError,
    UnknownHostKeyError,
    UnreachableError,
)
from netmon.routers.ssh_channel import Exchange
from netmon.routers.ssh_link import (
    Connect,
    Link,
    check_key_file,
    connect_directly,
    known_keys,
    open_link,
    watched,
    why_not,
)
from netmon.routers.terminal import SLOW, Enable, Question, Terminal
from netmon.routers.transcript import Transcript

if TYPE_CHECKING:
    import paramiko  # type: ignore[import-untyped]

QUIET_S = 1.0
"""A prompt with nothing after it for so long means that the command is over, marker or not."""
PAGER_S: Final = 0.2
"""A pager's line with nothing after it for so long is one, and no object of such a name."""
MOST_PAGES: Final = 2_000
_ASKS: Final = re.compile(r"\?.{0,40}\Z|[>:\]]\Z")
"""How a line ends at which a console may wait for something to be typed."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,1024}(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78DEHMZ])")


def open_session(login: Login, dialect: Dialect, connect: Connect = connect_directly) -> NetmikoSession:
    """A session that can alter the router: every command's success is told. See open_terminal."""
    return open_terminal(login, dialect.settings, connect)


def open_terminal(login: Login, terminal: Terminal, connect: Connect = connect_directly) -> NetmikoSession:
    """A session ready for commands.

    Raises UnreachableError, LoginRefusedError, EnableRefusedError, WeakAlgorithmsError, UnknownHostKeyError,
    HostKeyMismatchError, SessionLostError and CommandRejectedError; nothing stays open then. `connect` reaches
    routers, or their jump hosts, that are not in this network namespace.
    """
    if not login.known_hosts.is_file():
        raise UnknownHostKeyError(
            f"{login.router}: {login.known_hosts} does not exist; record host keys with netmon ssh-trust"
        )
    where = f"{login.router} ({login.address}:{login.port})"
    check_key_file(login.router, login.key_file)
    link = open_link(login, connect)
    try:
        with watched(link, 2 * login.connect_timeout_ns / NANOSECONDS):
            connection = _log_in(login, terminal, link, where)
            session = NetmikoSession(connection, link, login, terminal)
            try:
                session.prepare()
            except SessionError:
                session.close()
                raise
    except SessionError:
        link.close()
        raise
    return session


class NetmikoSession:
    """One interactive shell; implements `netmon.routers.session.Session`. Used by one thread."""

    def __init__(self, connection: Any, link: Link, login: Login, settings: Terminal) -> None:
        self._connection = connection
        self._channel: paramiko.Channel = connection.remote_conn
        self._link = link
        self._where = login.router
        self._username = login.username
        self._enable_secret = login.enable_secret
        self._timeout_s = login.command_timeout_ns / NANOSECONDS
        self._settings = settings
        self._prompt = re.compile(rf"(?:^|[\r\n]){settings.prompt}")
        self._line_prompt = re.compile(settings.prompt)
        self._errors = tuple(re.compile(pattern, re.MULTILINE) for pattern in settings.errors)
        self._number = 0
        self._closed = False
        secrets = (login.password, login.enable_secret, None if login.jump is None else login.jump.password)
        self._transcript = Transcript(secrets)
        self._transcript.begin(_described(login, self._channel.get_transport()))

    @property
    def username(self) -> str:
        return self._username

    def transcript(self) -> str:
        return str(self._transcript)

    def prepare(self) -> None:
        """Gets the login its privileges and sends the terminal's first commands, past whatever the login printed.

        Without a marker the login's prompt is waited for, as what is typed before it may be echoed before it.
        The commands then only set the terminal up (no paging, a wide screen), in the words of several releases
        of the platform: the ones a release does not know are passed over.
        """
        if self._settings.completed is None:
            self._begin()
        if self._settings.enable is not None and self._enable_secret is not None:
            self._enable(self._settings.enable, self._enable_secret)
        for command in self._settings.prepare:
            with contextlib.suppress(*(() if self._settings.completed else (CommandRejectedError,))):
                self.run(command)

    def _begin(self) -> None:
        if self._settings.double_prompt:
            self._converse(None)
        else:
            self._exchange(None, (), None)

    def run(self, command: str) -> str:
        """What the router printed for one command, without the marker and the prompt.

        Raises CommandRejectedError with the router's words, the session staying good; SessionLostError
        when the link drops or no answer comes in time, the session being closed and the effect unknown.
        """
        if self._closed:
            raise SessionLostError(f"{self._where}: the session is closed")
        self._number += 1
        self._transcript.sent(command)
        try:
            body = self._marked(command) if self._settings.completed else self._unmarked(command)
        except SessionError as error:
            self._transcript.note(str(error))
            raise
        return "\n".join(line for line in body.split("\n") if line.strip())

    def _marked(self, command: str) -> str:
        """The answer before the marker of success; the command may not be echoed."""
        completed = re.compile((self._settings.completed or "").replace("{n}", str(self._number)), re.MULTILINE)
        completion = (self._settings.completion or "").replace("{n}", str(self._number))
        lines = self._exchange(f"{command}{completion}", (completed, *self._errors), None).replace("\r", "\n")
        done = next(reversed(list(completed.finditer(lines))), None)
        # The blank after the last prompt may have come too late to be counted to it.
        body = after_completion(lines[: done.start()] if done else lines, completion).lstrip(" ")
        self._check(command, body)
        if done is None or done[1] != "0":
            said = " ".join(body.split())[-200:]
            raise CommandRejectedError(f"{self._where} did not complete {_shown(command)}: {said}")
        return body

    def _unmarked(self, command: str) -> str:
        """The answer between the command's echo and the prompt."""
        if self._settings.double_prompt:
            body = self._converse(command)
            self._check(command, body)
            return body
        received = self._exchange(command, self._errors, command)
        body = (after_echo(received, command) or "").replace("\r", "\n")
        prompt = next(reversed(list(self._prompt.finditer(body))), None)
        body = body[: prompt.start()] if prompt else body
        self._check(command, body)
        return body

    def _check(self, command: str, body: str) -> None:
        if self._settings.completed is None:  # a message of the log is no refusal, though it begin as one
            body = "\n".join(line for line in body.split("\n") if not is_syslog(line))
        for pattern in self._errors:
            if refusal := pattern.search(body):
                words = body[refusal.start() :].strip().split("\n")
                # Who or what it is about stands on the next line where the first ends in a colon.
                said = " ".join(line.strip() for line in words[: 2 if words[0].rstrip().endswith(":") else 1])
                raise CommandRejectedError(f"{self._where} refused {_shown(command)}: {said}")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        _discard(self._connection)
        self._link.close()

    def _exchange(self, text: str | None, ends: Sequence[re.Pattern[str]], echo: str | None) -> str:
        """Everything the router sent from the command to its next prompt; None sends nothing and listens.

        A prompt that comes with one of `ends` before it ends the answer at once; any other only once
        nothing follows it for QUIET_S and, where `echo` is given, not before the router has echoed that.
        """
        received, over = "", False
        with self._closing_when_lost(lambda: received) as exchange:
            if text is not None:
                exchange.send(f"{text}{self._connection.RETURN}")
            while not over:
                prompted = self._prompted(received, echo) is not None
                some = exchange.receive(QUIET_S if prompted else None)
                if some is None:
                    over = prompted  # the marker will not come: the command was refused
                    continue
                received = _ANSI.sub("", received + some)
                over = self._is_over(received, ends, echo)
        return received

    def _converse(self, command: str | None) -> str:
        """The answer of a console that is sent an empty line after every command; None: the login's first prompt.

        A pager is answered page by page, a question as the platform's data say. Where the console has said something
        else between or after its prompts and is silent, it is asked once more for them.
        """
        answer = Answer(self._line_prompt, command or "")
        end, pages, asked = self._connection.RETURN, 0, False
        questions = [one for one in self._settings.questions if re.fullmatch(one.after, command or "")]
        with self._closing_when_lost(lambda: answer.body, command) as exchange:
            exchange.send("" if command is None else f"{command}{end}{'' if questions else end}")
            if questions:
                self._answer(questions, answer, exchange)
                exchange.send("" if command is None else end)
            while not answer.is_over or exchange.has_more:
                pager = is_pager(answer.last_line)
                if command is None and not asked and answer.is_prompted:
                    asked = True
                    exchange.send(end)
                some = exchange.receive(PAGER_S if pager else QUIET_S if answer.has_prompt else None)
                if some is not None:
                    answer.feed(some)
                elif pager:
                    pages += 1
                    if pages > MOST_PAGES:
                        raise SessionLostError(f"{self._where}: an answer of over {MOST_PAGES} pages")
                    exchange.send(" ")
                elif answer.settle() or (command is None and answer.is_prompted):
                    break
                elif not asked:
                    asked = True
                    exchange.send(end + end)
        return answer.body

    def _answer(self, questions: Sequence[Question], answer: Answer, exchange: Exchange) -> None:
        """Answers what is asked until a prompt stands; what is asked again and again waits for the deadline."""
        left = 2 * len(questions)
        while True:
            asked = next((one for one in questions if left and re.search(one.asks, answer.last_line)), None)
            stands = answer.is_echoed and (asked is not None or answer.is_prompted)
            some = exchange.receive(PAGER_S if stands else QUIET_S if answer.has_prompt else None)
            if some is None and asked is None:
                return
            if some is None and asked is not None:
                left -= 1
                exchange.send(f"{asked.answer}{self._connection.RETURN}")
                some = exchange.receive()
            answer.feed(some or "")

    def _enable(self, enable: Enable, secret: str) -> None:
        """Raises EnableRefusedError where the login has no privileges afterwards."""
        asks = re.compile(enable.asks)
        self._transcript.sent(enable.command)
        last = self._typed(enable.command, enable.command, asks)
        if asks.search(last):
            last = self._typed(secret, "", asks)
        if not re.search(enable.prompt, last):
            self.close()
            raise EnableRefusedError(
                f"{self._where}: {enable.command} gave {self._username} no privileges; correct enable_secret of its"
                " credential, or the login's level on the router"
            )

    def _typed(self, text: str, echo: str, asks: re.Pattern[str]) -> str:
        """The prompt, or the question for a secret, that stands for QUIET_S after a line was typed."""
        answer = Answer(self._line_prompt, echo)
        with self._closing_when_lost(lambda: answer.body) as exchange:
            exchange.send(f"{text}{self._connection.RETURN}")
            while True:
                stands = answer.is_echoed and (answer.is_prompted or bool(asks.search(answer.last_line)))
                some = exchange.receive(QUIET_S if stands else None)
                if some is not None:
                    answer.feed(some)
                elif stands:
                    return answer.last_line

    @contextlib.contextmanager
    def _closing_when_lost(self, heard: Callable[[], str], command: str | None = None) -> Iterator[Exchange]:
        """Ends the session with whatever ends the wait for an answer, and says what came before."""
        is_slow = any(re.fullmatch(pattern, command or "") for pattern in self._settings.slow)
        timeout_s = self._timeout_s * (SLOW if is_slow else 1)
        try:
            yield Exchange(self._channel, self._where, timeout_s)
        except TimeoutError as error:
            self.close()
            raise SessionLostError(f"{self._where}: no answer within {timeout_s:g} s{_waiting(heard())}") from error
        except (OSError, EOFError) as error:
            self.close()
            raise SessionLostError(f"{self._where}: the link dropped: {error}") from error
        except SessionLostError:
            self.close()
            raise
        finally:
            self._transcript.received(heard())

    def _prompted(self, received: str, echo: str | None) -> str | None:
        """What stands before the prompt at the very end, after the echo; None: there is no such prompt yet."""
        answer = received if echo is None else after_echo(received, echo)
        if answer is None or not (prompt := self._prompt.search(answer)):
            return None
        return answer[: prompt.start()]

    def _is_over(self, received: str, ends: Sequence[re.Pattern[str]], echo: str | None) -> bool:
        """The prompt stands at the very end, after the marker or after words of refusal."""
        if not self._prompt.search(received) or (answer := self._prompted(received, echo)) is None:
            return False
        return any(pattern.search(answer.replace("\r", "\n")) for pattern in ends)


def _log_in(login: Login, settings: Terminal, link: Link, where: str) -> Any:
    """A netmiko connection with an open shell, its own session preparation left out."""
    from netmiko.exceptions import NetmikoBaseException
    from paramiko.ssh_exception import SSHException  # type: ignore[import-untyped]

    with known_keys(login.known_hosts, login.address, login.port, where) as (keys, types):
        connection = _connection(login, settings, link, where, keys, types)
        try:
            # `_open` would also guess the prompt, from a pattern that is not anchored.
            connection._modify_connection_params()  # noqa: SLF001 - adds RouterOS' terminal options; pinned by a test
            connection.establish_connection()
        except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
            _discard(connection)
            raise why_not(error, where, login.username, login.known_hosts) from error
    return connection


def _connection(login: Login, settings: Terminal, link: Link, where: str, keys: Path, types: Sequence[str]) -> Any:
    """Not established yet. Raises UnreachableError."""
    from netmiko import ConnectHandler

    timeout_s = login.connect_timeout_ns / NANOSECONDS
    try:
        return ConnectHandler(
            device_type=settings.device_type,
            host=login.address,
            port=login.port,
            username=login.username,
            password=login.password,
            key_file=None if login.key_file is None else str(login.key_file),
            ssh_strict=True,
            alt_host_keys=True,
            alt_key_file=str(keys),
            conn_timeout=timeout_s,
            auth_timeout=timeout_s,
            banner_timeout=timeout_s,
            read_timeout_override=timeout_s,  # RouterOS' handler of first questions waits longer, for a dead link too
            disabled_algorithms=disabled(login.legacy_algorithms, types),
            sock=link.sock,
            auto_connect=False,
        )
    except ValueError as error:
        raise UnreachableError(
            f"{where}: {settings.device_type} is not known to netmiko; correct device_type"
        ) from error


def _discard(connection: Any) -> None:
    """Closes without ceremony: `disconnect` alone would talk to the router first."""
    with contextlib.suppress(AttributeError, OSError, EOFError):
        connection.paramiko_cleanup()
    connection.disconnect()


def _described(login: Login, transport: Any) -> str:
    """How the session came about, for its transcript."""
    through = "" if login.jump is None else f" through {login.jump.name}"
    weak = f"; weak algorithms are accepted: {', '.join(login.legacy_algorithms)}" if login.legacy_algorithms else ""
    return (
        f"{login.username} at {login.router} ({login.address}:{login.port}){through}:"
        f" host key {transport.host_key_type}, {transport.remote_cipher}, {transport.remote_mac}{weak}"
    )


def _waiting(heard: str) -> str:
    """What the router seems to wait for instead."""
    line = heard.replace("\r", "\n").rstrip("\n").rpartition("\n")[2].strip()
    if is_pager(line):
        return f"; it waits at {line!r}, though paging was to be off"
    return f"; it waits at {line[-120:]!r}" if _ASKS.search(line) else ""


def _shown(command: str) -> str:
    return repr(command if len(command) <= 120 else f"{command[:117]}...")

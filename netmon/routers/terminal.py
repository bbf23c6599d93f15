"""How a platform's command line is talked to: prompt, first commands, words of refusal."""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field, field_validator, model_validator

from netmon.settings import Settings

SLOW: Final = 6
"""How many times as long as others a slow command may take."""


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises ValueError. `{n}` stands for a command's number."""
    try:
        return re.compile(pattern.replace("{n}", "0"))
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


class Enable(Settings):
    """How a login gets its privileges where it begins without."""

    command: str = Field(min_length=1, max_length=64)
    """Sent once after login, before `prepare`, where the credential has an enable_secret."""
    asks: str
    """Regular expression of the line at the very end that asks for the secret; it begins with ^ and ends in \\Z."""
    prompt: str
    """Regular expression of the prompt of a login that has its privileges, at the very end."""

    @field_validator("asks", "prompt")
    @classmethod
    def _compiles(cls, value: str) -> str:
        compiled(value)
        if not value.endswith(r"\Z"):
            raise ValueError(r"end it with \Z")
        return value


class Question(Settings):
    """What a console asks where a prompt was due, and what it is told. Nothing else is ever answered."""

    after: str = ""
    """Regular expression of the whole command that is asked about; empty: the login."""
    asks: str
    """Regular expression of the line at the very end; it begins with ^ and ends in \\Z."""
    answer: str = Field(max_length=64)
    """Typed, and ended by Return."""

    @field_validator("after", "asks")
    @classmethod
    def _compiles(cls, value: str) -> str:
        compiled(value)
        return value

    @field_validator("asks")
    @classmethod
    def _whole(cls, value: str) -> str:
        if not value.startswith("^") or not value.endswith(r"\Z"):
            raise ValueError(r"begin it with ^ and end it with \Z, so that no answer is taken for a question")
        return value


class Terminal(Settings):
    """The part of a platform every session needs, whether it reads or alters; see docs/collectors-cli.md."""

    device_type: str = Field(pattern=r"^[a-z0-9_]+$")
    """Netmiko's name of the platform."""
    prepare: tuple[str, ...] = ()
    """Commands sent once after login."""
    enable: Enable | None = None
    """None: the platform knows no such thing."""
    prompt: str
    """Regular expression of the prompt at the very end of what was received."""
    completion: str | None = None
    """Appended to every command, so that its end and its success can be told; {n} is the command's number.
    None: the platform's console has no such thing. Then a command is over when its echo was seen and the
    prompt has stood for a second, and `prepare` may be refused."""
    completed: str | None = None
    """Regular expression of the end of the line that `completion` prints, {n} likewise; group 1 is 0 for success."""
    double_prompt: bool = False
    """Of a console without exit codes: every command is sent with one empty line after it, and its answer is over when
    the same prompt stands twice at the very end. The prompt then covers every mode the session enters, from the line's
    start; no command may ask a question that is not one of `questions`."""
    questions: tuple[Question, ...] = ()
    """Of a console with double_prompt; the empty line that follows such a command is sent once it shows its prompt."""
    slow: tuple[str, ...] = ()
    """Regular expressions of whole commands that may take SLOW times as long as others, such as saving."""
    errors: tuple[str, ...]
    """Regular expressions of lines that mean the command was refused; each begins with ^."""

    @field_validator("prompt", "completed", "errors", "slow")
    @classmethod
    def _compiles(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for pattern in (value,) if isinstance(value, str) else value or ():
            compiled(pattern)
        return value

    @field_validator("errors")
    @classmethod
    def _anchored(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern.startswith("^"):
                raise ValueError(f"{pattern!r} would match inside a name; begin it with ^")
        return value

    @field_validator("prompt")
    @classmethod
    def _at_the_end(cls, value: str) -> str:
        if not value.endswith(r"\Z"):
            raise ValueError(r"a prompt that is not at the end could be an object's name; end it with \Z")
        return value

    @field_validator("completion", "completed")
    @classmethod
    def _numbered(cls, value: str | None) -> str | None:
        if value is not None and "{n}" not in value:
            raise ValueError("put {n} into it, so that a late answer is not taken for the next command's")
        return value

    @field_validator("completed")
    @classmethod
    def _says_how(cls, value: str | None) -> str | None:
        if value is not None and (not value.endswith("$") or re.compile(value.replace("{n}", "0")).groups != 1):
            raise ValueError("end it with $ and give it one group, which is 0 for success")
        return value

    @model_validator(mode="after")
    def _both_or_none(self) -> Terminal:
        if (self.completion is None) is not (self.completed is None):
            raise ValueError("completion and completed belong together; give both or neither")
        if self.double_prompt and self.completion is not None:
            raise ValueError("completion and double_prompt both tell an answer's end; take one of them out")
        if self.questions and not self.double_prompt:
            raise ValueError("questions are answered only on a console with double_prompt; take them out")
        return self

"""Problems in a config: each is one line that names file, key path, what was given and what is allowed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from stream.errors import UsageError
from stream.redact import redact

KeyPath = tuple[str | int, ...]

ConfigFinding = tuple[KeyPath, str | None, str]
"""Path, what was given (None: the value at the path), what is allowed."""

LONGEST = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong.

    Attributes:
        place: "file:line", or the environment variable it came from.
        path: where in the config; empty for the file as a whole.
        given: what stands there.
        allowed: what may stand there.
    """

    place: str
    path: KeyPath
    given: str
    allowed: str

    def __str__(self) -> str:
        """The line a person reads."""
        where = f"{self.place}: {dotted(self.path)}" if self.path else self.place
        return one_line(f"{where}: {self.given}; {self.allowed}" if self.allowed else f"{where}: {self.given}")


class ConfigError(UsageError):
    """A config that cannot be used; `problems` lists everything found wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: KeyPath) -> str:
    """The path as people write it: models.0.drift.windows."""
    return one_line(".".join(shorten(str(part)) for part in path))


def show(value: object) -> str:
    """A value as it stands in a config, shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"given {shorten(json.dumps(value, ensure_ascii=False, default=str))}"


def shorten(text: str) -> str:
    """At most LONGEST characters of it, without user names and passwords in addresses."""
    text = redact(text, None)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def one_line(text: str) -> str:
    """The text without line breaks or other control characters."""
    return "".join(character if character.isprintable() else " " for character in text)


def counted(count: int, thing: str) -> str:
    """So many of a thing, in words: 1 row, 2,000 rows."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"

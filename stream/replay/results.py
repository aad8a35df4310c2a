"""What a replay writes: one file an output, the same bytes each time, and in place only once the replay is complete."""

from __future__ import annotations

import contextlib
import heapq
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import msgspec
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.tables import Kind
from stream.errors import UsageError
from stream.kafka.messages import action_json, alert_json, evaluation_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    from operators.actions.event import ActionEvent
    from operators.alerts.event import AlertEvent
    from operators.dead_letters import DeadLetter
    from operators.judging.evaluations import Evaluation

ALERTS, EVALUATIONS, ACTIONS, DEAD_LETTERS = (
    f"{name}.jsonl" for name in ("alerts", "evaluations", "actions", "dead_letters")
)
FILES = (ALERTS, EVALUATIONS, ACTIONS, DEAD_LETTERS)

_ENCODE = msgspec.json.Encoder().encode


class Results:
    """The files of one replay in a directory. A context manager: what is not finished is taken back.

    Evaluations of several models are written apart and merged by time at the end, for which model comes first at a
    tick is up to the dataflow's runtime.

    Args:
        directory: is made if need be; files of a former replay in it are replaced.
        models: names of all models.

    Raises:
        UsageError: the directory cannot be written to.
    """

    def __init__(self, directory: Path, models: Sequence[str]) -> None:
        self.directory = directory
        self.counts = dict.fromkeys(FILES, 0)
        self._alerts: list[AlertEvent] = []
        self._actions: list[ActionEvent] = []
        self._open: dict[Path, BinaryIO] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._dead_letters = self._temporary(DEAD_LETTERS)
            self._evaluations = {name: self._temporary(f"{EVALUATIONS}.{at}") for at, name in enumerate(models)}
        except OSError as error:
            self.discard()
            raise UsageError(f"--out {directory}: cannot be written: {error.strerror or error}") from None

    def alert(self, item: tuple[str, AlertEvent]) -> None:
        """Keep an alert event."""
        self._alerts.append(item[1])

    def action(self, item: tuple[str, ActionEvent]) -> None:
        """Keep a step of an action."""
        self._actions.append(item[1])

    def requested(self) -> dict[str, int]:
        """How many steps there were of each kind of action and state."""
        return dict(sorted(Counter(f"{event.action} {event.state}" for event in self._actions).items()))

    def evaluation(self, item: tuple[str, Evaluation]) -> None:
        """Write an evaluation."""
        model, row = item
        self.counts[EVALUATIONS] += 1
        # The end of the window in front, in as many digits as any time has: for the merge, which takes it off.
        # A forecast's window is yet to come: its start.
        line, at = _ENCODE(evaluation_json(row)), row.window.start if row.kind == Kind.NEED else row.window.end
        self._evaluations[model].write(b"%015d%s\n" % (at, line))

    def dead_letter(self, item: tuple[str, DeadLetter]) -> None:
        """Write a dead letter."""
        self.counts[DEAD_LETTERS] += 1
        self._dead_letters.write(_ENCODE(dead_letter_json(item[1])) + b"\n")

    def fired(self) -> dict[str, int]:
        """How many alerts of each kind fired."""
        return dict(sorted(Counter(event.alert for event in self._alerts if event.state == "firing").items()))

    def finish(self) -> None:
        """Put all files in place.

        Raises:
            UsageError: one cannot be written.
        """
        try:
            self._write_alerts()
            self._merge_evaluations()
            self._write_actions()
            for file in self._open.values():
                file.close()
            for name in FILES:
                self._path(name).replace(self.directory / name)
            self.discard()
        except OSError as error:
            raise UsageError(f"--out {self.directory}: cannot be written: {error.strerror or error}") from None

    def discard(self) -> None:
        """Remove what is not in place."""
        for path, file in self._open.items():
            with contextlib.suppress(OSError):
                file.close()
            path.unlink(missing_ok=True)
        self._open.clear()

    def _write_alerts(self) -> None:
        file = self._temporary(ALERTS)
        for event in sorted(self._alerts, key=lambda event: (event.event_time, event.model)):
            file.write(_ENCODE(alert_json(event, event.event_time)) + b"\n")
        self.counts[ALERTS] = len(self._alerts)

    def _write_actions(self) -> None:
        file = self._temporary(ACTIONS)
        for event in sorted(self._actions, key=lambda event: (event.event_time, event.model, event.id, event.sequence)):
            file.write(_ENCODE(action_json(event, event.event_time)) + b"\n")
        self.counts[ACTIONS] = len(self._actions)

    def _merge_evaluations(self) -> None:
        merged = self._temporary(EVALUATIONS)
        for file in self._evaluations.values():
            file.seek(0)
        for line in heapq.merge(*self._evaluations.values(), key=lambda line: line[:15]):
            merged.write(line[15:])

    def _path(self, name: str) -> Path:
        return self.directory / f".{name}.part"

    def _temporary(self, name: str) -> BinaryIO:
        path = self._path(name)
        self._open[path] = file = path.open("w+b")
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def dead_letter_json(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as JSON values: bytes that are no UTF-8 text stand in base64 under a name that says so."""
    return {
        "reason": letter.reason.value,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        **_bytes("key", letter.key),
        "headers": [{"name": name, **_bytes("value", value)} for name, value in letter.headers],
        **_bytes("value", letter.value),
    }


def _bytes(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode()}


class _Partition(StatelessSinkPartition[Any]):
    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write

    def write_batch(self, items: list[Any]) -> None:
        for item in items:
            self._write(item)


class CallSink(DynamicSink[Any]):
    """Hands each item to a function, in the order of the dataflow's one worker."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:  # noqa: ARG002
        """The only partition."""
        return _Partition(self._write)


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of one of the files."""
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)

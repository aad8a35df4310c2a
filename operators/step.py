"""The bridge between the steps and Bytewax: typed, keyed streams, and snapshots that say what they are.

A step works for one name: it takes batches of values and keeps a picklable state. `per_name` runs one for every name of
a stream, `per_model` one for every model of the config.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import pickle
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import bytewax.operators as op
import xxhash
from bytewax.operators import StatefulBatchLogic

from operators.former import IncompleteError, completed
from operators.saved_arrays import dumped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bytewax.dataflow import Stream
    from bytewax.operators import KeyedStream


class Versioned(Protocol):
    """A state: a picklable class that says which version of itself it is."""

    version: ClassVar[int]


Item = TypeVar("Item")
In = TypeVar("In")
Out = TypeVar("Out")
State = TypeVar("State", bound=Versioned)
Model = TypeVar("Model")

Named = tuple[str, Any]
"""(name, value): Bytewax does not tell a logic its key, so every value carries the name its step is built for."""

LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""A time that has always passed: asking to be woken then means at once."""

MAGIC = b"DG1\n"
"""What a snapshot begins with; eight bytes of checksum follow, then the pickled (step, version, name, state)."""

MOVED: dict[tuple[str, str], tuple[str, str]] = {
    ("stream.kafka.inquiry", "Origin"): ("stream.kafka.inquiry", "TopicIdentity"),
    ("operators.join.known", "KnownState"): ("operators.join.merge", "ShardMergeState"),
    ("operators.join.known", "OpenTick"): ("operators.join.merge", "OpenTick"),
    ("operators.join.join", "ModelJoin"): ("operators.join.state", "ModelJoin"),
    ("operators.join.join", "JoinState"): ("operators.join.state", "JoinState"),
    ("operators.join.join", "Joined"): ("operators.join.state", "Joined"),
    ("operators.judging.label_judge", "Ground"): ("operators.judging.label_judge", "FindingBasis"),
}
"""(module, class) of a state as it was pickled -> where it is now: whoever moves such a class adds a line."""


class SnapshotError(ValueError):
    """A snapshot that is damaged, or of another version than this release reads."""


class Stateful(Generic[In, Out, State]):
    """A step for one name.

    Args:
        run: takes a batch, gives the outputs.
        save: the state to be saved.
        resumed: what there is to say at once after a restart.
        at_end: what there is to say when nothing will ever follow; only where an end of the input is the end of time.
    """

    def __init__(
        self,
        run: Callable[[list[In]], Iterable[Out]],
        save: Callable[[], State],
        resumed: Callable[[], Iterable[Out]] | None = None,
        at_end: Callable[[], Iterable[Out]] | None = None,
    ) -> None:
        self._run = run
        self._save = save
        self.resumed = resumed
        self.at_end = at_end

    @property
    def state(self) -> State:
        """What is saved; what is kept elsewhere is durable up to it."""
        return self._save()

    def __call__(self, values: list[In]) -> Iterable[Out]:
        """Take a batch, give the outputs."""
        return self._run(values)


def each(logic: Callable[[In], Out]) -> Callable[[list[In]], list[Out]]:
    """A logic that takes one value at a time, for batches."""
    return lambda values: [logic(value) for value in values]


class Build(Protocol[In, Out, State]):
    """Makes the step of a name."""

    def __call__(self, name: str, state: State | None, /) -> Stateful[In, Out, State] | None:
        """The step, continuing from `state` (None: from the start); None when the config no longer has the name."""


def per_name(step_id: str, up: KeyedStream[In], build: Build[In, Out, State]) -> KeyedStream[Out]:
    """A step for every name that the stream is keyed by; its outputs are keyed by the same name."""
    named = op.map(f"{step_id}_named", up, _named)
    return op.stateful_batch(step_id, named, step(step_id, build))


def per_model(
    step_id: str,
    up: KeyedStream[In],
    models: Mapping[str, Model],
    make: Callable[[Model, State | None], Stateful[In, Out, State]],
    *,
    key: Callable[[In], str] | None = None,
    gone: Callable[[str, State], Stateful[In, Out, State]] | None = None,
) -> KeyedStream[Out]:
    """A step for every model of a stream that is keyed by model.

    Args:
        step_id: of Bytewax; snapshots are kept under it.
        up: keyed by model.
        models: name -> what `make` needs to know; the state of a model that is not here is kept as it is.
        make: makes the step of a model, continuing from a state.
        key: tells apart several steps of one model.
        gone: makes the step of a model that is not here from its state, to say a last word.

    Returns:
        the outputs, keyed by model (and key).
    """

    def build(name: str, state: State | None) -> Stateful[In, Out, State] | None:
        if name in models:
            return make(models[name], state)
        return None if gone is None or state is None else gone(name, state)

    named = op.map(f"{step_id}_named", up, _named if key is None else _named_by(key))
    return op.stateful_batch(step_id, named, step(step_id, build))


def by_name(step_id: str, up: Stream[Item], name: Callable[[Item], str]) -> KeyedStream[Item]:
    """The stream keyed by the name of each item."""
    return op.map(step_id, up, lambda item: (name(item), item))


def only(step_id: str, up: KeyedStream[Any], kind: type[Item]) -> KeyedStream[Item]:
    """Those values of a keyed stream that are of this kind."""
    return op.filter(step_id, up, lambda item: isinstance(item[1], kind))


def together(step_id: str, up: KeyedStream[In], convert: Callable[[Iterable[In]], Iterable[Out]]) -> KeyedStream[Out]:
    """What the values of a keyed stream become, as many in one call as have come together; one for each."""

    def converted(items: list[tuple[str, In]]) -> list[tuple[str, Out]]:
        names = [name for name, _ in items]
        return list(zip(names, convert([value for _, value in items]), strict=True))

    return op.flat_map_batch(step_id, up, converted)


def values_to(convert: Callable[[In], Iterable[Out]]) -> Callable[[tuple[str, In]], Iterable[Out]]:
    """What a value of a keyed stream becomes, without its key."""
    return lambda item: convert(item[1])


def step(step_id: str, build: Build[In, Out, State]) -> Callable[[bytes | None], Step]:
    """The builder that Bytewax asks for."""
    return lambda resume: Step(step_id, build, resume)


class Step(StatefulBatchLogic[Named, Any, bytes]):
    """Runs one step under Bytewax.

    The snapshot is pickled here and now: Bytewax may serialise it only after the state has moved on. The state of a
    name that the config no longer has is kept as it is, in case it comes back.
    """

    def __init__(self, step_id: str, build: Build[Any, Any, Any], resume: bytes | None) -> None:
        """Continue from the snapshot `resume`, if any; then the step may have something to say at once.

        Raises:
            SnapshotError: `resume` is damaged, or of another version.
        """
        self.step_id = step_id
        self.build = build
        self.step: Stateful[Any, Any, Any] | None = None
        self.name = ""
        self.kept = resume
        self.resumed: Callable[[], Iterable[Any]] | None = None
        if resume is not None:
            self.name, state = read_snapshot(step_id, resume)
            self.step = build(self.name, state)
            self.resumed = None if self.step is None else self.step.resumed

    def on_batch(self, values: list[Named]) -> tuple[Iterable[Any], bool]:
        """Hand the values to the step."""
        if self.step is None:
            self.name = values[0][0]
            self.step = self.build(self.name, None)
            if self.step is None:
                raise LookupError(f"{self.name!r} is not configured: no step should receive anything for it")
        return list(self.step([value for _, value in values])), StatefulBatchLogic.RETAIN

    def notify_at(self) -> dt.datetime | None:
        """Wake once, right after a resume, where there is something to say."""
        return None if self.resumed is None else LONG_AGO

    def on_notify(self) -> tuple[Iterable[Any], bool]:
        """Say it, once."""
        said = [] if self.resumed is None else list(self.resumed())
        self.resumed = None
        return said, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Any], bool]:
        """Keep the state: a stop is not the end of the data, and no window may close half full."""
        if self.step is None or self.step.at_end is None:
            return [], StatefulBatchLogic.RETAIN
        return list(self.step.at_end()), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """The state with its step, version and name, and a checksum over all of it."""
        if self.step is None and self.kept is not None:
            return self.kept
        return snapshot_of(self.step_id, self.name, None if self.step is None else self.step.state)


def snapshot_of(step_id: str, name: str, state: Versioned | None) -> bytes:
    """A state as it is kept."""
    version = 0 if state is None else state.version
    body = pickle.dumps((step_id, version, name, dumped(state)), protocol=5)
    return MAGIC + xxhash.xxh3_64_digest(body) + body


def read_snapshot(step_id: str, kept: bytes) -> tuple[str, Any]:
    """The name and the state in a snapshot of this step.

    Raises:
        SnapshotError: it is damaged, or of another step or version than this release reads.
    """
    written_by, version, name, payload = _parts(kept, step_id)
    if written_by != step_id:
        raise SnapshotError(f"a snapshot of step {written_by} where one of step {step_id} is expected")
    try:
        state = _Unpickler(io.BytesIO(payload)).load()
        if dataclasses.is_dataclass(state):
            completed(state)
    except (AttributeError, ImportError, TypeError, IncompleteError) as error:
        raise SnapshotError(f"state of step {step_id}, version {version}, cannot be read: {error}") from error
    if state is not None and state.version != version:
        said = f"state of step {step_id} has version {version}, this release reads version {state.version}"
        raise SnapshotError(said)
    return name, state


def written_in(kept: bytes) -> tuple[str, str]:
    """The step that a snapshot is of, and the name; its state is not looked at.

    Raises:
        SnapshotError: it is damaged.
    """
    written_by, _, name, _ = _parts(kept, "unknown")
    return written_by, name


def _parts(kept: bytes, step_id: str) -> tuple[str, int, str, bytes]:
    """Step, version, name and pickled state."""
    head, checksum, body = kept[:4], kept[4:12], kept[12:]
    if head != MAGIC or xxhash.xxh3_64_digest(body) != checksum:
        raise SnapshotError(f"a snapshot of step {step_id} is damaged: its checksum does not agree")
    parts: tuple[str, int, str, bytes] = pickle.loads(body)
    return parts


class _Unpickler(pickle.Unpickler):
    """Finds classes that have moved since."""

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(*MOVED.get((module, name), (module, name)))


def _named(item: tuple[str, In]) -> tuple[str, tuple[str, In]]:
    return item[0], item


def _named_by(key: Callable[[In], str]) -> Callable[[tuple[str, In]], tuple[str, tuple[str, In]]]:
    return lambda item: (f"{item[0]}|{key(item[1])}", item)

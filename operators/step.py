"""The bridge between a step and Bytewax.

A step is a callable with a picklable `state`, built for a name once that is known.
"""

from __future__ import annotations

import datetime as dt
import pickle
from typing import TYPE_CHECKING, Any, Protocol

from bytewax.operators import StatefulBatchLogic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Named = tuple[str, Any]
"""(name, value): Bytewax does not tell a logic its key, so every value carries the name its step is built for."""

LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""A time that has always passed: asking to be woken then means at once."""


class Stateful(Protocol):
    """A step for one name."""

    @property
    def state(self) -> Any:
        """What is saved: picklable."""

    def __call__(self, values: list[Any], /) -> Iterable[Any]:
        """Take a batch, give the outputs."""


class Build(Protocol):
    """Makes a step."""

    def __call__(self, name: str, state: Any) -> Stateful | None:
        """The step of this name, continuing from `state` (None: from the start).

        None when the config no longer has it.
        """


class Step(StatefulBatchLogic[Named, Any, bytes]):
    """Runs one step under Bytewax.

    The snapshot is pickled here and now: Bytewax may serialise it only after the state has moved on. The state of a
    name that the config no longer
    has is kept as it is, in case it comes back.
    """

    def __init__(
        self, build: Build, resume: bytes | None, on_resume: Callable[[Stateful], Iterable[Any]] | None
    ) -> None:
        """Continue from the snapshot `resume`, if any; then `on_resume` may give outputs at once."""
        self.build = build
        self.step: Stateful | None = None
        self.name = ""
        self.kept = resume
        self.on_resume = None
        if resume is not None:
            self.name, state = pickle.loads(resume)
            self.step = build(self.name, state)
            self.on_resume = on_resume if self.step is not None else None

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
        return None if self.on_resume is None else LONG_AGO

    def on_notify(self) -> tuple[Iterable[Any], bool]:
        """Say it, once."""
        said = [] if self.on_resume is None or self.step is None else list(self.on_resume(self.step))
        self.on_resume = None
        return said, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Any], bool]:
        """Keep the state: a stop is not the end of the data, and no window may close half full."""
        return [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """The name and the state, pickled."""
        if self.step is None:
            return self.kept or pickle.dumps((self.name, None))
        return pickle.dumps((self.name, self.step.state), protocol=5)


def step(build: Build, on_resume: Callable[[Stateful], Iterable[Any]] | None = None) -> Callable[[bytes | None], Step]:
    """The builder that Bytewax asks for."""
    return lambda resume: Step(build, resume, on_resume)

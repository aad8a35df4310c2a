"""What a replay keeps for a report: the history that a monitor would have written, in event time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from stream.errors import UsageError
from stream.history.archive import HISTORY, UNFINISHED, Archive
from stream.history.recorder import Recorder
from stream.history.tiers import TIERS
from stream.history.tiles import layouts_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from operators.plans.model import ModelPlan
    from stream.metrics.reports import Report, Reporter

BATCH = 2_000
"""Reports that are written together."""


class Pictures:
    """A reporter that hands everything on and keeps what pictures are made of. A context manager.

    Args:
        out: directory of the results; the history of a former replay in it is replaced.
        models: plans of all models.
        onward: hears every report.

    Raises:
        UsageError: the directory cannot be written to.
    """

    def __init__(self, out: Path, models: Mapping[str, ModelPlan], onward: Reporter) -> None:
        path = out / HISTORY
        try:
            for end in ("", "-wal", "-shm"):
                path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"--out {out}: cannot be written: {error.strerror or error}") from None
        self._mark = out / UNFINISHED
        self._out = out
        self._onward = onward
        self._archive = Archive(path, keep=TIERS[-1].keep)
        self._recorder = Recorder(None, self._archive, layouts_of(models))
        self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._mark.touch()

    def send(self, report: Report) -> None:
        """Take a report."""
        self._onward.send(report)
        self._recorder(report)
        if self._recorder.waiting >= BATCH:
            self._recorder.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, UsageError):  # as when it was interrupted: what was found by then
            self._recorder.flush(everything=True)
        self._archive.close()
        if kind is None:
            self._mark.unlink(missing_ok=True)
        if kind is None and self._recorder.problem:
            raise UsageError(f"--out {self._out}: {self._recorder.problem}")

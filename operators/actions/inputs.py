"""What actions are decided on: what alerts tell at each tick, and what people and other systems say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from operators.actions.event import Result  # noqa: TC001 - read by msgspec

if TYPE_CHECKING:
    from operators.findings import Source
    from operators.progress import Progress

ControlKind = Literal["approve", "cancel", "done", "fail", "dispatched", "running", "request"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A change of an alert, as far as actions are concerned.

    Attributes:
        at: event time, ms.
        id: of the alert event.
        fingerprint: of the alert.
        alert: its kind.
        state: firing, updated or resolved.
        level: that it has reached, 1 or 2.
        version: "" for the model as such.
        segment: "" for the whole.
        features: of its causes.
        metrics: of its causes.
        began: start of the window that the evidence is from, ms.
        started_at: when it fired, ms.
        reason: its sentence.
        monitors: rules that it stands on.
        apart: level that it has without changes since what came before (`trailing`): a baseline that moves on follows
            whatever comes, so those alone are no reason to train anew. None for the same level.
        strength: how far its strongest evidence is past its threshold, as a ratio; 0 where that is not known.
    """

    at: int
    id: str
    fingerprint: str
    alert: str
    state: str
    level: int
    version: str
    segment: str
    features: tuple[str, ...]
    metrics: tuple[str, ...]
    began: int
    started_at: int
    reason: str
    monitors: tuple[str, ...] = ()
    apart: int | None = None
    strength: float = 0.0

    @property
    def for_training(self) -> int:
        """The level that may ask for a retraining."""
        return self.level if self.apart is None else self.apart


@dataclass(frozen=True, slots=True)
class CanaryReading:
    """How a new version does beside the one that it is to replace, at a look.

    Attributes:
        candidate: the new version.
        champion: the other.
        metric: that they are compared by.
        since: when both served first, ms.
        end: of the latest slice that is mature, ms.
        slices: in which both served.
        gain: how much better the new one is, in the metric's unit; with `lower` and `upper`. NaN where it is unknown.
        samples: rows behind the metric: (of the new one, of the other).
        served: predictions since then, likewise.
        over: it has lasted as long as it may: this is the last reading.
    """

    candidate: str
    champion: str
    metric: str
    since: int
    end: int
    slices: int
    gain: float
    lower: float
    upper: float
    samples: tuple[int, int]
    served: tuple[int, int]
    over: bool

    @property
    def key(self) -> str:
        """What tells this pair of versions from all others."""
        return f"canary {self.candidate}/{self.champion}@{self.since}"


@dataclass(frozen=True, slots=True)
class MetricSlice:
    """The headline metric of a version over one mature slice.

    Attributes:
        version: of the model.
        start: ms.
        value: of the metric.
        variance: that its interval has.
        rows: behind it.
        coverage: share of the predictions that have a label.
    """

    version: str
    start: int
    value: float
    variance: float
    rows: int
    coverage: float


@dataclass(frozen=True, slots=True)
class NeedReading:
    """Slices that have become mature, in the order of time; all before `end` (ms) is mature."""

    end: int
    slices: tuple[MetricSlice, ...]


@dataclass(frozen=True, slots=True)
class AlertTick:
    """A tick of one source of findings, with what changed at it.

    Attributes:
        source: whose clock `end` is.
        end: ms.
        facts: changes of alerts.
        versions: (version, when it was first seen, ms) of all that serve; None where the source does not know.
        coverage: share of the predictions of the longest mature window that have a label; None where it is not known.
        ended: nothing will ever follow from this source.
        canary: the latest reading of a new version beside its champion, where there was a look.
        need: slices of the headline metric, where some became mature.
    """

    source: Source
    end: int
    facts: tuple[Fact, ...]
    versions: tuple[tuple[str, int], ...] | None = None
    coverage: float | None = None
    ended: bool = False
    canary: CanaryReading | None = None
    need: NeedReading | None = None


class Control(msgspec.Struct, frozen=True):
    """A message of the control topic.

    Attributes:
        id: of the message: the same id again changes nothing.
        kind: what is said of the action.
        model: whose it is.
        action: id of the action; for a request the name of what is wanted.
        by: who says so.
        reason: in words.
        version: that a request is about.
        outcome: what came of it.
        connector: that says so.
        said_at: when it was said by its own account, ms; None where it does not tell.
    """

    id: str
    kind: ControlKind
    model: str
    action: str
    by: str = ""
    reason: str = ""
    version: str | None = None
    outcome: Result | None = None
    connector: str | None = None
    said_at: int | None = None


@dataclass(frozen=True, slots=True)
class ControlTick:
    """What a batch of the control topic holds for a model: (effective time in ms, message), and its progress."""

    progress: Progress
    said: tuple[tuple[int, Control], ...] = ()


ActInput = AlertTick | ControlTick

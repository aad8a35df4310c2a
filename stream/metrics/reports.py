"""What a dataflow process tells its parent: the reports that metrics and readiness are made of.

A report names its metric by the short name declared in `stream.metrics.catalog` (without the `driftgauge_` prefix) and
gives label values in the declared order. Reports are plain picklable values: a worker sends them over a pipe, a replay
hands them straight to a registry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from operators.alerts.event import AlertEvent
    from operators.predictions.sketch import Sketch
    from windows.ring import Key

Labels = tuple[str, ...]
Head = tuple[str, str, "tuple[Key, ...]", tuple[str, ...]]
WorkerState = Literal[
    "starting", "waiting_for_broker", "waiting_for_hosts", "connecting", "running", "broker_lost", "stopping"
]


def flat(labels: Mapping[str, str]) -> Labels:
    """Names and values in turn, in the order of the names."""
    return tuple(text for pair in sorted(labels.items()) for text in pair)


@dataclass(frozen=True, slots=True)
class GaugeBlock:
    """All present values that one owner gives to one gauge; replaces the owner's former block, and no rows remove it.

    An owner is whoever computes the values together (a model's judge, a partition): its blocks come and go as one. Two
    owners must not report the same labels; should they, the one that came to the metric later is shown. `beside` are
    labels, by name, that all of its rows carry beside the declared ones.
    """

    owner: str
    metric: str
    rows: tuple[Labels, ...]
    values: tuple[float, ...]
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OwnerGone:
    """The owner has nothing more to show (its version retired, its partition moved): drop all of its gauge blocks."""

    owner: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Absolute counts out of exactly-once state: the registry keeps the maximum, so a replay lowers nothing.

    Where several places each count their own share of the same labels (partitions counting late records of one model),
    each names itself as `owner`: the maximum is kept per owner and what is shown is their sum.
    """

    metric: str
    rows: dict[Labels, float]
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Increments:
    """Counts to be added: for what is not in recovered state."""

    metric: str
    rows: dict[Labels, float]


@dataclass(frozen=True, slots=True)
class Observation:
    """One value for a histogram."""

    metric: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one dataflow process; `detail` is a sentence fragment shown by /readyz."""

    process: int
    state: WorkerState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of a process: how many seconds ago each of its parts last moved."""

    process: int
    ages: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Concern:
    """What keeps a process from doing its work though it runs, about one subject; without a reason it is over."""

    process: int
    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class AlertTold:
    """An alert event on its way to the alerts topic, for those who are told of alerts directly; no metric."""

    event: AlertEvent


@dataclass(frozen=True, slots=True)
class AlertsFiring:
    """All alerts of a model that fire, for the same, with labels as of `alert_active`, and as of when.

    A row is followed by name and value of each label that the config gives to the model.

    `clocks`: source -> end of its latest judged tick, ms of event time. A crash takes them back to the last snapshot.
    Alerts on its actions, and all others, are told apart from each other (`of_actions`).
    """

    model: str
    rows: tuple[Labels, ...]
    clocks: dict[str, int]
    of_actions: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything measured of one window of a model, for pages and their history; no metric.

    Attributes:
        model: its name.
        source: what the tables are of: predictions, or labels.
        window: its size as text.
        size: the same in ms.
        end: of the window, ms of event time.
        heads: what the numbers are of: (kind, metric, groups, features) of each table, group after group.
        numbers: float32[5, n], the rows of `stream.metrics.looks.NUMBERS`; NaN where there is none.
    """

    model: str
    source: Literal["predictions", "labels"]
    window: str
    size: int
    end: int
    heads: tuple[Head, ...]
    numbers: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sketched:
    """What a window of a model holds, for the same."""

    sketch: Sketch


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What may be behind it that labels of a model found no prediction, told at the end of a replay; no metric."""

    model: str
    why: str


Report = (
    GaugeBlock
    | OwnerGone
    | Totals
    | Increments
    | Observation
    | Status
    | Beat
    | Concern
    | AlertTold
    | AlertsFiring
    | Looked
    | Sketched
    | Unmatched
)


class Reporter(Protocol):
    """Where a dataflow sends its reports. Sending never blocks on another process."""

    def send(self, report: Report) -> None:
        """Take the report; returns at once."""


@dataclass(frozen=True, slots=True)
class LocalReporter:
    """Hands each report to `apply` in the caller's thread: for a dataflow that runs in the process of its registry."""

    apply: Callable[[Report], None] = field(repr=False)

    def send(self, report: Report) -> None:
        """Apply the report now."""
        self.apply(report)

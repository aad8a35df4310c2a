"""What measuring cohorts yields: tables of every window that moved, with what is known of its maturity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.actions.inputs import CanaryReading, NeedReading
    from operators.cohorts.curves import Curves
    from operators.join.ticks import LabelTotals
    from operators.plans.label_monitors import Against, Form
    from operators.tables import Table
    from windows.arrays import FloatArray
    from windows.panes import Window
    from windows.ring import Key


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of G groups against one baseline. A table knows no thresholds.

    Attributes:
        against: the baseline.
        form: how the bounds were made. The table's value and bounds are on the metric's own scale: with the baseline's
            value b they are b + (bounds of the difference), or b * (bounds of the ratio).
        table: values, bounds and baselines; one column.
        versus: the version that each group was compared with; "" where it is no version.
        coverage: float64[G], share of the predictions that have a label, in the group or its baseline, whichever is
            less; the reference's rows were chosen, and count as covered.
    """

    against: Against
    form: Form
    table: Table
    versus: tuple[str, ...]
    coverage: FloatArray


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest window: its labels are still coming, so it is shown, and never judged.

    Attributes:
        end: of the window, ms.
        tables: of the whole of every version.
    """

    end: int
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class WindowMeasures:
    """One window of cohorts.

    Attributes:
        window: size and slide.
        end: end of the latest mature window, ms: everything before it is mature.
        moved: whether it ended earlier at the tick before; only then it is judged.
        tables: one of each metric; one column.
        comparisons: against baselines.
        newest: None where everything is mature.
        curves: of the whole of every version.
    """

    window: Window
    end: int
    moved: bool
    tables: tuple[Table, ...]
    comparisons: tuple[Comparison, ...]
    newest: Newest | None
    curves: tuple[Curves, ...] = ()

    def table(self, metric: str) -> Table | None:
        """The table of a metric."""
        return next((table for table in self.tables if table.metric == metric), None)


@dataclass(frozen=True, slots=True)
class CurveMeasure:
    """The curve shift of the model between two mature periods.

    Attributes:
        recent: the later period; its end is `end`.
        end: ms.
        table: one group ("", ""), one column.
        coverage: share of the predictions that have a label, in the period that has less.
    """

    recent: Window
    end: int
    table: Table
    coverage: float


@dataclass(frozen=True, slots=True)
class SliceError:
    """The error of a version over one slice of cohorts that has just become mature; times in ms."""

    version: str
    start: int
    end: int
    error: float
    samples: int


@dataclass(frozen=True, slots=True)
class CohortMeasures:
    """All that is measured of a model's cohorts at one tick.

    Attributes:
        model: its name.
        end: of the tick, ms.
        started: end of the first tick less one tick, ms.
        windows: those that moved at this tick; at the end of a replay all of them.
        curve: None where it did not move.
        errors: of slices that became mature, in time order, versions in order of their names.
        versions: of which any cohort is held.
        totals: counts so far.
        last_feedback: latest time at which a label became known for its prediction, ms; NEVER.
        heard: feedback records, of whatever use, that came before the end.
        last_prediction: latest time of a prediction, ms; NEVER.
        too_old: changes to cohorts that no window reaches any more.
        ended: nothing will ever follow.
        canary: how a new version does beside its champion, where there was a look at this tick.
        need: slices of the headline metric that became mature, where a forecast is made of them.
    """

    model: str
    end: int
    started: int
    windows: tuple[WindowMeasures, ...]
    curve: CurveMeasure | None
    errors: tuple[SliceError, ...]
    versions: tuple[str, ...]
    totals: LabelTotals
    last_feedback: int
    heard: int
    last_prediction: int
    too_old: int
    ended: bool
    canary: CanaryReading | None = None
    need: NeedReading | None = None


def worst_segments(table: Table, n: int, *, falling: bool) -> list[tuple[Key, float, float]]:
    """The segments that are surest to be worse than their baseline, the surest first.

    Args:
        table: one column. Without a baseline in it, a segment's baseline is the whole of its version.
        n: at most so many.
        falling: whether low values are bad.

    Returns:
        ((version, segment), value, how far its nearer bound is beyond the baseline), of those that are beyond it.
    """
    whole = {version: float(table.value[row, 0]) for row, (version, segment) in enumerate(table.groups) if not segment}
    found = []
    for row, (version, segment) in enumerate(table.groups):
        if not segment:
            continue
        base = whole.get(version, float("nan")) if table.baseline is None else float(table.baseline[row, 0])
        beyond = base - float(table.upper[row, 0]) if falling else float(table.lower[row, 0]) - base
        if beyond > 0:
            found.append(((version, segment), float(table.value[row, 0]), beyond))
    return sorted(found, key=lambda one: (-one[2], one[0]))[:n]

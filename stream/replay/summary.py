"""What a replay came to, counted from the same reports that metrics are made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.kafka.messages import rfc3339
from stream.metrics import catalog
from stream.metrics.reports import GaugeBlock, Totals, Unmatched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.metrics.reports import Labels, Report


MUCH_LATE = 0.01
"""Share of late records above which people are told: partitions of a topic in production have far fewer."""

MUCH_UNMATCHED = 0.2
"""Share of the feedback without a prediction above which people are told what may be behind it."""


class Tally:
    """Takes the reports of the dataflow: counters at their highest, and the watermark."""

    def __init__(self) -> None:
        self._totals: dict[str, dict[tuple[str, Labels], float]] = {}
        self._active: dict[str, tuple[Labels, ...]] = {}
        self._waiting: dict[str, float] = {}
        self.why_unmatched: dict[str, str] = {}
        self.windows = 0
        self.first: float | None = None
        self.last: float | None = None

    def send(self, report: Report) -> None:
        """Take a report."""
        if isinstance(report, Totals):
            known = self._totals.setdefault(report.metric, {})
            for labels, value in report.rows.items():
                at = (report.owner, labels)
                known[at] = max(value, known.get(at, 0.0))
        elif isinstance(report, GaugeBlock):
            self._gauges(report)
        elif isinstance(report, Unmatched) and report.why:
            self.why_unmatched[report.model] = report.why

    def _gauges(self, block: GaugeBlock) -> None:
        if block.metric == catalog.WATERMARK_TIMESTAMP_SECONDS.name:
            (mark,) = block.values
            self.first = mark if self.first is None else min(self.first, mark)
            self.last = mark if self.last is None else max(self.last, mark)
        elif block.metric == catalog.LABELS_WAITING.name:
            self._waiting[block.owner] = sum(block.values)
        elif block.metric == catalog.ALERT_ACTIVE.name:
            self._active[block.owner] = block.rows
        elif block.metric == catalog.THROUGHPUT_PER_SECOND.name:
            self.windows += 1  # every window that is measured has one such block, be it empty

    @property
    def active(self) -> tuple[Labels, ...]:
        """Labels of alert_active for what fires still."""
        return tuple(row for owner in sorted(self._active) for row in self._active[owner])

    @property
    def waiting(self) -> int:
        """Feedback that waits for its prediction still."""
        return int(sum(self._waiting.values()))

    def total(self, metric: catalog.Metric) -> int:
        """A counter over all its labels."""
        return int(sum(self._totals.get(metric.name, {}).values()))

    def by(self, metric: catalog.Metric, label: str) -> dict[str, int]:
        """A counter by one of its labels, the largest first."""
        at = metric.labels.index(label)
        counts: Counter[str] = Counter()
        for (_, labels), value in self._totals.get(metric.name, {}).items():
            counts[labels[at]] += int(value)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of every record, and what was found.

    Attributes:
        read: records.
        folded: of them, in a pane.
        late: of them, behind the watermark.
        dead: of them, rejected, by reason.
        feedback: of them, feedback.
        matched: predictions that got a label.
        revised: feedback that revised another one.
        duplicates: feedback that said again what was known.
        why_unmatched: what may be behind unmatched feedback, by model.
        skipped: records beside those read: left out by a filter, or feedback without a label yet.
        waiting: feedback that waited for its prediction at the end.
        unmatched: feedback that found no prediction, by reason.
        windows: windows measured and judged.
        evaluations: values written.
        alerts: events by state.
        fired: alerts that fired, by kind.
        actions: steps of actions, by kind and state.
        firing: (model, version, segment, alert, severity) of those that had not resolved at the end.
        start: end of the first pane, seconds since the epoch; None when there was none.
        end: end of the last pane, seconds since the epoch.
        seconds: it took.
    """

    read: int
    folded: int
    late: int
    dead: dict[str, int]
    feedback: int
    matched: int
    revised: int
    duplicates: int
    waiting: int
    unmatched: dict[str, int]
    windows: int
    evaluations: int
    alerts: dict[str, int]
    fired: dict[str, int]
    firing: tuple[Labels, ...]
    start: float | None
    end: float | None
    seconds: float
    actions: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    why_unmatched: dict[str, str] = field(default_factory=dict)

    @property
    def much_unmatched(self) -> bool:
        """Whether so much of the feedback found no prediction that something is wrong with it."""
        return sum(self.unmatched.values()) + self.waiting > MUCH_UNMATCHED * self.feedback

    @property
    def balanced(self) -> bool:
        """Whether read = folded + late + dead + feedback."""
        return self.read == self.folded + self.late + sum(self.dead.values()) + self.feedback

    @property
    def much_late(self) -> bool:
        """Whether so many records are late that what is found may be wrong."""
        return self.late > MUCH_LATE * self.read

    @property
    def useless(self) -> bool:
        """Whether records were read, none was folded, and not because all are late."""
        return not self.folded and self.late < self.read

    def lines(self) -> Iterator[str]:
        """For people."""
        dead = sum(self.dead.values())
        reasons = f" ({_listed(self.dead)})" if self.dead else ""
        parts = f"{self.folded:,} folded + {self.late:,} late + {dead:,} dead letters"
        said = f" + {self.feedback:,} feedback" if self.feedback else ""
        yield f"{self.read:,} records read = {parts}{reasons}{said}"
        if self.skipped:
            yield (
                f"{self.skipped:,} beside them skipped: without a label yet, without a value, or left out by the filter"
                " of a source"
            )
        if self.feedback:
            more = {"revised": self.revised, "said again": self.duplicates, "waiting still": self.waiting}
            rest = "".join(f", {count:,} {name}" for name, count in more.items() if count)
            lost = f", {sum(self.unmatched.values()):,} unmatched ({_listed(self.unmatched)})" if self.unmatched else ""
            yield f"of the feedback, {self.matched:,} gave a prediction its first label{rest}{lost}"
        if self.start is not None and self.end is not None:
            span = f" from {rfc3339(round(self.start * 1e3))} to {rfc3339(round(self.end * 1e3))}"
            yield f"{self.windows:,} windows judged, {self.evaluations:,} evaluations; panes that end{span}"
        fired, resolved = self.alerts.get("firing", 0), self.alerts.get("resolved", 0)
        kinds = f" ({_listed(self.fired)})" if self.fired else ""
        yield f"{fired} alerts fired{kinds}, {resolved} resolved, {self.alerts.get('updated', 0)} updates"
        for model, version, segment, alert, severity in self.firing:
            where = " ".join(part for part in (model, version and f"version {version}", segment) if part)
            yield f"  firing at the end: {alert} of {where}, {severity}"
        if self.actions:
            yield f"actions: {_listed(self.actions)}"
        yield f"{self.seconds:.1f} s, {self.read / max(self.seconds, 1e-9):,.0f} records/s"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())

"""Knowledge: everything that pages show, asked for by model; of a running monitor, or of a replay's results."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from operators.tables import Kind
from stream.history.frame import Column
from stream.web.judged import Rules, judge, ranked
from stream.web.lives import SEVERITIES, lives_of
from stream.web.pictures import picture_of
from stream.web.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.plans.model import ModelPlan
    from operators.plans.monitors import Monitor
    from stream.history.frame import Frame, Source
    from stream.history.history import Past
    from stream.web.judged import Mover
    from stream.web.lives import AlertLife
    from stream.web.pictures import Picture
    from stream.web.retraining import Retraining
    from stream.web.standing import State
    from windows.predictions.layout import Field

HOUR = 3_600_000
RANGES: dict[str, int] = {
    "15m": HOUR // 4,
    "1h": HOUR,
    "6h": 6 * HOUR,
    "1d": 24 * HOUR,
    "7d": 168 * HOUR,
    "30d": 720 * HOUR,
}
"""Spans of time that a reader may choose, ms."""

LEAST_PANES = 6
"""Of the span that is looked at first."""

OF_FEATURES = frozenset({Kind.FEATURE, Kind.QUALITY})
"""Kinds of tables that speak of single features."""

PERFORMANCE_FIRST = ("accuracy", "f1", "auc", "macro_f1", "rmse", "mae", "ndcg", "mrr")
"""Which metric of labels stands for all in a small place."""


class Live(Protocol):
    """What only the running monitor knows."""

    def active(self, model: str) -> frozenset[tuple[str, str, str]]:
        """(version, segment, alert) of every alert that fires now."""

    def watermark(self, model: str) -> float | None:
        """Event time up to which panes are closed, ms."""

    def blind(self, model: str) -> int:
        """How many streams cannot be judged."""

    def retraining(self, model: str) -> Retraining:
        """Whether it will need to be trained anew, and what was asked for."""

    def not_ready(self) -> tuple[str, ...]:
        """Why the monitor is not ready, a line each."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a reader looks at: a version, and a span of event time, ms."""

    version: str
    since: int
    until: int
    name: str = ""


@dataclass(slots=True)
class Knowledge:
    """What there is to know.

    Attributes:
        plans: of every model.
        past: frames, sketches and events.
        live: of the running monitor; None for a report.
    """

    plans: Mapping[str, ModelPlan]
    past: Past
    live: Live | None = None
    _rules: dict[str, Rules] = field(default_factory=dict)

    def renew(self, plans: Mapping[str, ModelPlan]) -> None:
        """Know these models from now on."""
        self.plans, self._rules = plans, {}

    def rules(self, model: str) -> Rules:
        """What a model's numbers are held against."""
        found = self._rules.get(model)
        if found is None:
            plan = self.plans[model]
            found = self._rules[model] = Rules(plan.settings, plan.pane)
        return found

    @property
    def resolve_after(self) -> int:
        """How long a condition must be gone for its alert to end, ms."""
        return max((plan.resolve_after for plan in self.plans.values()), default=0)

    def lives(self, model: str | None = None) -> list[AlertLife]:
        """Every life of an alert, of one model or of all, the youngest first."""
        return lives_of(event for event in self.past.events() if model in {None, event.model})

    def life(self, key: str) -> AlertLife | None:
        """The life with this key, or with an event of this id."""
        return next((one for one in self.lives() if key in {one.key, *(event.id for event in one.events)}), None)

    def firing(self, model: str, lives: Sequence[AlertLife]) -> tuple[AlertLife, ...]:
        """Those that have not ended, the most severe first."""
        active = None if self.live is None else self.live.active(model)
        standing: dict[str, AlertLife] = {}
        for life in lives:
            last = life.last
            open_ = life.ended_at is None and (active is None or (last.version, last.segment, last.alert) in active)
            if open_ and last.model == model:
                standing.setdefault(last.fingerprint, life)
        return tuple(
            sorted(standing.values(), key=lambda life: (-SEVERITIES.index(life.last.severity), life.last.started_at))
        )

    def standings(self) -> list[Standing]:
        """Every model, who needs a person first."""
        lives: dict[str, list[AlertLife]] = {}
        for life in self.lives():
            lives.setdefault(life.last.model, []).append(life)
        found = [self.standing(model, lives.get(model, [])) for model in self.plans]
        return sorted(found, key=lambda one: one.rank)

    def standing(self, model: str, lives: Sequence[AlertLife] | None = None) -> Standing:
        """One model."""
        firing = self.firing(model, self.lives(model) if lives is None else lives)
        frames = self.past.latest(model)
        version, versions = _versions(frames)
        moved = self.moved(model, version, frames)
        service = next((frame for frame in frames if frame.source == "predictions"), None)
        blind = 0 if self.live is None else self.live.blind(model)
        state = _state(firing, frames, blind)
        return Standing(
            model=model,
            state=state,
            why=_why(state, firing, moved, blind),
            firing=firing,
            moved=moved,
            version=version,
            versions=versions,
            rate=_of(service, Column(str(Kind.SERVICE), "throughput", version, "", "")),
            p99=_of(service, Column(str(Kind.SERVICE), "latency_p99_ms", version, "", "")),
            performance=_performance(frames, version),
            watermark=self.end_of(model),
            blind=blind,
        )

    def end_of(self, model: str) -> float | None:
        """Event time up to which a model is known, ms."""
        live = None if self.live is None else self.live.watermark(model)
        ends = [frame.end for frame in self.past.latest(model)]
        return live if live is not None else max(ends, default=None)

    def moved(self, model: str, version: str, frames: Sequence[Frame] | None = None) -> tuple[Mover, ...]:
        """The features of a version by what is surest of how they moved, each with its strongest number."""
        rules = self.rules(model)
        strongest: dict[str, tuple[tuple[float, float, float], Frame, Column, Monitor]] = {}
        for frame in self.past.latest(model) if frames is None else frames:
            if frame.source != "predictions":
                continue
            for found in rules.evidence(frame):
                if found.monitor.kind not in OF_FEATURES or found.monitor.worst_only:
                    continue
                ranks = zip(found.level.tolist(), found.lower.tolist(), found.value.tolist(), strict=True)
                for place, (level, lower, value) in zip(found.places.tolist(), ranks, strict=True):
                    column = frame.columns[place]
                    if column.version != version or column.segment or value != value:  # noqa: PLR0124 - NaN
                        continue
                    rank = (float(level), lower if lower == lower else 0.0, value)  # noqa: PLR0124 - NaN
                    known = strongest.get(column.feature)
                    if known is None or rank > known[0]:
                        strongest[column.feature] = (rank, frame, column, found.monitor)
        numbers = [
            judge(column, frame.window, reading, monitor)
            for _, frame, column, monitor in strongest.values()
            if (reading := frame.reading(column)) is not None
        ]
        return tuple(ranked(numbers))

    def measures(self, model: str, feature: str, version: str) -> Mover | None:
        """Every number of a feature that a rule reads, the strongest first; None where there is none."""
        rules = self.rules(model)
        numbers = [
            judge(column, frame.window, reading, monitor)
            for frame in self.past.latest(model)
            if frame.source == "predictions"
            for column in frame.columns
            if column.feature == feature and column.version == version and not column.segment
            if column.kind in OF_FEATURES and (reading := frame.reading(column)) is not None
            for monitor in rules.of(column.kind, column.metric, frame.size)
            if not monitor.worst_only
        ]
        movers = ranked(numbers)
        return movers[0] if movers else None

    def span(self, model: str, version: str = "", name: str = "") -> Span:
        """What to look at: by default the version with most traffic, and what memory holds of the last hour."""
        frames = self.past.latest(model)
        known, versions = _versions(frames)
        until = int(max((frame.end for frame in frames), default=self.end_of(model) or 0))
        chosen = version if version in versions else known
        if name in RANGES:
            return Span(chosen, until - RANGES[name], until, name)
        starts = [
            series[0].end
            for frame in frames
            if (series := self.past.series(model, frame.source, frame.size, until - HOUR, until))
        ]
        return Span(chosen, min([*starts, until - LEAST_PANES * self.plans[model].pane]), until)

    def windows(self, model: str, source: Source) -> tuple[tuple[int, str], ...]:
        """(ms, text) of every window that was measured, smallest first."""
        return tuple((frame.size, frame.window) for frame in self.past.latest(model) if frame.source == source)

    def fields(self, model: str) -> dict[str, Field]:
        """The columns of a model by name; the prediction is "prediction"."""
        return {one.name: one for one in self.plans[model].layout.columns}

    def field(self, model: str, name: str, version: str) -> Field:
        """A column with the profile that this version's are compared with."""
        field, own = self.fields(model)[name], self.plans[model].reference.versions.get(version)
        if own is None:
            return field
        predicted = field is self.plans[model].layout.prediction
        profile = own.prediction if predicted else own.features[name]
        return field if profile is None else replace(field, profile=profile)

    def picture(self, model: str, name: str, version: str, size: int, bars: int = 40) -> Picture:
        """A column then and now, over a window (ms)."""
        return picture_of(self.field(model, name, version), self.past.counts(model, size).get(version), bars)


def _versions(frames: Sequence[Frame]) -> tuple[str, tuple[str, ...]]:
    """The version with most traffic, and all of them by it."""
    rates: dict[str, float] = {}
    for frame in frames:
        for column, reading in frame.whole.readings() if frame.source == "predictions" else ():
            if column.metric == "throughput" and column.version not in rates:
                rates[column.version] = reading.value
    ordered = tuple(sorted(rates, key=lambda version: (-rates[version], version)))
    return (ordered[0] if ordered else ""), ordered


def _of(frame: Frame | None, column: Column) -> float:
    reading = None if frame is None else frame.reading(column)
    return math.nan if reading is None else reading.value


def _performance(frames: Sequence[Frame], version: str) -> tuple[str, float] | None:
    for metric in PERFORMANCE_FIRST:
        for frame in frames:
            reading = frame.reading(Column(str(Kind.PERFORMANCE), metric, version, "", ""))
            if reading is not None:
                return metric, reading.value
    return None


def _state(firing: Sequence[AlertLife], frames: Sequence[Frame], blind: int) -> State:
    kinds = {life.last.alert for life in firing}
    severities = {life.last.severity for life in firing}
    if "NoData" in kinds:
        return "no data"
    for severity in ("critical", "warning"):
        if severity in severities:
            return "critical" if severity == "critical" else "warning"
    if not frames:
        return "waiting"
    if blind or "info" in severities:
        return "blind" if blind else "warning"
    return "ok"


def _why(state: State, firing: Sequence[AlertLife], moved: Sequence[Mover], blind: int) -> str:
    if firing:
        return firing[0].last.reason
    if state == "waiting":
        return "No window has been closed yet: the first comes a pane and the lateness after the first records."
    if state == "blind":
        return f"{blind} streams have too few rows in any window to be judged."
    if not moved:
        return "Nothing is held against a threshold yet."
    top = moved[0]
    one = top.strongest
    if math.isnan(one.lower):
        return "Nothing is past a threshold."
    return (
        f"Nothing is past a threshold; nearest is {top.feature or 'the predictions'}, whose {one.column.metric} over"
        f" {one.window} is surely at {one.lower:.0%} of its limit."
    )

"""Measure: the totals of a window become values with intervals.

Knows the reference and the confidence level, never a threshold.

Distances, shares of bad values and estimates come by their rows in windows/. Any other value is a table here: of each
feature in `Measure._columns`, of a version in `Measure._service`. Whether its interval shrinks as 1 / n is said in
windows/statistics/needed.py, what pages call it, other than by its name, in stream/web/text.py, and what is told of it
in deploy/README.md (Evaluations). A limit on it is a `Watch` in operators/settings/alerts.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.plans.measures import DISTANCES, QUANTILES, Plan
from operators.predictions.distance import Side, Tabulate, distance_table
from operators.predictions.estimates import MeasureEstimates
from operators.predictions.joint import MeasureJoint
from operators.predictions.references import References
from operators.predictions.seasonal import SeasonalReference
from operators.predictions.stack import Stack, chunks, stack_of
from operators.predictions.usage import usage_tables
from operators.tables import Kind, Measures, Table
from windows.allowed import METRICS
from windows.predictions.compare import Counts, Gather, gather, gather_of
from windows.predictions.fold import moment_units
from windows.segments import WHOLE
from windows.shares import SHARES, metric_of
from windows.sketches.moments import PARTS, moments_of
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_BINS, quantile, quantile_bounds
from windows.statistics import intervals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.predictions.ring import WindowTotals
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.arrays import Counts as HistogramCounts
    from windows.predictions.layout import Field, Layout
    from windows.predictions.mixture import Expected
    from windows.references.reference import Reference
    from windows.ring import Key
    from windows.shares import Share


@dataclass(frozen=True, slots=True)
class MeasureConfig:
    """One model: layout, reference, confidence level per bound, and the plan of each window size (ms)."""

    layout: Layout
    reference: Reference
    alpha: float
    plans: dict[int, Plan]


class Measure:
    """Measures one model's windows. Keeps nothing between windows but the reference's counts, gathered once."""

    def __init__(self, config: MeasureConfig) -> None:
        """Prepare index matrices and the reference's vectors."""
        layout = config.layout
        self.config = config
        self.features = gather_of(layout.features, layout.rows)
        self.prediction = None if layout.prediction is None else gather_of([layout.prediction], layout.rows)
        self.estimates = None if layout.estimate is None else MeasureEstimates(layout.estimate, config.alpha)
        self.references = References(layout, config.reference)
        self._gathered: dict[Kind, tuple[tuple[Key, ...], Counts]] = {}
        self.joint = None if layout.joint is None else MeasureJoint(layout, layout.joint, config.alpha)
        self.seasonal = None if layout.phases is None else SeasonalReference(layout, config.reference)

    def __call__(self, totals: WindowTotals) -> Measures:
        """The tables that the plan of this window asks for; none for a window without data."""
        (measures,) = self.many([totals])
        return measures

    def many(self, windows: Sequence[WindowTotals]) -> list[Measures]:
        """Measure many windows, a stack of them at a time; each as it would be alone, to the last bit."""
        found: list[Measures] = []
        for chunk in chunks(windows, len(self.features.fields)):
            tables: list[list[Table]] = [[] for _ in chunk]
            if any(window.groups for window in chunk):
                self._measure(chunk, tables)
            found += [
                Measures(window.model, window.window, window.index, tuple(mine))
                for window, mine in zip(chunk, tables, strict=True)
            ]
        return found

    def _measure(self, windows: list[WindowTotals], found: list[list[Table]]) -> None:
        """Append to each window's list the tables of its plan."""
        plans = [self._plan(window) for window in windows]
        compared = stack_of(windows, lambda _, key: self.references.counts(key) is not None)
        factors = [window.factors for window in windows]
        if compared.keys:
            metrics = _union(plan.features for plan in plans)
            quality, moments = any(plan.quality for plan in plans), any(plan.moments for plan in plans)
            asked = _Asked(Kind.FEATURE, self.features, metrics, quality, moments)
            compared.deal(self._columns(asked, compared, factors), found, self._wanted)
        if compared.keys and self.prediction is not None:
            asked = _Asked(Kind.PREDICTION, self.prediction, _union(plan.prediction for plan in plans))
            last = [None if one is None else one[-1:] for one in factors]
            compared.deal(self._columns(asked, compared, last), found, self._wanted)
        whole = stack_of(windows, lambda window, key: self._plan(window).service and key[1] == WHOLE)
        if whole.keys:
            whole.deal(self._service(whole), found, lambda *_: True)
        if self.joint is not None:
            joined = stack_of(windows, lambda window, key: self._plan(window).joint and key[1] == WHOLE)
            if joined.keys:
                joined.deal(self.joint(joined, self._joint_factors(joined)), found, lambda *_: True)
        if self.estimates is not None:
            every = stack_of(windows, lambda window, _: self._plan(window).estimates)
            if every.keys:
                of_each = np.array([self._prediction_factor(window.factors) for window in windows])
                tables = self.estimates(every.keys, every.vectors, np.repeat(of_each, every.sizes))
                every.deal(tables, found, lambda *_: True)

    def _plan(self, window: WindowTotals) -> Plan:
        return self.config.plans[window.window.size]

    def _wanted(self, window: WindowTotals, table: Table) -> bool:
        """Whether the plan of a window has a table of its columns."""
        plan = self._plan(window)
        if table.kind == Kind.PREDICTION:
            return table.metric in plan.prediction
        if table.kind == Kind.QUALITY:
            return plan.quality
        return table.metric in plan.features if table.metric in DISTANCES else plan.moments

    def _columns(self, asked: _Asked, stack: Stack, factors: list[FloatArray | None]) -> list[Table]:
        where = asked.where
        if not where.fields or not (asked.metrics or asked.quality or asked.moments):
            return []
        current = gather(where, stack.vectors)
        fixed = self._reference(asked.kind, where, stack.keys)
        reference: Counts | Expected = fixed
        columns = tuple(field.name for field in where.fields)
        table = Tabulate(asked.kind, stack.keys, columns, self.references.against(stack.keys))
        if self.seasonal is not None:
            reference, against, phase = self.seasonal(where, stack, current, fixed)
            table = Tabulate(asked.kind, stack.keys, columns, against, phase)
        side = Side(reference, self.references.factors(stack, where.fields, factors))
        by_days = Side(reference, side.factor + self.references.days(stack, where.fields, self.config.layout.rows))
        tables = [distance_table(table, metric, where, current, by_days, self.config.alpha) for metric in asked.metrics]
        if asked.quality:
            tables += self._ratios(table, where, current, side, stack.vectors)
            tables += self._allowed(table, where, current, side, stack.vectors)
        if asked.moments:
            tables += self._moments(table, where, current, stack.vectors)
        return tables

    def _joint_factors(self, stack: Stack) -> FloatArray:
        """Overdispersion of each feature in each group, float64[G, F]."""
        each = self.references.factors(stack, self.features.fields, (window.factors for window in stack.windows))
        return each.reshape(len(stack.keys), -1)

    def _prediction_factor(self, factors: FloatArray | None) -> float:
        """How much the predictions vary beyond independent ones."""
        if self.prediction is None:
            return 1.0
        last = None if factors is None else factors[-1:]
        return float(self.references.factor("", self.prediction.fields, last)[0])

    def _reference(self, kind: Kind, where: Gather, keys: tuple[Key, ...]) -> Counts:
        """The references' counts for these groups; the groups are mostly those measured before."""
        known, same = self._gathered.get(kind), self.references.same(keys)
        if known is None or known[0] != same:
            known = self._gathered[kind] = same, gather(where, self.references.known(keys))
        return known[1]

    def _ratios(
        self, table: Tabulate, where: Gather, current: Counts, side: Side, vectors: list[IntArray]
    ) -> list[Table]:
        """Shares of bad values, beside the reference's own."""
        ordered = np.tile(where.ordered, len(table.groups))
        applies = {None: np.ones(len(ordered), dtype=bool), "numeric": ordered, "categorical": ~ordered}
        tables = []
        for name, share in SHARES.items():
            live, known = (
                (getattr(counts, share.hits), getattr(counts, share.among)) for counts in (current, side.counts)
            )
            found = _Found(table, live, known, applies[share.of], side.factor)
            if share.of_predictions:
                found = self._with_predictions(found, share, vectors)
            tables.append(self._ratio(metric_of(name), found))
        return tables

    def _ratio(self, metric: str, found: _Found) -> Table:
        """A share of values beside the reference's own."""
        (hits, rows), (ref_hits, ref_rows), factor = found.live, found.known, found.factor
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(found.applies & (rows > 0), hits / rows, np.nan)
            baseline = np.where(ref_rows > 0, ref_hits / ref_rows, 0.0)
        lower, upper = intervals.proportion_increase_interval(
            hits / factor, rows / factor, ref_hits / factor, ref_rows / factor, self.config.alpha
        )
        bounds = (np.clip(baseline + lower, 0.0, 1.0), np.clip(baseline + upper, 0.0, 1.0))
        samples, behind = (np.rint(part).astype(np.int64) for part in (rows, ref_rows))
        return found.table(metric, value, bounds, samples, baseline, behind, kind=Kind.QUALITY)

    def _with_predictions(self, found: _Found, share: Share, vectors: list[IntArray]) -> _Found:
        """The same with the share of the prediction behind those of the features."""
        layout = self.config.layout
        field = layout.prediction
        if field is None or field.name in found.table.columns:
            return found
        table = replace(found.table, columns=(*found.table.columns, field.name))
        slots, whole = (getattr(field, share.hits), layout.rows), self.references.known(table.groups)
        live = _with_slot(found.live[0], vectors, slots[0]), _with_slot(found.live[1], vectors, slots[1])
        known = _with_slot(found.known[0], whole, slots[0]), _with_slot(found.known[1], whole, slots[1])
        each = found.factor.reshape(len(vectors), -1)
        factor = np.hstack([each, each.max(axis=1, keepdims=True)]).ravel()
        have = np.hstack([found.applies.reshape(len(vectors), -1), np.ones((len(vectors), 1), dtype=bool)]).ravel()
        return _Found(table, live, known, have, factor)

    def _allowed(
        self, table: Tabulate, where: Gather, current: Counts, side: Side, vectors: list[IntArray]
    ) -> list[Table]:
        """Shares of values that may not be, of the features that say what may, for each way to miss it."""
        spans, names = self.config.layout.allowed, [field.name for field in where.fields]
        tables = []
        for metric in (one for one in METRICS if any(one in span.rule.metrics for span in spans)):
            hits = np.zeros((len(vectors), len(names)), dtype=np.int64)
            applies = np.zeros(len(names), dtype=bool)
            for span in spans:
                if metric in span.rule.metrics:
                    slot, at = span.start + 1 + span.rule.metrics.index(metric), names.index(span.name)
                    hits[:, at], applies[at] = [vector[slot] for vector in vectors], True
            count, rows = hits.ravel(), current.values
            known = np.tile(applies, len(vectors)) & (rows > 0)
            value = np.where(known, count / np.maximum(rows, 1), np.nan)
            bounds = intervals.proportion_interval(count / side.factor, rows / side.factor, self.config.alpha)
            none = np.zeros(len(count), dtype=np.int64)
            tables.append(table(metric, value, bounds, rows, None, none, kind=Kind.QUALITY))
        return tables

    def _moments(self, table: Tabulate, where: Gather, current: Counts, vectors: list[IntArray]) -> list[Table]:
        """Mean and standard deviation of the numeric features."""
        layout, profiles = self.config.layout, [field.profile for field in where.fields]
        numeric = [(i, p) for i, p in enumerate(profiles) if isinstance(p, NumericProfile)]
        if not numeric:
            return []
        columns = len(layout.numeric)
        sums = np.stack([vector[layout.moments : layout.segment_size] for vector in vectors])
        picked = sums.reshape(len(vectors), PARTS, columns)[:, :, : len(numeric)].reshape(len(vectors), -1)
        at = [i for i, _ in numeric]
        rows = current.values.reshape(len(vectors), -1)[:, at]
        units = moment_units([p for _, p in numeric])
        found = moments_of(picked, rows, np.array([p.center for _, p in numeric]), units)
        mean, highest = found.mean.ravel(), found.highest.ravel()
        names = tuple(where.fields[i].name for i in at)
        base_mean, base_sd = self._usual(table.groups, [where.fields[i] for i in at])
        flat = rows.ravel()
        with np.errstate(invalid="ignore", divide="ignore"):
            bounds = intervals.mean_interval(mean, highest, flat.astype(np.float64), self.config.alpha)
            spread = np.sqrt(found.variance.ravel())
        named = Tabulate(Kind.FEATURE, table.groups, names)
        none = np.zeros(len(flat), dtype=np.int64)
        return [
            named("mean", mean, bounds, flat, base_mean, none),
            named("std", spread, (np.full(len(flat), np.nan), np.full(len(flat), np.nan)), flat, base_sd, none),
        ]

    def _usual(self, groups: Sequence[Key], fields: Sequence[Field]) -> tuple[FloatArray, FloatArray]:
        """Means and deviations of the references of these groups, float64[G*F] each."""
        found = [self.references.columns(version, fields) for version, _ in groups]
        return np.concatenate([one.means for one in found]), np.concatenate([one.deviations for one in found])

    def _service(self, stack: Stack) -> list[Table]:
        """Latency quantiles, availability and throughput of each version."""
        layout, alpha, vectors = self.config.layout, self.config.alpha, stack.vectors
        table = Tabulate(Kind.SERVICE, stack.keys, ("",))
        latency = np.stack([vector[layout.latency : layout.latency + LATENCY_BINS] for vector in vectors])
        served = np.array([vector[layout.rows] for vector in vectors], dtype=np.int64)
        failed = np.array([vector[layout.errors] for vector in vectors], dtype=np.int64)
        none = np.zeros(len(vectors), dtype=np.int64)
        timed = latency.sum(axis=1)
        levels = np.array([level for _, level in QUANTILES])
        values = np.stack([quantile(row, levels) for row in latency])
        lowers, uppers = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        bounded = np.repeat([self._plan(window).service_bounds for window in stack.windows], stack.sizes)
        for at in np.flatnonzero(bounded).tolist():
            lowers[at], uppers[at] = quantile_bounds(latency[at], levels, alpha)
        tables = [
            table(name, values[:, at], (lowers[:, at], uppers[:, at]), timed, None, none)
            for at, (name, _) in enumerate(QUANTILES)
        ]
        total = served + failed
        seconds = np.repeat([window.window.size / 1e3 for window in stack.windows], stack.sizes)
        share = np.divide(served, total, out=np.full(len(total), np.nan), where=total > 0)
        ok = intervals.proportion_interval(served.astype(np.float64), total.astype(np.float64), alpha)
        rate = total / seconds
        return [
            *tables,
            table("availability", share, ok, total, None, none),
            table("throughput", rate, (rate, rate), total, None, none),
            *([] if layout.usage is None else usage_tables(layout.usage, stack, total)),
        ]


def _with_slot(values: HistogramCounts, vectors: Sequence[IntArray], slot: int) -> FloatArray:
    """Values of F fields in G groups, [G*F], with a slot of its vector behind each group's: float64[G*(F+1)]."""
    last = np.array([[vector[slot]] for vector in vectors], dtype=np.float64)
    return np.asarray(np.hstack([values.reshape(len(vectors), -1), last]).ravel(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is measured of some fields."""

    kind: Kind
    where: Gather
    metrics: tuple[str, ...]
    quality: bool = False
    moments: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Hits and rows of a share on both sides, which columns have it, and how much rows vary; all of one length."""

    table: Tabulate
    live: tuple[HistogramCounts, HistogramCounts]
    known: tuple[HistogramCounts, HistogramCounts]
    applies: BoolArray
    factor: FloatArray


def _union(wanted: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The distances that any of several plans names, in their order."""
    named = {name for names in wanted for name in names}
    return tuple(name for name in DISTANCES if name in named)

"""Exports: what passes through the dataflow as reports for the metrics. Pure: values in, reports out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from operators.findings import Source
from operators.predictions.sketch import Sketch
from operators.tables import ANOMALOUS, RECONSTRUCTION, Kind, Measures
from stream.metrics.catalog import SHARE_SERIES
from stream.metrics.looks import looked_at
from stream.metrics.reports import AlertsFiring, GaugeBlock, Sketched, Totals, flat
from windows.segments import WHOLE
from windows.shares import metric_of
from windows.statistics.catalog import JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from operators.alerts.alert import ActiveAlerts
    from operators.intake.account import Balance
    from operators.intake.pairs import PairsTold
    from operators.judging.judge import Verdicts
    from operators.plans.model import ModelPlan
    from operators.tables import Table, Trailed
    from stream.metrics.reports import Report

LATENCY_METRICS = {"latency_p50_ms": "0.5", "latency_p95_ms": "0.95", "latency_p99_ms": "0.99"}
SHOWN = frozenset(JUDGED)
"""Distances shown as series; the others are in the evaluations topic."""
SHARES = {metric_of(name): series for name, series in SHARE_SERIES.items()}
"""Metric of a share -> its series, where it has one."""


@dataclass(frozen=True, slots=True)
class Exports:
    """What must be known of the models to show them.

    Attributes:
        features: model -> its features in the order of the layout.
        shares_of: model -> size (ms) of the window that missing shares are shown of.
        classes: model -> classes of hours that its reference tells apart.
    """

    features: dict[str, tuple[str, ...]]
    shares_of: dict[str, int]
    classes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, models: Mapping[str, ModelPlan]) -> Exports:
        """Those of the models."""
        return cls(
            {name: tuple(field.name for field in model.layout.features) for name, model in models.items()},
            {name: min(model.settings.quality.windows) for name, model in models.items()},
            {name: classes_of(model) for name, model in models.items()},
        )

    def of_measures(self, measures: Measures) -> Iterator[Report]:
        """The gauges of one window, or one trail, of one model; of a window at rest they stand as they were."""
        if measures.trail is not None:
            return of_trail(measures, measures.trail)
        return iter(()) if not measures.changed else of_measures(measures, self.shares_of[measures.model])

    def of_verdicts(self, item: tuple[str, Verdicts]) -> Iterator[Report]:
        """The gauges and totals of one tick of a model."""
        model, verdicts = item
        yield GaugeBlock(model, "reference_classes", ((model,),), (float(self.classes.get(model, 1)),))
        yield from of_verdicts(model, self.features[model], verdicts)


def classes_of(model: ModelPlan) -> int:
    """Classes of hours of the week that the reference of a model tells apart."""
    return 1 if model.layout.phases is None else model.layout.phases.own


def of_measures(measures: Measures, shares_of: int) -> Iterator[Report]:
    """The gauges of one window of one model. A window without data removes its gauges.

    `shares_of` is the size (ms) of the window that shares of bad values are shown of: their series carry no window.
    """
    window = measures.window.label
    owner = f"{measures.model}/{window}"
    tables = {(table.kind, table.metric): table for table in measures.tables}
    yield from _drift(measures, owner, window, tables)
    for metric, name in SHARES.items():
        shares = tables.get((Kind.QUALITY, metric))
        if shares is not None and measures.window.size == shares_of:
            yield _shares(measures.model, name, shares)
    latencies = [
        (q, tables[Kind.SERVICE, name]) for name, q in LATENCY_METRICS.items() if (Kind.SERVICE, name) in tables
    ]
    rows, values = [], []
    for quantile, table in latencies:
        for group, value in zip(table.groups, table.value[:, 0].tolist(), strict=True):
            if not np.isnan(value):
                rows.append((measures.model, group[0], window, quantile))
                values.append(value / 1e3)
    yield GaugeBlock(owner, "prediction_latency_seconds", tuple(rows), tuple(values))
    for metric, name in (("availability", "availability_ratio"), ("throughput", "throughput_per_second")):
        service = tables.get((Kind.SERVICE, metric))
        groups = () if service is None else service.groups
        given = () if service is None else tuple(service.value[:, 0].tolist())
        yield GaugeBlock(owner, name, tuple((measures.model, version, window) for version, _ in groups), given)
    yield from _estimates(measures, f"{owner}/estimate", window)
    yield from _joint(measures, owner, window, tables)
    yield from _usage(measures, owner, window, tables)


def passed(measures: Measures) -> Iterator[Report]:
    """That a window was measured, where nobody looks at its gauges."""
    if measures.trail is None:
        yield GaugeBlock(f"{measures.model}/{measures.window.label}", "throughput_per_second", (), ())


def of_trail(measures: Measures, trail: Trailed) -> Iterator[Report]:
    """What came of late beside what came before. Without a baseline there are no distances."""
    owner, model = f"{measures.model}/{trail.name}", measures.model
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    for table in measures.tables:
        for group, (version, _) in enumerate(table.groups):
            for value, lower, feature in zip(table.value[group], table.lower[group], table.columns, strict=True):
                if not np.isnan(value):
                    row = (model, version, feature, table.metric, measures.window.label, trail.baseline)
                    found[row] = float(value), float(lower)
    for at, name in enumerate(("trailing_drift", "trailing_drift_bound")):
        yield GaugeBlock(owner, name, tuple(found), tuple(pair[at] for pair in found.values()))
    of_trail = ((model, trail.name),)
    yield GaugeBlock(owner, "baseline_filled_ratio", of_trail, (trail.filled,))
    yield GaugeBlock(owner, "baseline_slices_left_out", of_trail, (float(trail.left_out),))
    yield Totals("baseline_slices_excluded_total", {(model, trail.name): float(trail.left_out_total)})


def _usage(measures: Measures, owner: str, window: str, tables: dict[tuple[Kind, str], Table]) -> Iterator[GaugeBlock]:
    """What predictions use and cost; a version whose cost is hardly known has a coverage and no cost."""

    def rows(metric: str, *more: str) -> dict[tuple[str, ...], float]:
        table = tables.get((Kind.SERVICE, metric))
        values = [] if table is None else zip(table.groups, table.value[:, 0].tolist(), strict=True)
        return {
            (measures.model, version, window, *more): value for (version, _), value in values if not np.isnan(value)
        }

    seconds: dict[tuple[str, ...], float] = {}
    for resource in ("cpu", "gpu"):
        seconds |= rows(f"{resource}_seconds_per_prediction", resource)
    for name, found in (
        ("cost_per_prediction", rows("cost_per_prediction", "usage")),
        ("resource_seconds_per_prediction", seconds),
        ("cost_coverage_ratio", rows("cost_coverage")),
    ):
        yield GaugeBlock(owner, name, tuple(found), tuple(found.values()))


def _joint(measures: Measures, owner: str, window: str, tables: dict[tuple[Kind, str], Table]) -> Iterator[GaugeBlock]:
    """How well features go together."""
    table, share = tables.get((Kind.JOINT, RECONSTRUCTION)), tables.get((Kind.JOINT, ANOMALOUS))
    rows: list[tuple[str, ...]] = []
    numbers: list[tuple[float, float]] = []
    if table is not None:
        for group, (version, _) in enumerate(table.groups):
            for value, lower, feature in zip(table.value[group], table.lower[group], table.columns, strict=True):
                if not np.isnan(value):
                    rows.append((measures.model, version, feature, window))
                    numbers.append((float(value), float(lower)))
    for at, name in enumerate(("reconstruction_error", "reconstruction_error_bound")):
        yield GaugeBlock(owner, name, tuple(rows), tuple(pair[at] for pair in numbers))
    shares = [] if share is None else zip(share.groups, share.value[:, 0].tolist(), strict=True)
    known = {(measures.model, version, window): value for (version, _), value in shares if not np.isnan(value)}
    yield GaugeBlock(owner, "anomalous_ratio", tuple(known), tuple(known.values()))


def _estimates(measures: Measures, owner: str, window: str) -> Iterator[GaugeBlock]:
    """Performance without labels; the owner is another than that of performance with labels."""
    rows: list[tuple[str, ...]] = []
    values: list[tuple[float, float, float]] = []
    for table in measures.tables:
        if table.kind != Kind.ESTIMATE:
            continue
        columns = (table.value[:, 0].tolist(), table.lower[:, 0].tolist(), table.upper[:, 0].tolist())
        for (version, segment), *numbers in zip(table.groups, *columns, strict=True):
            if not np.isnan(numbers[0]):
                rows.append((measures.model, version, segment, table.metric, window))
                values.append((numbers[0], numbers[1], numbers[2]))
    for at, name in enumerate(("performance", "performance_lower", "performance_upper")):
        yield GaugeBlock(owner, name, tuple(rows), tuple(value[at] for value in values))


def _drift(measures: Measures, owner: str, window: str, tables: dict[tuple[Kind, str], Table]) -> Iterator[GaugeBlock]:
    for kind, name in ((Kind.FEATURE, "feature_drift"), (Kind.PREDICTION, "prediction_drift")):
        rows: list[tuple[str, ...]] = []
        values: list[float] = []
        bounds: list[float] = []
        for (table_kind, metric), table in tables.items():
            if table_kind != kind or metric not in SHOWN:
                continue
            model, there = measures.model, ~np.isnan(table.value).ravel()
            middles = [(feature, metric) if kind == Kind.FEATURE else (metric,) for feature in table.columns]
            of_all = (
                (model, version, segment, *middle, window) for version, segment in table.groups for middle in middles
            )
            rows += compress(of_all, there.tolist())
            values += table.value.ravel()[there].tolist()
            bounds += table.lower.ravel()[there].tolist()
        yield GaugeBlock(owner, name, tuple(rows), tuple(values))
        yield GaugeBlock(owner, f"{name}_bound", tuple(rows), tuple(bounds))


def _shares(model: str, name: str, table: Table) -> GaugeBlock:
    rows, values = [], []
    for group, (version, segment) in enumerate(table.groups):
        if segment == WHOLE:
            rows += [(model, version, feature) for feature in table.columns]
            values += table.value[group].tolist()
    return GaugeBlock(model, name, tuple(rows), tuple(values))


def of_verdicts(model: str, features: tuple[str, ...], verdicts: Verdicts) -> Iterator[Report]:
    """Watermark, ages, objectives and totals of a model after a tick."""
    header, totals = verdicts.header, verdicts.header.totals
    yield GaugeBlock(model, "watermark_timestamp_seconds", ((model,),), (verdicts.end / 1e3,))
    ages = [
        ((model, version, feature), (header.end - at) / 1e3)
        for version, seen in header.seen.items()
        for feature, at in zip(features, seen.values.tolist(), strict=True)
    ]
    yield GaugeBlock(model, "feature_age_seconds", tuple(row for row, _ in ages), tuple(age for _, age in ages))
    if verdicts.blind is not None:
        cannot = verdicts.blind
        yield GaugeBlock(model, "blind_streams", ((model,),), (float(cannot.streams),))
        yield GaugeBlock(model, "blind_ratio", ((model,),), (cannot.lasting / max(cannot.all, 1),))
    outcomes: dict[tuple[str, ...], float] = {}
    for version, count in totals.served.items():
        outcomes[model, version, "ok"] = float(count)
    for version, count in totals.failed.items():
        outcomes[model, version, "error"] = float(count)
    yield Totals("predictions_total", outcomes)
    yield Totals("records_folded_total", {(model,): float(totals.folded)})
    yield Totals("late_records_total", {(model, "late"): float(totals.late)})
    overflow: dict[tuple[str, ...], float] = {
        (model, "versions"): float(totals.overflow),
        (model, "segments"): float(totals.unnamed),
    }
    yield Totals("overflow_total", overflow)
    for name, pick in (("sla_objective", "target"), ("sla_value", "value"), ("sla_violated", "violated")):
        rows = tuple((model, objective.version, objective.sla) for objective in verdicts.objectives)
        yield GaugeBlock(model, name, rows, tuple(float(getattr(objective, pick)) for objective in verdicts.objectives))


def of_looks(found: Measures | Sketch) -> Iterator[Report]:
    """What pages show of a window that has changed; of a window at rest nothing is said again."""
    if isinstance(found, Sketch):
        yield Sketched(found)
    elif found.changed:
        window = found.window
        yield looked_at(found.model, "predictions", window.label, window.size, found.end, found.tables)


def of_alerts(active: ActiveAlerts) -> Iterator[Report]:
    """What is firing, and how many events there were."""
    rows = tuple((active.model, *row) for row in active.rows)
    yield GaugeBlock(active.model, "alert_active", rows, (1.0,) * len(rows), active.labels)
    told = tuple((*row, *flat(dict(active.labels))) for row in rows)
    yield AlertsFiring(active.model, told, {source.value: end for source, end in active.clocks.items()})
    judged = active.clocks.get(Source.PREDICTIONS)
    if judged is not None:  # known at once after a restart, though no record may come for long
        yield GaugeBlock(active.model, "watermark_timestamp_seconds", ((active.model,),), (judged / 1e3,))
    sent: dict[tuple[str, ...], float] = {
        (active.model, alert, state): float(count) for (alert, state), count in active.sent.items()
    }
    yield Totals("alerts_total", sent)


def of_pairs(told: PairsTold) -> Iterator[Report]:
    """What became of requests and responses in one shard."""
    owner = f"pairs/{told.shard}"
    yield Totals("pairs_total", {(topic,): float(count) for topic, count in told.pairs.items()}, owner)
    yield Totals("unpaired_total", {key: float(count) for key, count in told.alone.items()}, owner)
    yield GaugeBlock(owner, "halves_waiting", ((str(told.shard),),), (float(told.waiting),))


def of_balance(balance: Balance) -> Iterator[Report]:
    """The account of a partition."""
    owner = balance.owner
    yield Totals("records_read_total", {(balance.topic, str(balance.partition)): float(balance.read)}, owner)
    place = balance.topic, str(balance.partition)
    skipped = {"tombstone": balance.tombstones, "left_out": balance.skipped - balance.tombstones}
    yield Totals("records_skipped_total", {(*place, why): float(count) for why, count in skipped.items()}, owner)
    dead: dict[tuple[str, ...], float] = {
        (balance.topic, reason): float(count) for reason, count in balance.dead.items()
    }
    yield Totals("dead_letters_total", dead, owner)
    unfit: dict[tuple[str, ...], float] = {(balance.topic, name): float(count) for name, count in balance.unfit.items()}
    yield Totals("unfit_fields_total", unfit, owner)

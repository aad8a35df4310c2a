"""Exports of actions: what models have decided as reports for the metrics. Pure: values in, reports out."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from operators.findings import Source
from stream.metrics.reports import AlertsFiring, GaugeBlock, Totals, flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.actions.forecast_state import NeedTold
    from operators.actions.govern import Governed
    from operators.actions.inputs import CanaryReading
    from operators.alerts.alert import ActiveAlerts
    from stream.metrics.reports import Labels, Report


def of_decided(governed: Governed) -> Iterator[Report]:
    """The gauges and totals of a model's actions."""
    decided = governed.decided
    model, counts = decided.model, decided.counts
    yield GaugeBlock(model, "actions_timestamp_seconds", ((model,),), (decided.at / 1e3,))
    yield _gauges(model, "actions_open", Counter(decided.open))
    late = Counter(finding.metric for finding in governed.findings if finding.alert == "ActionOverdue")
    yield _gauges(model, "action_overdue", late)
    yield _gauges(model, "retrains_month", counts.in_month)
    last = () if counts.last_retrain < 0 else (counts.last_retrain / 1e3,)
    yield GaugeBlock(model, "retrain_last_timestamp_seconds", ((model,),) * len(last), last)
    following = () if decided.next_retrain is None else (decided.next_retrain / 1e3,)
    yield GaugeBlock(model, "retrain_next_timestamp_seconds", ((model,),) * len(following), following)
    yield _canary(model, decided.canary)
    yield from _need(model, decided.need)
    yield _totals("actions_total", {(model, *key): count for key, count in counts.steps.items()})
    yield _totals("control_events_total", {(model, *key): count for key, count in counts.control.items()})
    blocked: Counter[Labels] = Counter({(model, reason): count for reason, count in counts.blocked.items()})
    blocked.update(governed.blocked)
    yield _totals("actions_blocked_total", dict(blocked))


def of_action_alerts(active: ActiveAlerts) -> Iterator[Report]:
    """Which alerts on actions fire, and how many events there were."""
    rows = tuple((active.model, *row) for row in active.rows)
    yield GaugeBlock(f"{active.model}/actions", "alert_active", rows, (1.0,) * len(rows), active.labels)
    clocks = {source.value: end for source, end in active.clocks.items() if source == Source.ACTIONS}
    told = tuple((*row, *flat(dict(active.labels))) for row in rows)
    yield AlertsFiring(active.model, told, clocks, of_actions=True)
    yield _totals("alerts_total", {(active.model, *key): count for key, count in active.sent.items()})


def _canary(model: str, reading: CanaryReading | None) -> GaugeBlock:
    """The latest look at a new version; nothing before the first, or where nothing is known of it."""
    known = () if reading is None else (("value", reading.gain), ("lower", reading.lower), ("upper", reading.upper))
    finite = [(bound, value) for bound, value in known if math.isfinite(value)]
    version = "" if reading is None else reading.candidate
    rows = tuple((model, version, bound) for bound, _ in finite)
    return GaugeBlock(model, "canary_gain", rows, tuple(value for _, value in finite))


def _need(model: str, told: NeedTold | None) -> Iterator[Report]:
    """The latest forecasts, and how good those before were; nothing where nothing is forecast."""
    latest = () if told is None else told.latest
    rows = tuple((model, one.version, one.source) for one in latest)
    yield GaugeBlock(model, "retrain_probability", rows, tuple(one.value for one in latest))
    scores = {} if told is None else {source: one for source, one in sorted(told.scores.items()) if one.count}
    sources = tuple((model, source) for source in scores)
    yield GaugeBlock(model, "retrain_brier_score", sources, tuple(one.brier for one in scores.values()))
    yield GaugeBlock(model, "retrain_base_brier_score", sources, tuple(one.base for one in scores.values()))
    yield GaugeBlock(model, "retrain_calibration_error", sources, tuple(one.miscalibrated for one in scores.values()))
    if told is None:
        return
    counts: dict[Labels, int] = {(model, "censored"): told.censored}
    for one in scores.values():  # of the same forecasts, whatever the source
        counts |= {(model, "came"): one.happened, (model, "did_not"): one.count - one.happened}
        break
    yield _totals("retrain_forecasts_total", counts)


def _gauges(model: str, metric: str, counts: dict[str, int]) -> GaugeBlock:
    rows = tuple((model, name) for name in sorted(counts))
    return GaugeBlock(model, metric, rows, tuple(float(counts[name]) for name in sorted(counts)))


def _totals(metric: str, counts: dict[Labels, int]) -> Totals:
    return Totals(metric, {labels: float(count) for labels, count in counts.items()})

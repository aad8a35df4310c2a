"""All steps of a model in a row, disturbed and undisturbed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from chain import Chain
from factories import START, batch, categorical, click, numeric, plan_of, record, reference_of

from operators.plans.measures import DISTANCES
from operators.plans.model import LIVE_VERSIONS, SILENCE_SHARE, plan_models
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from operators.plans.model import ModelPlan
    from windows.references.reference import Reference
    from windows.sketches.profiles import NumericProfile, Profile

PANE = 10_000
MONTH = 30 * 86_400_000
ALERTING = AlertingSettings.model_validate({"resolve_after": "1m"})


def normal(missing: int = 0) -> NumericProfile:
    """100,000 rows of a standard normal feature in 128 bins."""
    sample = np.random.default_rng(1).normal(size=100_000)
    edges = np.quantile(sample, np.linspace(0, 1, 129))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    counts = np.histogram(sample, edges)[0]
    return numeric(edges, counts.tolist(), coarse=[at * 10 // 128 for at in range(128)], missing=missing)


def reference() -> Reference:
    """Two normal features, a category, a normal score, and a segment key."""
    features: dict[str, Profile] = {"x": normal(), "y": normal(), "site": categorical(("a", "b"), [60_000, 40_000])}
    return reference_of(features, normal(), rows=100_000, segments={"site": ("a", "b")})


def model(**settings: Any) -> ModelPlan:
    """A plan with short windows."""
    windows = ["10s", "1m"]
    return plan_of(
        reference(),
        alerting=ALERTING,
        **{
            "segments": ["site"],
            "drift": {"windows": windows},
            "prediction": {"windows": windows},
            "quality": {"windows": ["1m"], "no_data_after": "1m"},
            **settings,
        },
    )


@dataclass
class Traffic:
    """Batches of a partition each, pane by pane, with `shift` added to x, and values or whole panes missing."""

    rng: np.random.Generator
    partitions: int = 1
    offset: int = 0

    def feed(self, chain: Chain, pane: int, rows: int = 300, shift: float = 0.0, missing: float = 0.0) -> None:
        """Feed one pane."""
        start = START + pane * PANE
        for partition in range(self.partitions):
            lines = []
            for time in np.sort(self.rng.integers(start, start + PANE, rows)).tolist():
                x, y, score = self.rng.normal(size=3).round(6).tolist()
                known = {"y": y, "site": "a" if self.rng.random() < 0.6 else "b"}
                features = known if self.rng.random() < missing else {"x": x + shift, **known}
                failed = "boom" if self.rng.random() < 0.01 else None
                lines.append(record(time, prediction=score, features=features, error=failed, context=None))
            raw = batch(lines, partition=partition, partitions=self.partitions, written=start + PANE, first=self.offset)
            self.offset += rows
            chain.feed(raw)

    def silence(self, chain: Chain, pane: int) -> None:
        """Nothing came, and the broker confirmed it."""
        for partition in range(self.partitions):
            chain.feed(
                batch([], partition=partition, partitions=self.partitions, silent_until=START + (pane + 1) * PANE)
            )


def told(events: list[AlertEvent]) -> list[tuple[str, str, int]]:
    """Alert, state and pane of each event."""
    return [(event.alert, event.state, (event.event_time - START) // PANE) for event in events]


def test_a_shift_is_told_once_with_the_feature_first_and_resolves() -> None:
    """Nothing before; DataDrift within a pane or two, for the whole only; resolved after it is over."""
    chain, traffic = Chain({"click": model()}, ALERTING), Traffic(np.random.default_rng(1))
    for pane in range(50):
        traffic.feed(chain, pane, shift=1.5 if 12 <= pane < 20 else 0.0)
    fired = chain.events[0]
    assert told(chain.events)[0][:2] == ("DataDrift", "firing")
    assert 13 <= told(chain.events)[0][2] <= 14
    assert fired.causes[0].feature == "x"
    assert {event.alert for event in chain.events} == {"DataDrift"}
    assert {event.segment for event in chain.events} == {""}
    assert chain.events[-1].state == "resolved"
    assert fired.lower > fired.threshold
    assert chain.dead == []


def test_a_firing_alert_outlives_silence_and_silence_is_told_by_itself() -> None:
    """NoData fires after a minute of confirmed silence and resolves with traffic; the drift stays until it is over."""
    chain, traffic = Chain({"click": model()}, ALERTING), Traffic(np.random.default_rng(2))
    for pane in range(15):
        traffic.feed(chain, pane, shift=1.5 if pane >= 8 else 0.0)
    for pane in range(15, 60):
        traffic.silence(chain, pane)
    drift = [event.state for event in chain.events if event.alert == "DataDrift"]
    assert "resolved" not in drift
    silent = [event for event in chain.events if event.alert == "NoData"]
    assert [(event.state, event.severity) for event in silent] == [("firing", "critical")]
    assert (silent[0].event_time - START) // PANE == 15 + 6
    for pane in range(60, 100):
        traffic.feed(chain, pane)
    assert [event.state for event in chain.events if event.alert == "NoData"] == ["firing", "resolved"]
    assert [event.state for event in chain.events if event.alert == "DataDrift"][-1] == "resolved"


def test_a_model_without_a_single_prediction_is_reported() -> None:
    """Another model's traffic moves the time on; the silent one's NoData fires."""
    silent = plan_of(click("rank"), alerting=ALERTING, quality={"no_data_after": "1m", "windows": ["1m"]})
    chain, traffic = Chain({"click": model(), "rank": silent}, ALERTING), Traffic(np.random.default_rng(3))
    for pane in range(12):
        traffic.feed(chain, pane, rows=50)
    assert [(event.model, event.alert) for event in chain.events] == [("rank", "NoData")]


def test_values_that_vanish_are_told_as_quality_and_not_as_drift() -> None:
    """Missing values are in no distance; their share is a matter of its own."""
    chain, traffic = Chain({"click": model()}, ALERTING), Traffic(np.random.default_rng(4))
    for pane in range(16):
        traffic.feed(chain, pane, missing=0.3 if pane >= 8 else 0.0)
    assert {event.alert for event in chain.events} == {"DataQuality"}
    assert chain.events[0].causes[0].feature == "x"
    assert chain.events[0].metric == "missing_ratio"


def story(chain: Chain, seed: int) -> Chain:
    """Drift, missing values, silence, a jump of an hour, drift again, the end: over two partitions."""
    traffic = Traffic(np.random.default_rng(seed), partitions=2)
    for pane in range(10):
        traffic.feed(chain, pane, rows=100, shift=2.0 if pane >= 4 else 0.0)
    for pane in range(10, 20):
        traffic.silence(chain, pane)
    for pane in (*range(20, 32), *range(380, 392)):
        traffic.feed(chain, pane, rows=100, missing=0.5 if pane < 26 else 0.0, shift=2.0 if pane >= 386 else 0.0)
    for partition in range(2):
        chain.feed(batch([], partition=partition, partitions=2, ended=True))
    return chain


@pytest.mark.parametrize("seed", range(2))
def test_a_run_restarted_at_random_points_is_the_undisturbed_run(seed: int) -> None:
    """Any step brought back from its snapshot at any time, and all before some batches: the same ids, the same rows."""
    settings = {"sla": {"availability": ">= 0.5", "latency_p99_ms": "< 5", "drift": "< 0.2"}}
    plain = story(Chain({"click": model(**settings)}, ALERTING), seed)
    rng = random.Random(seed)

    def restart(chain: Chain, place: tuple[str, str]) -> None:
        for one in list(chain.steps) if rng.random() < 0.02 else [place] if rng.random() < 0.3 else []:
            chain.restart(one)
            restarts.append(one)

    restarts: list[tuple[str, str]] = []
    disturbed = story(Chain({"click": model(**settings)}, ALERTING, before=restart), seed)
    assert {stage for stage, _ in restarts} == {"close", "slice", "measure", "judge", "alert"}
    assert disturbed.events == plain.events
    assert len(plain.events) >= 6
    assert {event.alert for event in plain.events} == {"DataDrift", "DataQuality", "SlaBreach", "NoData"}
    assert disturbed.evaluations == plain.evaluations
    assert [one.findings for one in disturbed.verdicts] == [one.findings for one in plain.verdicts]


def test_every_prediction_is_in_the_totals() -> None:
    """Read = folded + late + dead letters at the end of a run with a jump, silence and failures."""
    chain = story(Chain({"click": model()}, ALERTING), 5)
    totals = chain.ticks[-1].totals
    assert chain.read == sum(totals.served.values()) + sum(totals.failed.values()) + totals.late + len(chain.dead)
    assert chain.read == 2 * 100 * 34
    assert totals.failed["1"] > 0


def test_the_level_follows_from_the_promise() -> None:
    """One page a month but the share for silences, divided by every bound that is compared in that month."""
    plan = plan_of(
        reference(),
        drift={"windows": ["10s"], "psi": {"major": 0.2}, "ks": None},
        prediction={"windows": ["1h"], "psi": None, "ks": {"major": 0.1}},
        quality={"windows": ["1m"], "missing": 0.01, "unseen": None, "out_of_range": None},
        sla={"availability": {"objective": "> 0.9", "window": "1m"}},
    )
    looks = LIVE_VERSIONS * (
        3 * MONTH / 10_000  # the PSI of three features
        + 1 * MONTH / 60_000  # the KS of the prediction; an hour slides by minutes
        + 3 * MONTH / 10_000  # missing values of three features; a minute slides by panes
        + 4 * MONTH / 10_000  # values of another type of three features and the prediction
        + 1 * MONTH / 10_000  # availability
    )
    assert plan.alpha == pytest.approx((1 - SILENCE_SHARE) / looks)


def test_segments_and_models_share_the_budget() -> None:
    """Each segment value is a stream of its own, and all models together are promised one page."""
    lone = plan_of(reference())
    split = plan_of(reference(), segments=["site"])
    assert split.alpha == pytest.approx(lone.alpha / 4)  # the whole, a, b, other
    settings = [ModelSettings.model_validate({"name": name, "task": "binary"}) for name in ("click", "rank")]
    both = plan_models(
        settings, dict.fromkeys(("click", "rank"), reference()), TimeSettings(), AlertingSettings(), everything=False
    )
    assert both["click"].alpha == both["rank"].alpha == pytest.approx(lone.alpha / 2)
    generous = plan_of(reference(), alerting=AlertingSettings(false_pages_per_month=10))
    assert generous.alpha == pytest.approx(lone.alpha * 10)


def test_each_window_measures_what_its_monitors_read() -> None:
    """Nothing more, unless everything is asked for."""
    settings: dict[str, Any] = {
        "drift": {"windows": ["10s"]},
        "prediction": {"windows": ["1m"]},
        "quality": {"windows": ["1h"]},
    }
    plans = plan_of(reference(), **settings).plans
    assert (plans[10_000].features, plans[10_000].prediction, plans[10_000].quality) == (("psi", "ks"), (), False)
    assert (plans[60_000].features, plans[60_000].prediction, plans[60_000].quality) == ((), ("psi", "ks"), False)
    assert (plans[3_600_000].features, plans[3_600_000].quality) == ((), True)
    full = plan_of(reference(), everything=True, **settings).plans
    assert all(plan.quality and plan.moments and plan.features == DISTANCES for plan in full.values())


def test_a_version_is_remembered_for_a_day_or_its_longest_window() -> None:
    """So that nothing of it is left in any window when it is forgotten."""
    assert plan_of(reference()).remember == 86_400_000
    assert plan_of(reference(), drift={"windows": ["7d"]}).remember == 7 * 86_400_000

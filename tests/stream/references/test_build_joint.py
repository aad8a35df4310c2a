"""Features together, from rows through the steps of a model to the alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import Given
from sklearn.datasets import load_wine

from operators.alerts.event import AlertEvent
from operators.findings import Finding, WindowSpan
from operators.judging.anomaly import told_once
from operators.model_steps import alert_step, close_step, judge_step, measure_of, slices_step, slide_step
from operators.plans.model import plan_models
from operators.predictions.fold import Partial
from operators.predictions.slices import Header
from operators.predictions.slide import MeasureMoved
from operators.progress import Progress
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.references.build import build
from stream.references.plan import BuildOptions, JointOptions, joint_options
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.references.reference import from_json, to_json

if TYPE_CHECKING:
    from windows.references.reference import Reference

PANE = 10_000


def pairs(count: int, rho: float, seed: int) -> dict[str, Any]:
    """Two features that go together, one that does not, and a prediction."""
    rng = np.random.default_rng(seed)
    price, other = rng.standard_normal((2, count))
    paid = rho * price + np.sqrt(1 - rho**2) * rng.standard_normal(count)
    return {"price": price, "paid": paid, "other": other, "prediction": 1 / (1 + np.exp(-price))}


CONDITIONAL = JointOptions()


def reference(joint: JointOptions | None = CONDITIONAL) -> Reference:
    """Of 30,000 rows, with what its features say of each other."""
    rows = {**pairs(30_000, 0.9, 0), "timestamp": 1_789_000_000_000 + 100 * np.arange(30_000)}
    return build(Given(rows, 5), BuildOptions("m", task="binary", joint=joint)).reference


def run(settings: ModelSettings, known: Reference, panes: list[dict[str, Any]]) -> list[AlertEvent]:
    """The events of these panes."""
    alerting, time = AlertingSettings(), TimeSettings()
    plan = plan_models([settings], {"m": known}, time, alerting, everything=False)["m"]
    measures = {"m": measure_of(plan)}
    measure = MeasureMoved(measures)
    close, slices = close_step(plan, None), slices_step(plan, None)
    rings = {window.size: slide_step(plan, None, measures=measures) for window in plan.windows}
    judge, alerts = judge_step(plan, None, evaluations=False), alert_step(plan, None, alerting=alerting)
    binning, events = binning_of(plan.layout, PANE), []
    for index, rows in enumerate(panes, 179_000_000):
        count = len(rows["price"])
        columns = Columns(
            panes=np.full(count, index, dtype=np.int64),
            versions=("1",),
            version=np.zeros(count, dtype=np.int64),
            numeric=np.stack([rows[field.name] for field in plan.layout.numeric]),
            categorical=np.zeros((0, count), dtype=np.int64),
            segments=np.zeros((0, count), dtype=np.int64),
            latency=np.full(count, np.nan),
            failed=None,
        )
        for tick in close([Partial(Progress(0, 1, index + 1, None, ended=False), fold(binning, columns), late=0)]):
            items: list[Any] = []
            for item in slices([tick]):
                items += [item] if isinstance(item, Header) else measure(rings[item.window.size]([item]))
            events += [one for one in alerts(list(judge(items))) if isinstance(one, AlertEvent)]
    return events


def settings(**keys: Any) -> ModelSettings:
    """With features watched together."""
    return ModelSettings.model_validate({"name": "m", "task": "binary", "multivariate": "conditional", **keys})


def test_a_broken_relation_is_told_with_both_features() -> None:
    """No margin moves, so there is no DataDrift; Anomaly names each with its partner, and nothing fires before."""
    panes = [pairs(400, 0.9, seed) for seed in range(1, 20)] + [pairs(400, -0.9, seed) for seed in range(20, 32)]
    events = run(settings(), reference(), panes)
    assert {event.alert for event in events} == {"Anomaly"}
    first = events[0]
    assert first.event_time >= (179_000_000 + 19) * PANE
    assert first.metric in {"reconstruction_error", "anomalous_ratio"}
    last = events[-1]
    named = {cause.feature: cause.partner for cause in last.causes}
    assert named["price"] == "paid"
    assert named["paid"] == "price"
    assert "other" not in named


def test_without_the_key_nothing_is_watched_and_nothing_costs() -> None:
    """The layout is that of a reference without it, and its id does not depend on the key."""
    known, plain = reference(), reference(None)
    assert known.joint is not None
    assert plain.joint is None
    bare = ModelSettings(name="m", task="binary")
    plans = [
        plan_models([bare], {"m": one}, TimeSettings(), AlertingSettings(), everything=True)["m"]
        for one in (known, plain)
    ]
    assert plans[0].layout.size == plans[1].layout.size
    assert plans[0].alpha == plans[1].alpha
    assert from_json(to_json(known)).id == known.id != plain.id


def test_a_drifted_feature_is_told_once() -> None:
    """DataDrift has it; that it is unlike the others follows from that."""
    panes = [{**rows, "price": rows["price"] + 1.5} for rows in (pairs(2_000, 0.9, seed) for seed in range(10))]
    events = run(settings(), reference(), panes)
    assert "DataDrift" in {event.alert for event in events}
    assert "Anomaly" not in {event.alert for event in events}


def finding(alert: str, feature: str, version: str = "1") -> Finding:
    """One that stands."""
    span = WindowSpan(60_000, 0, 60_000)
    return Finding(alert, "x", version, "", 2, feature, "reconstruction_error", 3.0, 2.0, 4.0, 1.5, False, 100, span)


PARTNERS = {"a": ("b", "c"), "b": ("a",), "c": ("d",), "d": ("c",)}


@pytest.mark.parametrize(
    ("drifted", "broken", "told"),
    [
        ((), ("a", "b", ""), {"a": "b", "b": "a", "": ""}),
        (("a",), ("a", "b", "c", ""), {"c": "", "": ""}),
        (("a", "c"), ("a", "b", "c", "d", ""), {}),
        ((), ("a",), {"a": ""}),
    ],
)
def test_what_follows_from_drift_is_not_told_again(
    drifted: tuple[str, ...], broken: tuple[str, ...], told: dict[str, str]
) -> None:
    """Nor what is mostly told from what drifted; all together only where something is left."""
    given = [finding("DataDrift", name) for name in drifted] + [finding("Anomaly", name) for name in broken]
    found = told_once(given, PARTNERS)
    assert {one.feature: one.partner for one in found if one.alert == "Anomaly"} == told
    assert sum(one.alert == "DataDrift" for one in found) == len(drifted)


def test_drift_of_another_version_hides_nothing() -> None:
    """Each version has its own."""
    found = told_once([finding("DataDrift", "a", "2"), finding("Anomaly", "a")], PARTNERS)
    assert [one.alert for one in found] == ["DataDrift", "Anomaly"]


def test_wines_whose_columns_are_shuffled_are_found() -> None:
    """Real rows (scikit-learn's wines, drawn with replacement): the margins of one column stay, its relations go."""
    table = load_wine()
    rng = np.random.default_rng(2)
    drawn = rng.integers(0, len(table.data), 6_000)
    columns = {name: table.data[drawn, at] for at, name in enumerate(table.feature_names)}
    known = build(Given(columns), BuildOptions("m", joint=JointOptions())).reference
    assert known.joint is not None
    assert known.joint.width == 13
    partners = known.joint.partners("flavanoids")
    assert "total_phenols" in partners[:3]


def test_the_config_says_how() -> None:
    """A method alone, or a mapping; levels beyond what a share can be are refused."""
    assert joint_options(settings()) == JointOptions("conditional", 0.999)
    asked = settings(multivariate={"method": "pca", "anomalous": {"quantile": 0.99, "major": 0.05}})
    assert joint_options(asked) == JointOptions("pca", 0.99)
    assert joint_options(settings(multivariate="autoencoder")) == JointOptions("autoencoder", 0.999)
    assert joint_options(ModelSettings(name="m", task="binary")) is None
    with pytest.raises(ValueError, match="less than 1"):
        settings(multivariate={"anomalous": {"major": 1.5}})

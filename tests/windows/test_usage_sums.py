"""What predictions used: exact by version and pane, whatever the batches; unknown is not nothing."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from factories import START, batch, click, record

from operators.intake.decode import Decode, DecodeConfig
from operators.plans.model import plan_models
from operators.predictions.fold import Fold
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.config.checks import findings
from windows.panes import Window
from windows.predictions.layout import layout_of
from windows.segments import WHOLE
from windows.usage import ABSENT, GIB_HOUR_MB_S, LARGEST, RESOURCES, STEPS, Prices, steps_of, usage_sums

PRICES = Prices(cpu_hour=0.03, gpu_hour=2.1)
LAYOUT = layout_of(click(), ("country",), None, PRICES)


def given(count: int, seed: int) -> list[bytes]:
    """Records of two versions, some failed, most of which say what they used."""
    rng = np.random.default_rng(seed)
    records = []
    for at in range(count):
        fields = json.loads(record(START + int(rng.integers(0, 30_000)), version=str(1 + int(rng.integers(2)))))
        if rng.random() < 0.95:
            fields["usage"] = {"cpu_ms": round(float(rng.exponential(3)), 3), "gpu_ms": 0.25}
        if rng.random() < 0.3:
            fields.setdefault("usage", {})["cost"] = round(float(rng.exponential(1e-5)), 9)
        if at % 17 == 0:
            fields["error"] = "timeout"
        records.append(json.dumps(fields).encode())
    return records


def sketched(records: list[bytes], size: int) -> dict[tuple[str, str], np.ndarray]:
    """The vectors of all panes together, from batches of so many."""
    decode, fold = Decode(DecodeConfig((LAYOUT,), 10_000, 60_000, 86_400_000)), Fold((LAYOUT,), 10_000, {"click": 16})
    total: dict[tuple[str, str], np.ndarray] = {}
    for start in range(0, len(records), size):
        for _, partial in fold(decode(batch(records[start : start + size]))):
            for (_, version, segment), vector in partial.sketches.items():
                key = version, segment
                total[key] = vector if key not in total else total[key] + vector
    return total


def usage_of(vector: np.ndarray) -> list[int]:
    """Its sums and counts."""
    assert LAYOUT.usage is not None
    return vector[LAYOUT.usage.start : LAYOUT.usage.stop].tolist()


def test_sums_by_version_are_those_of_the_records() -> None:
    """In fractions, to the last step; failed predictions cost as well; a whole of versions is the whole."""
    records = given(2_000, 1)
    found = sketched(records, 2_000)
    for version in ("1", "2"):
        mine = [json.loads(one) for one in records if json.loads(one)["version"] == version]
        used = [one["usage"] for one in mine if "usage" in one]
        cpu = sum(round(Fraction(str(one["cpu_ms"])) * 1_000) for one in used if "cpu_ms" in one)
        sums = usage_of(found[version, WHOLE])
        assert sums[0] == cpu
        assert sums[4] == sum("cpu_ms" in one for one in used)
        own = {"cpu_ms": 0.03 / 3.6e6, "gpu_ms": 2.1 / 3.6e6}
        costs = [
            one["cost"] if "cost" in one else sum(one[name] * price for name, price in own.items()) for one in used
        ]
        assert sums[3] == sum(round(cost * 1e9) for cost in costs)
        assert sums[7] == len(costs)
        served = [one for one in mine if "error" not in one]
        assert int(found[version, WHOLE][LAYOUT.rows]) == len(served)


@pytest.mark.parametrize("size", [1, 7, 500])
def test_batches_change_nothing(size: int) -> None:
    """The same vectors, segments too, one by one and by hundreds."""
    records = given(600, 2)
    one, other = sketched(records, 600), sketched(records, size)
    assert one.keys() == other.keys()
    for key, vector in one.items():
        assert vector.tolist() == other[key].tolist()


def test_a_segment_has_its_own_sums() -> None:
    """All served predictions are of one country here, so its sums are those of the whole without the failed ones."""
    records = [one for one in given(300, 3) if b"timeout" not in one]
    found = sketched(records, 300)
    for version in ("1", "2"):
        assert usage_of(found[version, "country=de"]) == usage_of(found[version, WHOLE])


def test_what_is_no_usage_is_not_counted() -> None:
    """Below zero, infinite, absurd or absent; a price needs every resource that it is of."""
    nan = np.nan
    used = np.array([[1.0, -1.0, np.inf, 1e30, nan], [nan, 0.5, 0.0, 0.0, 1.0], [nan] * 5, [nan, nan, nan, nan, 2.0]])
    found = steps_of(used, PRICES)
    assert found[0].tolist() == [1_000, ABSENT, ABSENT, ABSENT, ABSENT]
    assert found[3].tolist()[0] == ABSENT
    assert found[3].tolist()[4] == 2_000_000_000
    assert found.max() <= LARGEST
    assert np.isnan(Prices().of(used)).all()
    gib = Prices(memory_gib_hour=0.004).of(np.array([[nan], [nan], [GIB_HOUR_MB_S]]))
    assert gib[0] == pytest.approx(0.004)
    assert usage_sums(np.zeros((4, 0), dtype=np.int64), np.zeros(0, dtype=np.int64), 2).sum() == 0
    assert len(RESOURCES) == len(STEPS)


def measured(share: float) -> dict[str, float]:
    """Service metrics of a window in which this share of the predictions says its usage."""
    records = []
    for at in range(1_000):
        fields = json.loads(record(START + at))
        if at < share * 1_000:
            fields["usage"] = {"cpu_ms": 2.0, "cost": 0.00003}
        records.append(json.dumps(fields).encode())
    settings = ModelSettings.model_validate(
        {
            "name": "click",
            "task": "binary",
            "cost": {"currency": "EUR"},
            "sla": {"cost_per_prediction": {"objective": "< 0.00002", "window": "1m"}},
        }
    )
    plan = plan_models([settings], {"click": click()}, TimeSettings(), AlertingSettings(), everything=False)["click"]
    assert [one.metric for one in plan.monitors if one.objective] == ["cost_per_prediction"]
    logic = Measure(MeasureConfig(plan.layout, click(), 1e-6, plan.plans))
    decode, fold = (
        Decode(DecodeConfig((plan.layout,), 10_000, 60_000, 86_400_000)),
        Fold((plan.layout,), 10_000, {"click": 16}),
    )
    ((_, partial),) = fold(decode(batch(records)))
    groups = {key[1:]: vector for key, vector in partial.sketches.items()}
    tables = logic(WindowTotals("click", Window(60_000, 10_000), 0, groups, np.ones(6))).tables
    return {table.metric: float(table.value[0, 0]) for table in tables if table.kind == "service"}


def test_a_cost_needs_coverage() -> None:
    """At nine tenths there is one, below there is none, and the coverage says why."""
    most, few = measured(0.95), measured(0.5)
    assert most["cost_per_prediction"] == pytest.approx(0.00003)
    assert most["cost_coverage"] == 0.95
    assert most["cpu_seconds_per_prediction"] == pytest.approx(0.002)
    assert np.isnan(most["gpu_seconds_per_prediction"])
    assert np.isnan(few["cost_per_prediction"])
    assert few["cost_coverage"] == 0.5


def test_an_objective_without_cost_is_refused() -> None:
    """With the path of its key; high costs are no promise."""
    bare = ModelSettings.model_validate({"name": "m", "task": "binary", "sla": {"cost_per_prediction": "< 0.1"}})
    ((path, _, need),) = findings(10_000, 15_000, (bare,))
    assert path == ("models", 0, "sla", "cost_per_prediction")
    assert "`cost:" in need
    turned = bare.model_copy(update={"cost": ModelSettings.model_fields["cost"].default})
    assert turned.cost is None
    for wrong in ("euro", "eur", "EURO"):
        with pytest.raises(ValueError, match="pattern"):
            ModelSettings.model_validate({"name": "m", "task": "binary", "cost": {"currency": wrong}})


def test_without_the_key_nothing_is_read() -> None:
    """The layout is what it was, and usage of any shape is no fault."""
    plain = layout_of(click(), ("country",))
    assert plain.usage is None
    assert LAYOUT.segment_size - plain.segment_size == 8
    fields = json.loads(record(START))
    fields["usage"] = "a lot"
    decoded = Decode(DecodeConfig((plain,), 10_000, 60_000, 86_400_000))(batch([json.dumps(fields).encode()]))
    assert decoded.dead == ()

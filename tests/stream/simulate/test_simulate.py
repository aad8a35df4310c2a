"""Simulated traffic: like the reference until something is shifted, at the rate asked for."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from counting import python_calls
from scipy import stats
from waiting import GUARD, until

from stream.demo.click_model import CATEGORICAL, MODEL, NUMERIC, click_rows
from stream.errors import Unreachable, UsageError
from stream.references.build import BuildOptions, build
from stream.rows.open import open_rows
from stream.simulate.clock import Progress, TopicWriter, simulate
from stream.simulate.generator import Generator
from stream.simulate.shifts import ShiftError, parse
from windows.sketches.profiles import CategoricalProfile, NumericProfile, slots
from windows.sketches.quantiles import LATENCY_BINS, latency_slots

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

    from windows.references.reference import Reference

START = 1_700_000_000_000
N = 100_000


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The click model's reference, built from its rows."""
    path: Path = tmp_path_factory.mktemp("click") / "rows.parquet"
    pq.write_table(pa.table(click_rows(50_000)), path)
    return build(open_rows(path, {}), BuildOptions(MODEL)).reference


def counts(column: np.ndarray, profile: NumericProfile | CategoricalProfile) -> np.ndarray:
    """A column counted in slot order, the slow and plain way."""
    if isinstance(profile, CategoricalProfile):
        return np.bincount(column, minlength=len(profile.categories) + 3)
    found = np.zeros(len(profile.counts) + 4, dtype=np.int64)
    for value in column.tolist():
        if math.isnan(value):
            found[-2] += 1
        else:
            found[np.searchsorted(profile.edges, value, side="right")] += 1
    return found


def fits(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether counts are a multinomial sample of the reference's, by Pearson's test at 1e-6."""
    used = expected > 0
    if found[~used].any():
        return False
    share = expected[used] / expected.sum() * found.sum()
    statistic = ((found[used] - share) ** 2 / share).sum()
    return bool(stats.chi2.sf(statistic, used.sum() - 1) > 1e-6) if used.sum() > 1 else True


def test_the_click_model_has_the_columns_it_promises() -> None:
    """Each column has its type, and the same seed gives the same rows."""
    rows, again = click_rows(1000, seed=3), click_rows(1000, seed=3)
    assert set(rows) == {*NUMERIC, *CATEGORICAL, "prediction", "latency_ms", "timestamp", "label"}
    for name, column in rows.items():
        assert len(column) == 1000
        np.testing.assert_array_equal(column, again[name])
    assert ((rows["prediction"] > 0) & (rows["prediction"] < 1)).all()
    assert np.isnan(rows["age"]).any()
    assert (rows["discount"] == 0).mean() == pytest.approx(0.7, abs=0.05)


def test_unshifted_traffic_is_a_sample_of_the_reference(reference: Reference) -> None:
    """Every column, bin by bin, passes Pearson's test against the reference's counts; nothing falls outside."""
    traffic = Generator(reference, seed=1).batch(N, START, START + 10_000)
    for name, profile in reference.features.items():
        assert fits(counts(traffic.features[name], profile), slots(profile)), name
    assert reference.prediction is not None
    assert traffic.prediction is not None
    assert fits(counts(traffic.prediction, reference.prediction), slots(reference.prediction))
    assert reference.latency is not None
    assert traffic.latency is not None
    assert fits(np.bincount(latency_slots(traffic.latency), minlength=LATENCY_BINS), reference.latency)
    assert not traffic.failed.any()


def test_the_sampling_test_notices_a_shift(reference: Reference) -> None:
    """The check above would fail on a shift of a twentieth of a standard deviation."""
    traffic = Generator(reference, seed=1, shifts=[parse("price:mean:0.05")]).batch(N, START, START + 10_000)
    assert not fits(counts(traffic.features["price"], reference.features["price"]), slots(reference.features["price"]))


def test_the_same_seed_gives_the_same_bytes(reference: Reference) -> None:
    """Two generators with one seed agree to the byte; another seed differs."""
    one, two, other = (Generator(reference, seed) for seed in (5, 5, 6))
    batches = [g.encode(g.batch(200, START, START + 1000)) for g in (one, two, other)]
    assert batches[0] == batches[1]
    assert batches[0] != batches[2]


def test_json_holds_what_the_columns_hold(reference: Reference) -> None:
    """Every field of the contract, read back with the standard library, equals its column to the last bit."""
    generator = Generator(reference, seed=2, error_rate=0.2)
    traffic = generator.batch(500, START, START + 10_000)
    values = generator.encode(traffic)
    assert len({json.loads(value)["prediction_id"] for value in values}) == 500
    for i, value in enumerate(values):
        record = json.loads(value)
        assert datetime.fromisoformat(record["timestamp"]).timestamp() * 1000 == traffic.timestamps[i]
        assert (record["model"], record["version"]) == (MODEL, "1")
        assert ("error" in record) == traffic.failed[i]
        assert traffic.prediction is not None
        assert traffic.latency is not None
        assert (record["prediction"], record["latency_ms"]) == (traffic.prediction[i], traffic.latency[i])
        for name, profile in reference.features.items():
            cell = traffic.features[name][i]
            if isinstance(profile, CategoricalProfile):
                assert record["features"][name] == profile.categories[cell]
            else:
                assert record["features"][name] == (None if np.isnan(cell) else cell)


def test_epoch_milliseconds_on_request(reference: Reference) -> None:
    """The other form of timestamp that the contract allows."""
    generator = Generator(reference, rfc3339=False)
    values = generator.encode(generator.batch(3, START, START + 30))
    assert [json.loads(value)["timestamp"] for value in values] == [START, START + 10, START + 20]


@pytest.mark.parametrize(
    ("shift", "seen"),
    [
        (
            "price:mean:2@5s",
            lambda t, p, rows: np.nanmean(t.features["price"][rows]) > p["price"].center + p["price"].scale,
        ),
        ("price:scale:3@5s", lambda t, p, rows: np.nanstd(t.features["price"][rows]) > 2 * p["price"].scale),
        ("price:constant:7@5s", lambda t, _, rows: set(t.features["price"][rows]) == {7.0}),
        ("age:missing:1@5s", lambda t, _, rows: np.isnan(t.features["age"][rows]).all()),
        ("device:missing:1@5s", lambda t, _, rows: (t.features["device"][rows] == 4).all()),
        ("device:category:0.5@5s", lambda t, _, rows: 0.4 < (t.features["device"][rows] == 3).mean() < 0.6),
        ("age:stale@5s", lambda t, _, rows: (t.absent["age"] == rows).all()),
        ("latency:10@5s", lambda t, _, rows: np.median(t.latency[rows]) > 60),
        ("errors:0.5@5s", lambda t, _, rows: 0.4 < t.failed[rows].mean() < 0.6),
        ("prediction:constant:0.5@5s", lambda t, _, rows: set(t.prediction[rows]) == {0.5}),
    ],
)
def test_a_shift_begins_at_its_time_and_changes_nothing_else(reference: Reference, shift: str, seen) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Before its time, and in every other column, traffic is that of the same seed without the shift."""
    plain = Generator(reference, seed=4).batch(2000, START, START + 10_000)
    shifted = Generator(reference, seed=4, shifts=[parse(shift)]).batch(2000, START, START + 10_000)
    rows = shifted.timestamps >= START + 5000
    assert seen(shifted, reference.features, rows)
    same = {name: not shift.startswith(name) for name in reference.features}
    for name, untouched in same.items():
        where = slice(None) if untouched else ~rows
        np.testing.assert_array_equal(shifted.features[name][where], plain.features[name][where])
    assert not shifted.failed[~rows].any()
    for ours, theirs in ((shifted.prediction, plain.prediction), (shifted.latency, plain.latency)):
        assert ours is not None
        assert theirs is not None
        np.testing.assert_array_equal(ours[~rows], theirs[~rows])


def test_what_is_stale_is_absent_and_what_is_missing_is_null(reference: Reference) -> None:
    """The JSON tells the two apart, and a new category has a name the reference does not know."""
    shifts = [parse("age:stale"), parse("price:missing:1"), parse("country:category:1")]
    generator = Generator(reference, shifts=shifts)
    features = json.loads(generator.encode(generator.batch(1, START, START + 1))[0])["features"]
    assert "age" not in features
    assert features["price"] is None
    profile = reference.features["country"]
    assert isinstance(profile, CategoricalProfile)
    assert features["country"] not in profile.categories


def test_stop_ends_the_traffic(reference: Reference) -> None:
    """Nothing is drawn from its time on, across batches."""
    generator = Generator(reference, shifts=[parse("stop@3s")])
    sizes = [len(generator.batch(100, START + 2000 * i, START + 2000 * (i + 1))) for i in range(4)]
    assert sizes == [100, 50, 0, 0]
    assert generator.encode(generator.batch(100, START + 9000, START + 9100)) == []


def test_late_predictions_carry_old_timestamps(reference: Reference) -> None:
    """The share asked for lies back by the time asked for; the rest does not."""
    traffic = Generator(reference, late=(0.25, 60_000)).batch(4000, START, START + 1000)
    late = traffic.timestamps < START
    assert 0.2 < late.mean() < 0.3
    assert (traffic.timestamps[late] >= START - 60_000).all()


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        ("prcie:mean:1", "did you mean 'price'"),
        ("country:mean:1", "country is categorical"),
        ("price:category:1", "price is numeric"),
        ("prediction:stale", "cannot be shifted"),
    ],
)
def test_a_shift_that_does_not_fit_the_model_is_refused(reference: Reference, shift: str, said: str) -> None:
    """One line says what is wrong, before anything is sent."""
    with pytest.raises(ShiftError, match=said):
        Generator(reference, shifts=[parse(shift)])


def test_a_class_prediction_is_sent_by_name(reference: Reference) -> None:
    """A categorical prediction profile gives class names."""
    profile = CategoricalProfile(("cat", "dog"), np.array([3, 1]), 0, 0, None)
    generator = Generator(replace(reference, prediction=profile))
    values = [json.loads(value)["prediction"] for value in generator.encode(generator.batch(400, START, START + 1000))]
    assert set(values) == {"cat", "dog"}


def run(
    reference: Reference, rate: float, duration: float | None, stop: threading.Event | None = None
) -> tuple[Progress, list[bytes]]:
    """Simulate into a list."""
    written: list[bytes] = []
    done = simulate(
        Generator(reference),
        written.extend,
        rate=rate,
        duration=duration,
        stop=stop or threading.Event(),
        watch=lambda _: None,
    )
    return done, written


def test_the_rate_is_kept_and_event_time_is_the_present(reference: Reference) -> None:
    """Half a second at 2,000/s writes 1,000 predictions whose timestamps cover that half second in order."""
    began = time.time() * 1000
    done, written = run(reference, 2000.0, 0.5)
    ended = time.time() * 1000
    stamps = [datetime.fromisoformat(json.loads(value)["timestamp"]).timestamp() * 1000 for value in written]
    assert len(written) == done.written == 1000 - done.given_up
    assert done.seconds == pytest.approx(0.5)
    assert stamps == sorted(stamps)
    assert began - 2 <= stamps[0]
    assert stamps[-1] <= ended


def test_a_rate_below_one_a_tick_accumulates(reference: Reference) -> None:
    """Seven a second for a second is seven, though a tick is due for a seventh of one."""
    done, written = run(reference, 7.0, 1.0)
    assert done.written == len(written) == 7


def test_what_cannot_be_made_in_time_is_given_up_and_counted(reference: Reference) -> None:
    """At an impossible rate no more than half a second's worth is neither written nor counted as given up."""
    done, written = run(reference, 1e7, 1.0)
    assert done.written == len(written)
    assert done.given_up > 0
    assert 0 <= 10_000_000 - done.written - done.given_up <= 5_000_000 + 1


def test_predictions_are_made_without_python_for_each_value(reference: Reference) -> None:
    """One Python call a prediction, whatever it has of features; load_tests/bounded_work.py says what that makes."""
    generator = Generator(reference)

    def calls(count: int) -> int:
        return python_calls(lambda: generator.encode(generator.batch(count, START, START + 1000)))

    assert calls(20_000) - calls(10_000) <= 10_100  # a finalizer may run in between


def test_stop_ends_a_simulation_without_end(reference: Reference) -> None:
    """A simulation without duration ends when it is told to."""
    stop = threading.Event()
    found: list[Progress] = []
    thread = threading.Thread(target=lambda: found.append(run(reference, 1000.0, None, stop)[0]))
    thread.start()
    stop.set()
    thread.join(GUARD)
    assert until(lambda: len(found)) == 1


def test_simulated_predictions_arrive(broker: Broker, reference: Reference) -> None:
    """Every prediction written is on the topic, once, on both brokers."""
    topic = broker.topic("simulated")
    writer = TopicWriter({"bootstrap.servers": broker.bootstrap}, topic)
    generator = Generator(reference)
    values = generator.encode(generator.batch(5000, START, START + 5000))
    writer.write(values)
    writer.flush()
    assert writer.refused == 0
    assert Counter(message.value() for message in broker.read(topic, 5000)) == Counter(values)


@pytest.mark.real_broker
def test_a_topic_that_is_not_there_is_refused(real_broker: Broker) -> None:
    """The error names the topic and the command that creates it."""
    with pytest.raises(UsageError, match=r"nowhere.*topics create"):
        TopicWriter({"bootstrap.servers": real_broker.bootstrap}, "nowhere")


def test_a_broker_that_is_not_there_is_unreachable(free_port: int) -> None:
    """Without a broker the error names the address."""
    with pytest.raises(Unreachable, match=f"127.0.0.1:{free_port}"):
        TopicWriter({"bootstrap.servers": f"127.0.0.1:{free_port}"}, "predictions", patience=1.0)

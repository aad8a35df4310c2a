"""Measured values against scipy and plain numpy on the same data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import categorical, numeric, reference_of
from oracles import Row, columns_of
from scipy import stats
from scipy.spatial.distance import jensenshannon

from operators.plans.measures import DISTANCES, Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.tables import Kind
from windows.panes import Window
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import Layout, layout_of
from windows.references.reference import Reference, seal
from windows.sketches.profiles import SegmentCounts, slots
from windows.statistics import catalog

if TYPE_CHECKING:
    from operators.tables import Table

MINUTE = Window(60_000, 10_000)
ALPHA = 1e-3
EVERYTHING = Plan(features=DISTANCES, prediction=DISTANCES, quality=True, moments=True, service=True)
BINS, COARSE = 128, np.repeat(np.arange(8), 16)
CLASSES = ("a", "b", "c")


@dataclass(frozen=True)
class Case:
    """A reference sample, a current sample, and what is measured of them."""

    reference: Reference
    layout: Layout
    edges: np.ndarray
    normal: np.ndarray
    shifted: np.ndarray
    classes: list[str]
    moved: list[str]
    latency: np.ndarray
    tables: dict[tuple[str, str], Table]


def measure(reference: Reference, layout: Layout, rows: list[Row], *, plan: Plan = EVERYTHING) -> list[Table]:
    """The tables of a window that holds these rows."""
    sketches = fold(binning_of(layout), columns_of(layout, rows))
    groups = {(version, segment): vector for (_, version, segment), vector in sketches.items()}
    logic = Measure(MeasureConfig(layout, reference, ALPHA, {MINUTE.size: plan}))
    return list(logic(WindowTotals("click", MINUTE, 9, groups, None)).tables)


@pytest.fixture(name="case", scope="module")
def _case() -> Case:
    rng = np.random.default_rng(1)
    normal, shifted = rng.normal(10, 3, 20_000), rng.normal(11, 4, 3_000)
    classes = rng.choice(CLASSES, 20_000, p=[0.6, 0.3, 0.1]).tolist()
    moved = rng.choice([*CLASSES, "new"], 3_000, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    latency = rng.lognormal(3, 1, 3_000)
    edges = np.quantile(normal, np.linspace(0, 1, BINS + 1))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    x = numeric(
        edges, np.histogram(normal, edges)[0], coarse=COARSE, center=float(normal.mean()), scale=float(normal.std())
    )
    c = categorical(CLASSES, [classes.count(name) for name in CLASSES])
    reference = reference_of({"x": x, "c": c}, x, rows=20_000)
    layout = layout_of(reference)
    rows = [
        Row(0, "1", {"x": value, "c": name, "prediction": normal[at]}, (), latency[at])
        for at, (value, name) in enumerate(zip(shifted.tolist(), moved, strict=True))
    ]
    rows += [Row(0, "1", {"x": None, "c": None}, ())] * 60 + [Row(0, "1", {}, (), failed=True)] * 40
    tables = {(table.kind.value, table.metric): table for table in measure(reference, layout, rows)}
    return Case(reference, layout, edges, normal, shifted, classes, moved, latency, tables)


def shares(case: Case, feature: str) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the current and the reference sample in the slots with values, counted from the samples."""
    if feature == "c":
        names = [*CLASSES, "new"]
        moved, classes = (np.array([sample.count(n) for n in names]) for sample in (case.moved, case.classes))
        return moved / len(case.moved), classes / len(case.classes)
    edges = [-np.inf, *case.edges, np.inf]
    shifted, normal = (np.histogram(sample, edges)[0] for sample in (case.shifted, case.normal))
    return shifted / len(case.shifted), normal / len(case.normal)


def value(case: Case, metric: str, feature: str, kind: str = "feature") -> float:
    """One measured value."""
    table = case.tables[kind, metric]
    return float(table.value[0, table.columns.index(feature)])


@pytest.mark.parametrize("feature", ["x", "c"])
def test_distances_on_shares(case: Case, feature: str) -> None:
    """Jensen-Shannon, total variation and chi-square equal scipy's on the same bins."""
    p, q = shares(case, feature)
    assert value(case, "js", feature) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-9)
    assert value(case, "tvd", feature) == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-9)
    counts = np.array([p * 3_000, q * 20_000]).round()
    used = counts.sum(axis=0) > 0
    expected = stats.chi2_contingency(counts[:, used], correction=False).statistic
    assert value(case, "chi2", feature) == pytest.approx(expected, rel=1e-9)


def test_ks_is_below_that_of_the_raw_samples_by_no_more_than_a_bin(case: Case) -> None:
    """The lower end on bins: never above scipy's on the raw data, and within the fullest bin of it."""
    raw = stats.ks_2samp(case.shifted, case.normal).statistic
    p, q = shares(case, "x")
    got = value(case, "ks", "x")
    assert got == pytest.approx(np.abs(np.cumsum(p) - np.cumsum(q)).max(), abs=1e-9)
    assert got <= raw + 1e-12
    assert raw - got <= max(p[1:-1].max(), q[1:-1].max())


def test_wasserstein_is_scipy_s_on_the_middles_of_the_bins(case: Case) -> None:
    """In units of the reference's deviation, values beyond the range standing at its ends."""
    edges = case.edges
    mids = [edges[0], *((edges[:-1] + edges[1:]) / 2), edges[-1]]
    p, q = shares(case, "x")
    expected = stats.wasserstein_distance(mids, mids, p, q) / case.normal.std()
    assert value(case, "wasserstein", "x") == pytest.approx(expected, rel=1e-9)


def test_psi_is_on_coarse_bins_and_less_its_bias(case: Case) -> None:
    """The smoothed formula on below, eight bins, above; a slot that nobody uses takes no part."""
    edges = [-np.inf, *case.edges[::16], np.inf]
    cur, ref = np.histogram(case.shifted, edges)[0], np.histogram(case.normal, edges)[0]
    cur, ref = cur[cur + ref > 0], ref[cur + ref > 0]
    size = len(cur)
    p, q = (cur + 0.5) / (cur.sum() + size / 2), (ref + 0.5) / (ref.sum() + size / 2)
    expected = ((p - q) * np.log(p / q)).sum() - (size - 1) * (1 / cur.sum() + 1 / ref.sum())
    assert value(case, "psi", "x") == pytest.approx(expected, rel=1e-9)


def test_categories_have_no_order(case: Case) -> None:
    """KS and Wasserstein, as all that is ordered, have no value for them; the others have one."""
    ordered = {name for name, distance in catalog.DISTANCES.items() if distance.ordered}
    assert ordered >= {"ks", "wasserstein"}
    for metric in DISTANCES:
        assert np.isnan(value(case, metric, "c")) == (metric in ordered)
        assert np.isnan(case.tables["feature", metric].lower[0, 1]) == (metric in ordered)


def test_predictions_from_the_reference_s_own_sample_do_not_drift(case: Case) -> None:
    """The same distances on the prediction, as a table of its own."""
    for metric in DISTANCES:
        table = case.tables["prediction", metric]
        assert table.columns == ("prediction",)
        assert table.samples.tolist() == [[3_000]]
    assert value(case, "psi", "prediction", "prediction") < 0.01
    assert value(case, "ks", "prediction", "prediction") < 0.04


def test_shares_of_missing_unseen_and_out_of_range(case: Case) -> None:
    """Missing over all rows, the other two over rows with a value; each within its interval."""
    low, high = case.normal.min(), case.normal.max()
    outside = ((case.shifted < low) | (case.shifted > high)).mean()
    assert value(case, "missing_ratio", "x", "quality") == pytest.approx(60 / 3_060)
    assert value(case, "missing_ratio", "c", "quality") == pytest.approx(60 / 3_060)
    assert value(case, "out_of_range_ratio", "x", "quality") == pytest.approx(outside)
    assert value(case, "unseen_ratio", "c", "quality") == pytest.approx(case.moved.count("new") / 3_000)
    assert np.isnan(value(case, "unseen_ratio", "x", "quality"))
    assert np.isnan(value(case, "out_of_range_ratio", "c", "quality"))
    missing = case.tables["quality", "missing_ratio"]
    assert (missing.lower < missing.value).all()
    assert (missing.value < missing.upper).all()
    assert missing.samples.tolist() == [[3_060, 3_060]]


def test_mean_and_deviation_are_those_of_the_raw_values(case: Case) -> None:
    """To the precision of the fixed-point sums, with Student's interval around the mean."""
    assert case.tables["feature", "mean"].columns == ("x",)
    assert value(case, "mean", "x") == pytest.approx(case.shifted.mean(), abs=1e-5)
    assert value(case, "std", "x") == pytest.approx(case.shifted.std(ddof=1), abs=1e-4)
    half = stats.t.ppf(1 - ALPHA, 2_999) * stats.sem(case.shifted)
    assert case.tables["feature", "mean"].lower[0, 0] == pytest.approx(case.shifted.mean() - half, abs=1e-4)
    assert case.tables["feature", "mean"].upper[0, 0] == pytest.approx(case.shifted.mean() + half, abs=1e-4)


@pytest.mark.parametrize(
    ("metric", "level"), [("latency_p50_ms", 0.5), ("latency_p95_ms", 0.95), ("latency_p99_ms", 0.99)]
)
def test_latency_quantiles_are_within_one_percent(case: Case, metric: str, level: float) -> None:
    """Of an order statistic of the raw latencies; predictions without latency are not in the sample."""
    exact = np.quantile(case.latency, level, method="lower")
    assert value(case, metric, "", "service") == pytest.approx(exact, rel=0.01)
    table = case.tables["service", metric]
    assert table.lower[0, 0] < exact < table.upper[0, 0]
    assert table.samples.tolist() == [[3_000]]


def test_availability_is_the_share_that_did_not_fail(case: Case) -> None:
    """With the exact binomial interval."""
    table = case.tables["service", "availability"]
    exact = stats.binomtest(3_060, 3_100).proportion_ci(1 - 2 * ALPHA, "exact")
    assert table.value[0, 0] == pytest.approx(3_060 / 3_100)
    assert (table.lower[0, 0], table.upper[0, 0]) == pytest.approx((exact.low, exact.high))


def test_throughput_counts_all_predictions_of_the_window(case: Case) -> None:
    """Failed ones too, a second."""
    assert value(case, "throughput", "", "service") == pytest.approx(3_100 / 60)


def test_every_distance_lies_within_its_interval(case: Case) -> None:
    """Lower <= value <= upper, wherever there is a value."""
    for metric in DISTANCES:
        table = case.tables["feature", metric]
        there = ~np.isnan(table.value)
        assert (table.lower[there] <= table.value[there] + 1e-12).all(), metric
        assert (table.upper[there] >= table.value[there] - 1e-12).all(), metric


def test_overdispersion_widens_intervals_and_leaves_values(case: Case) -> None:
    """A factor of 9 makes the evidence worth a ninth of its rows."""
    features = {name: replace(profile, overdispersion=9.0) for name, profile in case.reference.features.items()}
    lumpy = seal(replace(case.reference, features=features))
    rows = [Row(0, "1", {"x": at, "c": "a"}, ()) for at in case.shifted.tolist()]
    plain = {(t.kind, t.metric): t for t in measure(case.reference, case.layout, rows)}
    wide = {(t.kind, t.metric): t for t in measure(lumpy, layout_of(lumpy), rows)}
    for metric in DISTANCES:
        one, other = plain[Kind.FEATURE, metric], wide[Kind.FEATURE, metric]
        assert other.value[0, 0] == pytest.approx(one.value[0, 0], abs=1e-12), metric
        assert other.lower[0, 0] < one.lower[0, 0], metric


def test_a_segment_is_compared_with_its_own_reference(case: Case) -> None:
    """Not with the whole: rows that are normal for their segment do not drift; one without a reference is left out."""
    low = case.normal[case.normal < 9]
    edges = [-np.inf, *case.edges, np.inf]
    counts = np.concatenate((np.histogram(low, edges)[0], [0, 0]))
    part = SegmentCounts(len(low), {"x": counts, "c": slots(case.reference.features["c"])}, None)
    reference = seal(replace(case.reference, prediction=None, segments={"site": {"low": part}}))
    layout = layout_of(reference, ("site",))
    rows = [Row(0, "1", {"x": at, "c": "a"}, ("low",)) for at in low[:2_000].tolist()]
    rows += [Row(0, "1", {"x": 10.0, "c": "a"}, ("elsewhere",))]
    table = next(t for t in measure(reference, layout, rows) if (t.kind, t.metric) == (Kind.FEATURE, "ks"))
    assert table.groups == (("1", ""), ("1", "site=low"))
    assert table.value[0, 0] > 0.5
    assert table.value[1, 0] < 0.03
    assert table.reference_samples[:, 0].tolist() == [20_000, len(low)]


def test_a_window_without_data_has_no_tables(case: Case) -> None:
    """There is nothing to measure, and nobody divides by zero."""
    logic = Measure(MeasureConfig(case.layout, case.reference, ALPHA, {MINUTE.size: EVERYTHING}))
    assert logic(WindowTotals("click", MINUTE, 9, {}, None)).tables == ()


def test_failures_alone_have_availability_and_nothing_else(case: Case) -> None:
    """Every other value is not there, rather than zero."""
    tables = measure(case.reference, case.layout, [Row(0, "1", {}, (), failed=True)] * 5)
    by_name = {(table.kind, table.metric): table for table in tables}
    assert by_name[Kind.SERVICE, "availability"].value.tolist() == [[0.0]]
    for (kind, metric), table in by_name.items():
        if metric not in {"availability", "throughput"}:
            assert np.isnan(table.value).all(), (kind, metric)
            assert not table.samples.any()


def test_only_what_is_planned_is_measured(case: Case) -> None:
    """A window without monitors on features measures none."""
    rows = [Row(0, "1", {"x": 1.0, "c": "a", "prediction": 0.5}, ())]
    tables = measure(case.reference, case.layout, rows, plan=Plan(features=("ks",), prediction=("psi",)))
    assert [(table.kind, table.metric) for table in tables] == [(Kind.FEATURE, "ks"), (Kind.PREDICTION, "psi")]


def test_the_answer_does_not_depend_on_what_was_measured_before(case: Case) -> None:
    """One measure serves many windows with changing groups: each as if it were the first."""
    logic = Measure(MeasureConfig(case.layout, case.reference, ALPHA, {MINUTE.size: Plan(features=("psi",))}))
    rng = np.random.default_rng(3)
    for versions in (("1",), ("1", "2"), ("2",), ("1", "2", "3"), ("1",)):
        rows = [Row(0, rng.choice(versions), {"x": at, "c": "a"}, ()) for at in rng.normal(10, 3, 200).tolist()]
        sketches = fold(binning_of(case.layout), columns_of(case.layout, rows))
        groups = {(version, segment): vector for (_, version, segment), vector in sketches.items()}
        (again,) = logic(WindowTotals("click", MINUTE, 9, groups, None)).tables
        (fresh,) = measure(case.reference, case.layout, rows, plan=Plan(features=("psi",)))
        assert np.array_equal(again.value, fresh.value)
        assert again.groups == fresh.groups

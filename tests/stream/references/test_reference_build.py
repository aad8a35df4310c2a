from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.settings.model import ModelSettings
from stream.config.checks import reference_notes
from stream.config.unwatched import unwatched
from stream.errors import UsageError
from stream.references import sample
from stream.references.build import BuildOptions, build
from stream.rows.open import open_rows
from windows.references.reference import Reference, from_json, slots, to_json
from windows.sketches.profiles import CategoricalProfile, NumericProfile
from windows.sketches.quantiles import quantile

OPTIONS = BuildOptions("m")


def _build(directory: Path, columns: dict[str, Any], options: BuildOptions = OPTIONS) -> Reference:
    pq.write_table(pa.table(columns), directory / "rows.parquet")
    return build(open_rows(directory / "rows.parquet", {}), options).reference


def _numeric(reference: Reference, name: str) -> NumericProfile:
    profile = reference.features[name]
    assert isinstance(profile, NumericProfile)
    return profile


def _categorical(reference: Reference, name: str) -> CategoricalProfile:
    profile = reference.features[name]
    assert isinstance(profile, CategoricalProfile)
    return profile


VALUES = st.none() | st.floats(width=32) | st.sampled_from([0.0, 1.0, 1.0, float("inf"), 1e300])
TEXTS = st.none() | st.sampled_from(["a", "b", "", "é", "other"])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, TEXTS, VALUES, TEXTS), min_size=1, max_size=80))
def test_every_row_is_counted(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]) -> None:
    """Whatever the rows, each column counts each row once, and so do the segments together; the file reads back."""
    x, c, prediction, segment = zip(*rows, strict=True)
    columns = {
        "x": pa.array(x, pa.float64()),
        "c": pa.array(c, pa.string()),
        "prediction": pa.array(prediction, pa.float64()),
        "s": pa.array(segment, pa.string()),
    }
    options = BuildOptions("m", {"x": "numeric", "c": "categorical"}, segments=("s",))
    reference = _build(tmp_path_factory.mktemp("build"), columns, options)
    finite = [value for value in x if value is not None and np.isfinite(value)]
    profile = _numeric(reference, "x")
    expected = np.histogram(finite, np.append(profile.edges[:-1], np.inf))[0]
    np.testing.assert_array_equal(profile.counts, expected)
    assert profile.missing == sum(value is None or bool(np.isnan(value)) for value in x)
    assert profile.non_finite == sum(value is not None and bool(np.isinf(value)) for value in x)
    counted = Counter(value for value in c if value is not None)
    named = _categorical(reference, "c")
    assert dict(zip(named.categories, named.counts.tolist(), strict=True)) == counted
    for profile_ in (*reference.features.values(), reference.prediction):
        assert profile_ is not None
        assert int(slots(profile_).sum()) == len(rows)
    assert sum(part.rows for part in reference.segments["s"].values()) == len(rows)
    assert from_json(to_json(reference)).id == reference.id


def test_moments_edges_and_shares(tmp_path: Path) -> None:
    """Moments are numpy's; bins hold what a histogram of the same edges holds; coarse bins are about tenths."""
    values = np.random.default_rng(1).lognormal(size=300_000)
    profile = _numeric(_build(tmp_path, {"x": values}), "x")
    assert profile.center == pytest.approx(values.mean(), rel=1e-12)
    assert profile.scale == pytest.approx(values.std(), rel=1e-12)
    assert len(profile.counts) >= 128
    np.testing.assert_array_equal(profile.counts, np.histogram(values, profile.edges)[0])
    shares = np.bincount(profile.coarse, weights=profile.counts) / len(values)
    assert len(shares) == 10
    assert np.abs(shares - 0.1).max() < 0.015
    ranks = np.searchsorted(np.sort(values), profile.edges[1:-1]) / len(values)
    assert np.abs(ranks - np.arange(1, len(profile.counts)) / len(profile.counts)).max() < 0.005


@pytest.mark.parametrize(
    ("values", "bins", "center", "scale"),
    [
        (np.full(1_000, 4.0), 1, 4.0, 1.0),
        (np.array([1.0] * 999 + [1.0 + 2**-52]), 1, 1.0, None),
        (np.array([0.0] * 990 + list(range(1, 11))), None, 0.055, None),
        (np.array([1e308, -1e308] * 500), None, None, None),
        (np.array([2**62, 2**62 + 1] * 500), None, 2.0**62, None),
        (np.array([True, False] * 500), None, None, None),
    ],
)
def test_awkward_columns(
    tmp_path: Path, values: np.ndarray, bins: int | None, center: float | None, scale: float | None
) -> None:
    """Constants, near constants, zero inflation and the ends of the float range give profiles that hold together."""
    reference = _build(tmp_path, {"x": values})
    assert from_json(to_json(reference)).id == reference.id
    profile = reference.features["x"]
    if isinstance(profile, CategoricalProfile):
        assert profile.categories == ("false", "true")
        return
    assert np.isfinite(profile.scale)
    assert profile.scale > 0
    if bins is not None:
        assert len(profile.counts) == bins
    if center is not None:
        assert profile.center == pytest.approx(center, rel=1e-12)
    if scale is not None:
        assert profile.scale == scale


def test_top_categories(tmp_path: Path) -> None:
    """The hundred most frequent categories are kept exactly, ties by name; the rest is one count."""
    names = [f"c{number:03d}" for number in range(300) for _ in range(1 + number // 3)]
    profile = _categorical(_build(tmp_path, {"c": np.random.default_rng(1).permutation(names)}), "c")
    counted = Counter(names)
    expected = sorted(counted, key=lambda name: (-counted[name], name))[:100]
    assert list(profile.categories) == expected
    assert profile.counts.tolist() == [counted[name] for name in expected]
    assert profile.other == len(names) - int(profile.counts.sum())


def test_heavy_hitters_among_ids(tmp_path: Path) -> None:
    """Frequent categories are found and counted exactly among a hundred thousand that occur once."""
    ids = [f"id-{number}" for number in range(100_000)]
    names = np.random.default_rng(1).permutation([*ids, *["big"] * 5_000, *["small"] * 500])
    profile = _categorical(_build(tmp_path, {"c": names}, BuildOptions("m", {"c": "categorical"})), "c")
    assert profile.categories[:2] == ("big", "small")
    assert profile.counts[:2].tolist() == [5_000, 500]
    assert int(profile.counts.sum()) + profile.other == len(names)


def test_segments(tmp_path: Path) -> None:
    """Values with a thousand rows are kept, at most fifty; others, and missing ones, are together in `other`."""
    keys = [f"k{number:02d}" for number in range(60) for _ in range(1_060 - number)] + ["rare"] * 10 + [None] * 5
    x = np.arange(len(keys), dtype=float)
    reference = _build(tmp_path, {"x": x, "k": keys}, BuildOptions("m", {"x": "numeric"}, segments=("k",)))
    found = reference.segments["k"]
    assert [value for value in found if value != "other"] == [f"k{number:02d}" for number in range(50)]
    assert found["k07"].rows == 1_053
    assert found["other"].rows == sum(1_060 - number for number in range(50, 60)) + 15
    total = np.sum([part.features["x"] for part in found.values()], axis=0)
    np.testing.assert_array_equal(total, slots(reference.features["x"]))
    inside = np.histogram(x[[key == "k07" for key in keys]], _numeric(reference, "x").edges)[0]
    np.testing.assert_array_equal(found["k07"].features["x"][1:-3], inside)


def test_latency_errors_and_time(tmp_path: Path) -> None:
    """Failed predictions are counted apart and are in no profile; latency and time span are of the others."""
    n = 10_000
    latency = np.random.default_rng(1).lognormal(3, 0.5, n)
    failed = [None if number % 10 else "boom" for number in range(n)]
    columns = {
        "x": np.where([item is None for item in failed], 1.0, 99.0),
        "latency_ms": latency,
        "error": failed,
        "timestamp": 1_700_000_000_000 + np.arange(n),
    }
    reference = _build(tmp_path, columns)
    assert (reference.rows, reference.error_rows) == (9_000, 1_000)
    assert list(reference.features) == ["x"]
    assert _numeric(reference, "x").edges == pytest.approx([1.0, 1.0], rel=2e-6)
    assert (reference.start, reference.end) == (1_700_000_000_001, 1_700_000_009_999)
    assert reference.latency is not None
    served = latency[[item is None for item in failed]]
    assert int(reference.latency.sum()) == 9_000
    assert quantile(reference.latency, 0.99) == pytest.approx(np.quantile(served, 0.99, method="lower"), rel=0.01)


@pytest.mark.parametrize(
    ("task", "values", "kind", "names"),
    [
        ("binary", pa.array([0.1, 0.9]), NumericProfile, None),
        ("multiclass", pa.array([1, 2]), CategoricalProfile, {"1", "2"}),
        ("multiclass", pa.array([[0.1, 0.9], [0.8, 0.2]]), CategoricalProfile, {"0", "1"}),
        ("multiclass", pa.array(["cat", "dog"]), CategoricalProfile, {"cat", "dog"}),
        (None, pa.array(["cat", "dog"]), CategoricalProfile, {"cat", "dog"}),
        ("ranking", pa.array([["a", "b"], ["b"]]), None, None),
        ("ranking", pa.array([0.1, 0.9]), None, None),
    ],
)
def test_predictions(tmp_path: Path, task: Any, values: pa.Array, kind: Any, names: set[str] | None) -> None:
    """The task says how predictions are profiled: numbers, classes, the best class of scores, or not at all."""
    reference = _build(tmp_path, {"x": [1.0, 2.0], "prediction": values}, BuildOptions("m", task=task))
    if kind is None:
        assert reference.prediction is None
    else:
        assert isinstance(reference.prediction, kind)
    if isinstance(reference.prediction, CategoricalProfile):
        assert set(reference.prediction.categories) == names


def test_overdispersion(tmp_path: Path) -> None:
    """Independent rows have a factor near 1, rows that wander from pane to pane a larger one, in any order."""
    random = np.random.default_rng(3)
    n, panes = 200_000, 100
    pane = random.integers(0, panes, n)  # rows in no order of time
    wandering = random.normal(size=n) + random.normal(scale=0.5, size=panes)[pane]
    columns = {
        "iid": random.normal(size=n),
        "wandering": wandering,
        "timestamp": 1_700_000_000_000 + pane * 10_000 + 5_000,
    }
    reference = _build(tmp_path, columns)
    iid, moved = _numeric(reference, "iid").overdispersion, _numeric(reference, "wandering").overdispersion
    assert iid is not None
    assert moved is not None
    assert 1 <= iid < 1.3
    assert moved > 20
    without = _build(tmp_path, {"x": columns["iid"]})
    assert _numeric(without, "x").overdispersion is None


def test_special_columns_are_features_when_listed(tmp_path: Path) -> None:
    """`label` or `version` are features only if the config lists them; other columns are then ignored."""
    columns = {"x": [1.0, 2.0], "label": [0, 1], "version": ["1", "2"], "y": [1, 2]}
    assert list(_build(tmp_path, columns).features) == ["x", "y"]
    options = BuildOptions("m", {"label": "numeric", "x": "numeric"})
    assert list(_build(tmp_path, columns, options).features) == ["x", "label"]
    assert list(_build(tmp_path, columns, BuildOptions("m", ignored=("y",))).features) == ["x"]


def test_columns_of_other_types_are_left_out(tmp_path: Path) -> None:
    """Times, lists and bytes are no features, and the build says so."""
    columns = {"x": [1.0], "when": pa.array([0], pa.timestamp("ms")), "vector": [[1.0]], "blob": [b"x"]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    built = build(open_rows(tmp_path / "rows.parquet", {}), OPTIONS)
    assert list(built.reference.features) == ["x"]
    assert any("when, vector, blob" in note for note in built.notes)


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"x": pa.nulls(3, pa.float64()), "y": pa.nulls(3, pa.string())}, OPTIONS, "left out, having no values: x, y"),
        ({"label": [1, 2]}, OPTIONS, "no features"),
        ({"x": pa.array([], pa.float64())}, OPTIONS, "no rows"),
        ({"x": [1.0], "error": ["boom"]}, OPTIONS, "no predictions"),
        ({"age": [1.0]}, BuildOptions("m", {"aeg": "numeric"}), 'did you mean "age"'),
        ({"age": ["a"]}, BuildOptions("m", {"age": "numeric"}), "configured as numeric"),
        ({"age": [1.0]}, BuildOptions("m", segments=("country",)), "segment 'country'"),
        ({"age": [1.0], "s": [[1]]}, BuildOptions("m", segments=("s",)), "segment 's'"),
        ({"age": [1.0], "prediction": ["a"]}, BuildOptions("m", task="regression"), "task regression"),
        ({"age": [1.0], "prediction": [[0.5]]}, OPTIONS, "lists of one number: write the number itself"),
        ({"age": [1.0], "prediction": [[0.5]]}, BuildOptions("m", task="regression"), "lists of one number"),
        ({"age": [1.0], "prediction": [[0.5, 2.0]]}, BuildOptions("m", task="regression"), "each output as a model"),
        ({"age": [1.0], "timestamp": ["soon"]}, OPTIONS, "'timestamp': not a time"),
        ({"age": [1.0]}, BuildOptions("m", ignored=("x",)), "ignored column 'x'"),
    ],
)
def test_refused(tmp_path: Path, columns: dict[str, Any], options: BuildOptions, said: str) -> None:
    """What cannot be profiled is refused in one line that names file and column."""
    with pytest.raises(UsageError, match=r"rows\.parquet") as caught:
        _build(tmp_path, columns, options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_listed_feature_without_values(tmp_path: Path) -> None:
    """A feature that the config lists may be missing in every row: then that is what is normal."""
    columns = {"x": pa.nulls(3, pa.float64()), "c": pa.nulls(3, pa.string())}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    built = build(open_rows(tmp_path / "rows.parquet", {}), BuildOptions("m", {"x": "numeric", "c": "categorical"}))
    assert built.notes[0] == "without a value in any row, yet listed under the model's features: x, c"
    reference = built.reference
    assert _numeric(reference, "x").missing == 3
    assert _categorical(reference, "c").missing == 3
    assert from_json(to_json(reference)).id == reference.id


def test_columns_that_tell_nothing_are_left_out(tmp_path: Path) -> None:
    """Unless the config lists them: those without values, and text most of which no profile would name."""
    columns = {
        "x": [1.0] * 1_000,
        "none": pa.nulls(1_000, pa.float64()),
        "blank": pa.nulls(1_000, pa.string()),
        "id": [f"id-{number}" for number in range(1_000)],
        "half": [f"v{number}" if number < 600 else "often" for number in range(1_000)],  # 501 of 1,000 in "other"
        "less": [f"v{number}" if number < 599 else "often" for number in range(1_000)],
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    built = build(open_rows(tmp_path / "rows.parquet", {}), BuildOptions("m", segments=("id",)))
    assert list(built.reference.features) == ["x", "less"]
    assert list(built.reference.segments["id"]["other"].features) == ["x", "less"]
    empty, wide = built.notes[:2]
    assert empty.startswith("left out, having no values: none, blank; ")
    assert "ids and dates: id, half; to watch them all the same, list them under the model's features" in wide
    listed: dict[str, Any] = dict.fromkeys(("none", "blank", "id", "half"), "categorical")
    kept = _build(tmp_path, columns, BuildOptions("m", listed))
    assert kept.features.keys() == listed.keys()


@pytest.mark.parametrize(("step", "said"), [(None, "has no timestamps"), (1, "spans too short"), (10_000, None)])
def test_a_reference_without_time_is_noted(tmp_path: Path, step: int | None, said: str | None) -> None:
    """Rows without timestamps, or all of one moment, do not tell how much traffic varies; rows of an hour do."""
    columns: dict[str, Any] = {"x": np.arange(2_000) % 7}
    if step is not None:
        columns["timestamp"] = 1_700_000_000_000 + np.arange(2_000) * step
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    built = build(open_rows(tmp_path / "rows.parquet", {}), OPTIONS)
    assert [note for note in built.notes if "learnt from live traffic" in note] == list(
        reference_notes(built.reference)
    )
    assert [said in note for note in reference_notes(built.reference) if said] == [True] * (said is not None)


@pytest.mark.parametrize(("step", "per_day"), [(0, None), (10, 8_640_000), (1_000, 86_400)])
def test_rows_of_one_moment_have_no_pace(tmp_path: Path, step: int, per_day: int | None) -> None:
    """The date of an export on every row was a pace of 86 billion a day, by which every silence is NoData."""
    columns = {"x": np.arange(2_000) % 7, "timestamp": 1_700_000_000_000 + np.arange(2_000) * step}
    pace = _build(tmp_path, columns).pace
    assert (pace is None) == (per_day is None)
    assert pace is None or pace.per_day == pytest.approx(per_day, rel=1e-3)


def test_the_same_rows_give_the_same_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building is deterministic, also where the sample is smaller than the rows."""
    monkeypatch.setattr(sample, "SAMPLE_ROWS", 1_000)
    random = np.random.default_rng(1)
    columns = {"x": random.normal(size=150_000), "c": random.integers(0, 50_000, 150_000).astype(str)}
    one, other = _build(tmp_path, columns), _build(tmp_path, columns)
    assert one.id == other.id
    profile = _numeric(one, "x")
    np.testing.assert_array_equal(profile.counts, np.histogram(columns["x"], profile.edges)[0])


def test_formats_agree(tmp_path: Path) -> None:
    """Parquet, CSV and JSON lines of the same rows give the same counts."""
    random = np.random.default_rng(1)
    n = 5_000
    table = pa.table(
        {
            "x": random.normal(size=n),
            "c": random.choice(["a", "b"], n),
            "flag": random.random(n) < 0.5,
            "prediction": random.random(n),
            "timestamp": 1_700_000_000_000 + np.arange(n) * 100,
        }
    )
    pq.write_table(table, tmp_path / "r.parquet")
    (tmp_path / "r.csv").write_text(_csv(table))
    (tmp_path / "r.jsonl").write_bytes(b"".join(_line(row) for row in table.to_pylist()))
    parts = [
        build(open_rows(tmp_path / f"r.{ending}", {}), OPTIONS).reference for ending in ("parquet", "csv", "jsonl")
    ]
    for other in parts[1:]:
        assert list(other.features) == list(parts[0].features)
        assert (other.start, other.end) == (parts[0].start, parts[0].end)
        for name, profile in parts[0].features.items():
            np.testing.assert_array_equal(slots(other.features[name]), slots(profile))


def _csv(table: pa.Table) -> str:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    lines = [",".join(table.column_names)]
    lines += [",".join(text(value) for value in row.values()) for row in table.to_pylist()]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> bytes:
    features = {name: row[name] for name in ("x", "c", "flag")}
    record = {"model": "m", "prediction": row["prediction"], "timestamp": row["timestamp"], "features": features}
    return msgspec.json.encode(record) + b"\n"


def test_records_of_other_models_are_left_out(tmp_path: Path) -> None:
    """From prediction records of several models, only those of the model are profiled."""
    path = tmp_path / "r.jsonl"
    path.write_text("".join(f'{{"model": "{model}", "features": {{"x": {x}}}}}\n' for x, model in enumerate("mnm", 1)))
    reference = build(open_rows(path, {}), OPTIONS).reference
    assert reference.rows == 2
    assert _numeric(reference, "x").center == 2.0
    with pytest.raises(UsageError, match="no predictions of model 'k'"):
        build(open_rows(path, {}), BuildOptions("k"))


def test_progress_is_told(tmp_path: Path) -> None:
    """Progress names the pass and rises to 1 in each."""
    pq.write_table(pa.table({"x": np.arange(200_000.0)}), tmp_path / "rows.parquet")
    told: list[tuple[str, float]] = []
    build(open_rows(tmp_path / "rows.parquet", {}), OPTIONS, lambda name, share: told.append((name, share)))
    assert [name for name, _ in told] == sorted((name for name, _ in told), key=["reading", "counting"].index)
    for part in ("reading", "counting"):
        shares = [share for name, share in told if name == part]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            {"student": 929, "farm": 638, "teacher": 13},
            "segment 's': no value is watched: student (929), farm (638), teacher (13); a value needs 1,000 rows",
        ),
        (
            {"student": 1_000, "farm": 999, "teacher": 13},
            "segment 's': watched together as `other`: farm (999), teacher (13); a value needs 1,000 rows",
        ),
        ({"student": 1_000, "farm": 1_000}, None),
    ],
)
def test_values_of_a_segment_that_are_left_out_are_named(
    tmp_path: Path, counts: dict[str, int], said: str | None
) -> None:
    """With their rows and the rows that one needs; `check` reads it in the reference, and says what is not watched."""
    values = [value for value, rows in counts.items() for _ in range(rows)]
    reference = _build(tmp_path, {"x": np.arange(len(values)) % 7, "s": values}, BuildOptions("m", segments=("s",)))
    told = [note for note in from_json(to_json(reference)).notes if note.startswith("segment ")]
    assert len(told) == (said is not None)
    assert said is None or told[0].startswith(said)
    model = ModelSettings.model_validate({"name": "m", "task": "regression", "segments": ["s"]})
    lacks = [line for line in unwatched(model, reference) if "segments of `s`" in line]
    assert bool(lacks) == (max(counts.values()) < 1_000)

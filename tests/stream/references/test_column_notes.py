"""What a build says of columns: what each was taken for, and why one is no feature."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from stream.errors import UsageError
from stream.references.build import BuildOptions, Built, build
from stream.rows.columns import Wishes
from stream.rows.jsonl_file import BYTES_AT_ONCE
from stream.rows.open import open_rows
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import from_json, to_json
from windows.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 400
RANDOM = np.random.default_rng(1)
BASE = pd.DataFrame({"x": RANDOM.normal(size=ROWS), "n": RANDOM.poisson(5, ROWS)})


def _built(
    directory: Path, table: pd.DataFrame, options: BuildOptions | None = None, wishes: Wishes | None = None
) -> Built:
    table.to_csv(directory / "r.csv", index=False)
    return build(open_rows(directory / "r.csv", wishes or Wishes()), options or BuildOptions("m"))


def _told(built: Built, *words: str) -> bool:
    return any(all(word in note for word in words) for note in built.notes)


def test_rows_with_an_error_are_counted_and_noted(tmp_path: Path) -> None:
    """A column of residuals called `error` takes rows away: how many, and what to say instead."""
    error = np.where(np.arange(ROWS) % 4 == 0, 0.5, 0.0)
    built = _built(tmp_path, BASE.assign(error=error))
    assert (built.reference.rows, built.reference.error_rows) == (300, 100)
    assert _told(built, "100 of 400 rows have a value in `error`", "failed", "--ignore error")
    kept = _built(tmp_path, BASE.assign(error=error), BuildOptions("m", ignored=("error",)))
    assert (kept.reference.rows, kept.reference.error_rows) == (400, 0)
    watched = _built(
        tmp_path, BASE.assign(error=error), BuildOptions("m", chosen=("error",)), Wishes(kinds={"error": "numeric"})
    )
    assert "error" in watched.reference.features
    with pytest.raises(UsageError, match=r"400 of 400 rows .*'error'.*--ignore error"):
        _built(tmp_path, BASE.assign(error=0.5))


def test_columns_named_like_ours_are_noted(tmp_path: Path) -> None:
    """Those that are not watched for their names, and features that may be the label or the prediction."""
    built = _built(tmp_path, BASE.assign(model="golf", version=1, target=1, score=0.5))
    assert _told(built, "not watched", "`version`", "`model`", "--categorical")
    assert _told(built, "`target` is watched", "--label target")
    assert _told(built, "`score` is watched", "--prediction score")
    assert _told(_built(tmp_path, BASE.assign(label=0)), "not watched", "`label`")


def test_columns_of_other_names_are_taken_for_what_the_user_says(tmp_path: Path) -> None:
    """Prediction, label, time and latency under names of the user's; accuracy is scikit-learn's."""
    score = RANDOM.random(ROWS)
    target = (RANDOM.random(ROWS) < score).astype(int)
    table = BASE.assign(proba=score, target=target, at=1_795_000_000 + np.arange(ROWS), took=RANDOM.random(ROWS))
    roles = {"prediction": "proba", "label": "target", "timestamp": "at", "latency_ms": "took"}
    built = _built(tmp_path, table, BuildOptions("m", task="binary", roles=roles))
    reference = built.reference
    assert list(reference.features) == ["x", "n"]
    assert reference.start == 1_795_000_000_000
    assert reference.latency is not None
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    found = task_metrics(layout, reference.outcomes[None], 0.5, ("accuracy",))["accuracy"]
    assert float(found.value[0]) == accuracy_score(target, score >= 0.5)
    assert _told(built, "taken `proba` for the predictions, `target` for the labels")
    with pytest.raises(UsageError, match=r"label column 'tarjet'.*target"):
        _built(tmp_path, table, BuildOptions("m", roles={"label": "tarjet"}))


def test_whatever_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    """Structures, times, bytes and the index of the table, each by name."""
    table = pd.DataFrame(
        {
            "x": BASE["x"],
            "customer": [{"age": 1}] * ROWS,
            "tags": [["a"]] * ROWS,
            "when": pd.date_range("2026-01-01", periods=ROWS),
            "blob": [b"x"] * ROWS,
        }
    ).set_index(pd.Index(range(5, 5 + 2 * ROWS, 2), name="row").astype("float64"))
    table.to_parquet(tmp_path / "r.parquet")
    built = build(open_rows(tmp_path / "r.parquet", Wishes()), BuildOptions("m"))
    assert list(built.reference.features) == ["x"]
    assert _told(built, "customer, tags, when, blob", "a structure, lists, times, bytes")
    assert _told(built, "index", "row")


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_numbers_that_name_rows_are_no_feature(tmp_path: Path, form: str) -> None:
    """New customers have new ids, which always drift. What is there often, or is asked for, is a feature.

    Whatever they are called, where they are counted from row to row; a table sorted by a feature counts nothing.
    """
    counted = 1_000_000 - 7 * np.arange(ROWS) - (np.arange(ROWS) % 5 == 0)
    rare = {"customer_id": 10_000 + RANDOM.permutation(ROWS), "order": range(1, ROWS + 1), "invoice": counted}
    kept = {"store_id": RANDOM.integers(0, 30, ROWS), "paid": RANDOM.permutation(ROWS), "bid": RANDOM.permutation(ROWS)}
    kept["people"] = np.cumsum(1 + RANDOM.integers(0, 40, ROWS))
    path = tmp_path / f"r.{form}"
    table = BASE.assign(**rare, **kept)
    if form == "parquet":
        table.astype({"customer_id": "int32"}).to_parquet(path)
    elif form == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_json(path, orient="records", lines=True)
    built = build(open_rows(path, Wishes()), BuildOptions("m"))
    assert [*built.reference.features] == ["x", "n", *kept]
    assert _told(built, "each is there once", "customer_id, order, invoice", "--numeric")
    wishes = Wishes(kinds={"customer_id": "numeric"})
    asked = build(open_rows(path, wishes), BuildOptions("m", chosen=("customer_id",)))
    assert "customer_id" in asked.reference.features


def test_numbers_with_signs_are_told_of_once(tmp_path: Path) -> None:
    """Whether they are left out, being too many for categories, or watched as such: never as ids and dates."""
    money = [f"${value:,.2f}" for value in RANDOM.lognormal(8, 1, ROWS)]
    built = _built(tmp_path, BASE.assign(price=money, off=[f"{at % 9} %" for at in range(ROWS)]))
    assert list(built.reference.features) == ["x", "n", "off"]
    (price,) = [note for note in built.notes if "price" in note]
    assert price.startswith("left out: price: numbers with")
    assert _told(built, "'off'", "read as text: write them plainly")
    assert not _told(built, "ids and dates")


@pytest.mark.parametrize("label", [True, False])
def test_predictions_that_are_objects_are_named(tmp_path: Path, label: bool) -> None:
    """Scores by class in JSON; labels have nothing to be held against then, and no rule lacks any."""
    rows = [
        {"x": at, "prediction": {"cat": 0.2, "dog": 0.8}} | ({"label": "cat"} if label else {}) for at in range(ROWS)
    ]
    (tmp_path / "r.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    built = build(open_rows(tmp_path / "r.jsonl", Wishes()), BuildOptions("m"))
    assert _told(built, "`prediction` is not read: it holds objects", "one list", "--classes", "prediction.NAME")
    assert built.reference.outcomes is None
    assert _told(built, "no prediction profile")


@pytest.mark.parametrize("cell", ["12.5 %", "$1,250.00", "1.250,00 €"])
def test_predictions_that_are_numbers_with_signs_are_refused(tmp_path: Path, cell: str) -> None:
    """As classes each would be one of its own, and the accuracy 0."""
    table = BASE.assign(prediction=[cell.replace("2", str(n % 10)) for n in range(ROWS)], label=RANDOM.poisson(1, ROWS))
    with pytest.raises(UsageError, match=r"column .prediction. holds numbers with .* write them plainly, or say"):
        _built(tmp_path, table)
    assert _built(tmp_path, table, BuildOptions("m", task="multiclass")).reference.prediction is not None


def test_what_stands_for_no_value_is_kept_in_the_reference(tmp_path: Path) -> None:
    """With its notes: a topic is read by the same texts, and whoever looks at the reference is told."""
    horsepower = pd.Series(RANDOM.normal(100, 20, ROWS).round(1)).astype(object)
    horsepower[:4] = "?"
    built = _built(tmp_path, BASE.assign(horsepower=horsepower))
    read_back = from_json(to_json(built.reference))
    assert read_back.readings == {"horsepower": Reading(("?",))}
    assert any("horsepower" in note and "'?' (4 cells)" in note for note in read_back.notes)
    assert read_back.id == built.reference.id
    profile: Any = read_back.features["horsepower"]
    assert profile.missing == 4
    assert profile.center == pytest.approx(pd.to_numeric(horsepower, errors="coerce").mean())


def test_too_many_odd_cells_beyond_the_first_rows_are_refused(tmp_path: Path) -> None:
    """Numbers in the first block and words in the rest are neither numbers nor an odd cell."""
    path = tmp_path / "r.csv"
    path.write_text("x,pad\n" + f"1,{'p' * 100}\n" * 50_000 + "abc,p\n" * 4_000)
    with pytest.raises(UsageError, match=r"'x': 7% of the rows are no numbers: 'abc' \(4,000 cells\)"):
        build(open_rows(path, Wishes()), BuildOptions("m"))


def test_a_resolution_rounds_rows(tmp_path: Path) -> None:
    """Prices of a hundredth, whatever noise they come with."""
    prices = RANDOM.integers(100, 120, ROWS) / 100
    noisy = BASE.assign(price=prices + RANDOM.uniform(-0.004, 0.004, ROWS))
    options = BuildOptions("m", resolutions={"price": 0.01})
    clean: Any = _built(tmp_path, BASE.assign(price=prices), options).reference
    rounded = _built(tmp_path, noisy, options).reference
    assert rounded.readings["price"] == Reading((), 0.01)
    np.testing.assert_array_equal(rounded.features["price"].counts, clean.features["price"].counts)


def test_infinite_values_and_padded_names_are_noted(tmp_path: Path) -> None:
    """How many, and what live values are compared with; nothing where there are none (evidently issue 603)."""
    ratio = np.where(np.arange(ROWS) % 50 == 0, np.inf, RANDOM.normal(0, 1, ROWS))
    table = BASE.assign(ratio=ratio, place=np.where(np.arange(ROWS) % 2 == 0, " oslo", "rome"))
    table.to_parquet(tmp_path / "r.parquet")
    built = build(open_rows(tmp_path / "r.parquet", Wishes()), BuildOptions("m"))
    assert _told(built, "'ratio'", f"{int(np.isinf(ratio).sum())} of {ROWS:,} values are infinite")
    assert _told(built, "'place'", "1 of 2 categories begin or end with a space, such as ' oslo'")
    BASE.to_parquet(tmp_path / "plain.parquet")
    plain = build(open_rows(tmp_path / "plain.parquet", Wishes()), BuildOptions("m"))
    assert not any("infinite" in note or "space" in note for note in plain.notes)


def test_keys_of_json_that_come_late_are_noted(tmp_path: Path) -> None:
    """A key that no row of the first block has is no column, and is named with the line it was first seen in."""
    first = json.dumps({"x": 1.5, "pad": "p" * 900})
    late = json.dumps({"x": 2.5, "pad": "p", "colour": "red"})
    count = 2 * BYTES_AT_ONCE // len(first)
    path = tmp_path / "r.jsonl"
    path.write_text(f"{first}\n" * count + f"{late}\n" * 20)
    rows = open_rows(path, Wishes())
    built = build(rows, BuildOptions("m"))
    assert list(built.reference.features) == ["x", "pad"]
    assert _told(built, "in no row of the first 8 MB", f"colour (line {count + 1:,})")
    path.write_text(f"{first}\n" * count)
    assert not any("in no row" in note for note in build(open_rows(path, Wishes()), BuildOptions("m")).notes)


def test_times_under_another_name_are_offered_where_none_were_taken(tmp_path: Path) -> None:
    """Without times there is no pace and no season: the column that may hold them is named, with what to say."""
    times = pd.date_range("2026-10-01", periods=ROWS, freq="5min", tz="UTC")
    words = "no column was taken for the times of the rows; where seen_first holds them: --timestamp COLUMN"
    assert _told(_built(tmp_path, BASE.assign(seen_first=times)), words)
    both = _built(tmp_path, BASE.assign(timestamp=times, seen_first=times))
    assert _told(both, "left out", "seen_first (times)")
    assert not _told(both, "no column was taken for the times")


def test_a_column_that_the_user_calls_the_label_is_one(tmp_path: Path) -> None:
    """Without predictions beside it nothing is measured of it, and it is not said to be named like a field of ours."""
    path = tmp_path / "r.csv"
    BASE.assign(paid=[at % 2 for at in range(len(BASE))]).to_csv(path, index=False)
    notes = build(open_rows(path, Wishes()), BuildOptions("m", roles={"label": "paid"})).notes
    assert [note for note in notes if "taken" in note and "`paid` for the labels" in note]
    assert not [note for note in notes if "not watched" in note]

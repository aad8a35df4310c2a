"""Booleans that say true and false in words here and as 1 and 0 there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.references.build import BuildOptions, Built, build
from stream.references.like import asked_like
from stream.references.truths import NOTE
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from windows.sketches.profiles import CategoricalProfile

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

ROWS = 4_000
RANDOM = np.random.default_rng(5)
TRUE = RANDOM.random(ROWS) < 0.3
HALF = np.arange(ROWS) < ROWS // 2
TABLE = pd.DataFrame({"x": RANDOM.normal(size=ROWS)})


def _built(path: Path, options: BuildOptions | None = None) -> Built:
    return build(open_rows(path, Wishes()), options or BuildOptions("m"))


def _counts(reference: Reference) -> dict[str, int]:
    profile = reference.features["member"]
    assert isinstance(profile, CategoricalProfile)
    assert profile.other == 0
    return dict(zip(profile.categories, profile.counts.tolist(), strict=True))


def _mixed(directory: Path) -> Path:
    """The second half in numbers, so late that the first rows do not show it."""
    cells = np.where(HALF, np.where(TRUE, "True", "False"), np.where(TRUE, "1", "0"))
    TABLE.assign(member=cells).to_csv(directory / "r.csv", index=False)
    return directory / "r.csv"


def _csv_parts(directory: Path) -> Path:
    TABLE[HALF].assign(member=TRUE[HALF]).to_csv(directory / "a.csv", index=False)
    TABLE[~HALF].assign(member=TRUE[~HALF].astype(int)).to_csv(directory / "b.csv", index=False)
    return directory


def _parquet_parts(directory: Path) -> Path:
    TABLE[HALF].assign(member=TRUE[HALF]).to_parquet(directory / "a.parquet")
    TABLE[~HALF].assign(member=TRUE[~HALF].astype("int8")).to_parquet(directory / "b.parquet")
    return directory


def _lines(directory: Path) -> Path:
    members = [bool(one) if half else int(one) for one, half in zip(TRUE, HALF, strict=True)]
    TABLE.assign(member=pd.Series(members, dtype=object)).to_json(directory / "r.jsonl", orient="records", lines=True)
    return directory / "r.jsonl"


WRITERS = {"csv": _mixed, "csv parts": _csv_parts, "parquet parts": _parquet_parts, "json lines": _lines}
EXPECTED = {"false": int((~TRUE).sum()), "true": int(TRUE.sum())}


@pytest.mark.parametrize("written", WRITERS)
def test_words_and_numbers_for_truth_are_two_categories(tmp_path: Path, written: str) -> None:
    """As pandas counts them, whichever file or half has which spelling; and it is said."""
    built = _built(WRITERS[written](tmp_path))
    assert _counts(built.reference) == EXPECTED
    assert f"column 'member': {NOTE}" in built.notes


@pytest.mark.parametrize("written", WRITERS)
def test_segments_by_such_a_column_are_two(tmp_path: Path, written: str) -> None:
    """A key of which half of the rows had other values."""
    reference = _built(WRITERS[written](tmp_path), BuildOptions("m", segments=("member",))).reference
    assert {value: part.rows for value, part in reference.segments["member"].items()} == EXPECTED


@pytest.mark.parametrize("cells", [["true", "1", "2"], ["1", "0", "yes"], ["true", "false", "0", "unknown"]])
def test_other_names_beside_them_are_categories_as_they_stand(tmp_path: Path, cells: list[str]) -> None:
    """1 is no truth where 2 is there, too."""
    table = pd.DataFrame({"member": cells * 200, "x": RANDOM.normal(size=200 * len(cells))})
    table.to_csv(tmp_path / "r.csv", index=False)
    built = _built(tmp_path / "r.csv")
    assert _counts(built.reference) == dict.fromkeys(cells, 200)
    assert not any(NOTE in note for note in built.notes)


@pytest.mark.parametrize("base", [("True", "False"), ("1", "0"), ("yes", "no"), ("t", "f")])
@pytest.mark.parametrize("rows", [("True", "False"), ("1", "0")])
def test_rows_like_a_reference_mean_its_categories(
    tmp_path: Path, base: tuple[str, str], rows: tuple[str, str]
) -> None:
    """A version's rows may spell truth otherwise than those of the version before: a topic may, too."""
    wishes = Wishes(kinds={"member": "categorical"})
    for name, words in (("base", base), ("rows", rows)):
        TABLE.assign(member=np.where(TRUE, *words)).to_csv(tmp_path / f"{name}.csv", index=False)
    before = build(open_rows(tmp_path / "base.csv", wishes), BuildOptions("m")).reference
    options = asked_like(replace(BuildOptions("m"), pane=10_000), before)
    found = build(open_rows(tmp_path / "rows.csv", wishes), options).reference
    assert _counts(found) == _counts(before)
    assert sorted(_counts(found).values()) == sorted(EXPECTED.values())

"""Performance without labels, from records to tables: rings, segments and versions carry it like any other count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from estimated import binary_rows, built, multiclass_rows
from sklearn.metrics import accuracy_score, roc_auc_score

from operators.formats.schema import decoder_of, schema_of
from operators.intake.transpose import Transposed, transpose
from operators.plans.measures import Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.tables import Kind, Table
from windows.panes import Window
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of
from windows.ring import Ring

if TYPE_CHECKING:
    from windows.arrays import FloatArray
    from windows.predictions.columns import Columns
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference

MINUTE = Window(60_000, 10_000)
ALPHA = 1e-3
PLAN = Plan(service=False)


@pytest.fixture(scope="module")
def reference() -> Reference:
    """A reference of 30,000 labelled rows with a segment."""
    return built(binary_rows(30_000, bend=1.5), "binary", segments=("country",)).reference


def columns_of(layout: Layout, rows: dict[str, Any], panes: int = 1) -> Columns:
    """Rows as decoded records, spread over the panes."""
    schema = schema_of(layout)
    names = [name for name in rows if name not in {"p", "label", "prediction"}]
    records = [
        {
            "model": layout.model,
            "version": "1",
            "prediction": rows["prediction"][at].tolist(),
            "features": {name: rows[name][at].item() for name in names},
        }
        for at in range(len(rows["label"]))
    ]
    decoder = decoder_of([schema.struct])
    decoded = [decoder.decode(msgspec.json.encode(record)) for record in records]
    return transpose(Transposed(schema, decoded, np.arange(len(records)) % panes))


def measured(reference: Reference, layout: Layout, groups: Any, plan: Plan = PLAN) -> dict[str, Table]:
    """The estimated tables of a window, by metric."""
    logic = Measure(MeasureConfig(layout, reference, ALPHA, {MINUTE.size: plan}))
    tables = logic(WindowTotals("m", MINUTE, 9, groups, None)).tables
    return {table.metric: table for table in tables if table.kind == Kind.ESTIMATE}


def test_a_window_of_records_gives_estimates_for_the_whole_and_each_segment(reference: Reference) -> None:
    """Through decoding, folding and a ring of panes: what the labels of these records show lies within the bounds."""
    layout = layout_of(reference, ("country",))
    rows = binary_rows(6_000, seed=3, shift=0.6, bend=1.5)
    sketches = fold(binning_of(layout), columns_of(layout, rows, panes=6))
    ring = Ring(6)
    for pane in range(6):
        groups = {(version, segment): vector for (at, version, segment), vector in sketches.items() if at == pane}
        ring.push(pane, groups, slice(layout.moments, layout.far))
    tables = measured(reference, layout, ring.totals)
    assert set(tables) == {f"estimated_{name}" for name in ("accuracy", "precision", "recall", "f1", "auc")}
    for at, (version, segment) in enumerate(tables["estimated_accuracy"].groups):
        assert version == "1"
        kept = rows["country"] == segment.partition("=")[2] if segment else np.ones(6_000, dtype=bool)
        label, score = rows["label"][kept], rows["prediction"][kept]
        for name, real in (
            ("estimated_accuracy", accuracy_score(label, score >= 0.5)),
            ("estimated_auc", roc_auc_score(label, score)),
        ):
            table = tables[name]
            assert table.columns == ("",)
            assert table.samples[at, 0] == kept.sum()
            assert table.reference_samples[at, 0] == 30_000
            assert table.lower[at, 0] <= real <= table.upper[at, 0]
            assert table.value[at, 0] == pytest.approx(real, abs=0.03)
    assert {segment for _, segment in tables["estimated_auc"].groups} == {"", "country=de", "country=fr"}


def test_a_pane_that_leaves_takes_its_predictions_along(reference: Reference) -> None:
    """After a window of other predictions the estimate is as if the first had never been."""
    layout = layout_of(reference)
    first, second = (
        fold(binning_of(layout), columns_of(layout, binary_rows(500, seed=seed, shift=shift)))
        for seed, shift in ((1, -1.0), (2, 1.0))
    )
    ring = Ring(1)
    moments = slice(layout.moments, layout.far)
    for at, sketches in enumerate((first, second)):
        ring.push(at, {key[1:]: vector for key, vector in sketches.items()}, moments)
    alone = measured(reference, layout, {key[1:]: vector for key, vector in second.items()})
    for name, table in measured(reference, layout, ring.totals).items():
        np.testing.assert_array_equal(table.value, alone[name].value)
        np.testing.assert_array_equal(table.lower, alone[name].lower)


def test_class_scores_of_records_are_estimated_from() -> None:
    """Lists of scores, as they stand in the records, in whatever order the reference has its classes."""
    reference = built(multiclass_rows(20_000), "multiclass").reference
    layout = layout_of(reference)
    rows = multiclass_rows(5_000, seed=2, shift=0.4)
    sketches = fold(binning_of(layout), columns_of(layout, rows))
    table = measured(reference, layout, {key[1:]: vector for key, vector in sketches.items()})["estimated_accuracy"]
    real = accuracy_score(rows["label"], rows["prediction"].argmax(axis=1))
    assert table.lower[0, 0] <= real <= table.upper[0, 0]
    assert table.samples.tolist() == [[5_000]]


def test_nothing_is_estimated_where_it_is_not_wanted_or_not_known(reference: Reference) -> None:
    """A plan without estimates, a reference without labels, a window without data: no tables."""
    layout = layout_of(reference)
    groups = {key[1:]: vector for key, vector in fold(binning_of(layout), columns_of(layout, binary_rows(50))).items()}
    assert measured(reference, layout, groups)
    assert measured(reference, layout, groups, replace(PLAN, estimates=False)) == {}
    assert measured(reference, layout, {}) == {}
    bare = replace(reference, estimator=None)
    layout = layout_of(bare)
    groups = {key[1:]: vector for key, vector in fold(binning_of(layout), columns_of(layout, binary_rows(50))).items()}
    assert measured(bare, layout, groups) == {}


SCORES: list[tuple[list[Any], Any]] = [
    ([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], [[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]]),
    ([[0.1, 0.9], [0.5, 0.25, 0.25]], [[0.1, 0.9, np.nan], [0.5, 0.25, 0.25]]),
    ([[0.1, 0.2, 0.3, 0.4], None, "1", []], [[0.1, 0.2, 0.3], *[[np.nan] * 3] * 3]),
]


@pytest.mark.parametrize(("given", "expected"), SCORES)
def test_class_scores_become_a_matrix(given: list[Any], expected: FloatArray) -> None:
    """By position, in the order of the reference's classes; NaN where a list is shorter or there is none."""
    reference = built(multiclass_rows(2_000), "multiclass").reference
    layout = layout_of(reference)
    schema = schema_of(layout)
    decoder = decoder_of([schema.struct])
    lines = [msgspec.json.encode({"model": "m", "features": {}, "prediction": item}) for item in given]
    found = transpose(
        Transposed(schema, [decoder.decode(line) for line in lines], np.zeros(len(lines), dtype=np.int64))
    )
    assert layout.estimate is not None
    order = [int(name) for name in layout.estimate.estimator.classes]  # type: ignore[union-attr]
    np.testing.assert_array_equal(found.probabilities, np.array(expected)[:, order])


def test_bare_classes_and_models_without_labels_have_no_matrix() -> None:
    """Nothing is built that nobody reads."""
    reference = built(multiclass_rows(2_000), "multiclass").reference
    for used, prediction in ((reference, "1"), (replace(reference, estimator=None), [0.1, 0.2, 0.7])):
        schema = schema_of(layout_of(used))
        line = msgspec.json.encode({"model": "m", "features": {}, "prediction": prediction})
        part = Transposed(schema, [decoder_of([schema.struct]).decode(line)], np.zeros(1, dtype=np.int64))
        assert transpose(part).probabilities is None

"""Stubs: what is kept of a prediction comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import categorical, click_layout, reference_of

from operators.intake.label_codes import LabelCodes
from operators.join.scores import Scores, probabilities_of, ranked_of
from operators.join.stub import MOST_LATE, StubCodec, Stubs, times_of, with_known
from operators.plans.join import JoinPlan, families_of
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import layout_of

CLASSES = ("0", "1", "2")
PETS = layout_of(reference_of({}, categorical(CLASSES, [5, 3, 2]), rows=10, model="pets"))


def plan_of(task: Any, **changes: Any) -> JoinPlan:
    """A plan of this task."""
    layout = PETS if task == "multiclass" else click_layout()
    classes = changes.pop("classes", CLASSES if task == "multiclass" else ())
    options = TaskOptions(task, classes=classes if task == "multiclass" else (), k=3)
    codes = LabelCodes(task, classes, **changes)
    return JoinPlan(
        layout, task_layout(options, None), codes, 10_000, 60_000, 60_000, None, 1.0, families_of(layout, [])
    )


def stubs(plan: JoinPlan, predictions: list[Any]) -> Stubs:
    """Stubs of these predictions, of two versions."""
    count = len(predictions)
    times = np.arange(count, dtype=np.int64) * 1_000 + 1_790_000_000_000
    return Stubs(
        times,
        times + np.arange(count) * 7,
        Scores(plan)(predictions),
        np.arange(count * len(plan.layout.segments)).reshape(len(plan.layout.segments), count) % 4,
        probabilities_of(predictions, plan),
        ranked_of(predictions, plan),
        ["1" if at % 2 else "größer" for at in range(count)],
    )


@pytest.mark.parametrize(
    ("task", "predictions"),
    [
        ("binary", [0.1, 0.25, 1.0]),
        ("regression", [-3.5, 1e300, 0.0]),
        ("multiclass", ["0", "2", [0.25, 0.5, 0.25], [0.1, 0.2, 0.7], "7"]),
        ("ranking", [["a", 3, "c", "further down"], [], ["ü"], list(range(1_001))]),
    ],
)
def test_a_stub_survives_its_bytes(task: str, predictions: list[Any]) -> None:
    """Every field, to the last bit; of a ranking the first thousand items."""
    plan = plan_of(task)
    given = stubs(plan, predictions)
    codec = StubCodec(plan)
    back = codec.unpack(codec.pack(given))
    for name in ("times", "known", "score", "segments", "versions"):
        np.testing.assert_array_equal(getattr(back, name), getattr(given, name))
    if task == "multiclass":
        np.testing.assert_array_equal(back.probabilities, given.probabilities)
        np.testing.assert_array_equal(given.score, [0, 2, 1, 2, 3])
    if task == "ranking":
        assert back.ranked == [["a", 3, "c", "further down"], [], ["ü"], list(range(1_000))]


def test_items_that_take_too_many_bytes_are_cut_from_below() -> None:
    """The first places are what matters most."""
    plan = plan_of("ranking")
    codec = StubCodec(plan)
    items = [f"{number:0500}" for number in range(1_000)]
    (back,) = codec.unpack(codec.pack(stubs(plan, [items]))).ranked or []
    assert 60 < len(back) < 135
    assert back == items[: len(back)]


def test_the_times_of_a_stub_can_be_read_and_moved() -> None:
    """When it was made never changes; when it became known may, up to 49 days later."""
    plan = plan_of("binary")
    (packed,) = StubCodec(plan).pack(stubs(plan, [0.5]))
    made, known = times_of(packed)
    assert made == known == 1_790_000_000_000
    assert times_of(with_known(packed, made + 5)) == (made, made + 5)
    assert times_of(with_known(packed, made - 5)) == (made, made)
    assert times_of(with_known(packed, made + 10 * MOST_LATE)) == (made, made + MOST_LATE)


def test_scores_of_named_classes() -> None:
    """A binary prediction may be a class, or the scores of both in the order that was given."""
    plan = plan_of("binary", classes=("fraud", "fine"), positive="fraud")
    plan = replace(plan, layout=replace(plan.layout, positions=("fraud", "fine"), pair=0))
    np.testing.assert_array_equal(
        Scores(plan)(["fraud", "fine", True, [0.75, 0.25], [0.75], None, 0.5, "Fraud"]),
        [1, 0, 1, 0.75, 0.75, np.nan, 0.5, np.nan],
    )


def test_whose_scores_two_are_is_not_guessed() -> None:
    """Classes with names and no order: scikit-learn sorts them, so the last is not always the positive one."""
    plan = plan_of("binary", classes=("fine", "fraud"), positive="fraud")
    plan = replace(plan, layout=replace(plan.layout, pair=1))
    np.testing.assert_array_equal(Scores(plan)([[0.25, 0.75], 0.5]), [np.nan, 0.5])


def test_the_positive_score_is_the_last_where_labels_are_numbers() -> None:
    """Of [p0, p1] it is p1."""
    plan = plan_of("binary")
    plan = replace(plan, layout=replace(plan.layout, pair=1))
    np.testing.assert_array_equal(Scores(plan)([[0.25, 0.75], [0.6]]), [0.75, 0.6])

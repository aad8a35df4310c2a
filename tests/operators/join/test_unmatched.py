"""Labels that find no prediction: whether their ids are written otherwise, or their clocks are apart, is told."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START, batch, click
from joining import DictStore, JoinChain

from operators.former import completed
from operators.intake.label_codes import LabelCodes
from operators.join.early import FURTHEST, MOST_LEFT, Early, note
from operators.join.ticks import LabelTotals
from operators.join.unmatched import why_unmatched
from operators.plans.join import JoinPlan, families_of
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3_600_000
LAYOUT = layout_of(click(), ())
COUNT = 40
MINUTE = 60_000
ORDERS = ("predictions first", "labels first", "by time")


def plan() -> JoinPlan:
    """Predictions are kept a day, labels wait ten minutes."""
    return JoinPlan(
        layout=LAYOUT,
        task=task_layout(TaskOptions("binary"), click().prediction),
        labels=LabelCodes("binary"),
        tick=60_000,
        keep=24 * HOUR,
        wait=600_000,
        negative_after=None,
        sample=1.0,
        families=families_of(LAYOUT, []),
    )


def totals(
    ids: Sequence[Any], named: Sequence[Any], before: float, order: str = "by time", *, crashes: bool = False
) -> LabelTotals:
    """After a prediction a minute of each of `ids`, and a label of each of `named` so many hours before it.

    With `crashes` there is one after each record.
    """
    chain = JoinChain([plan()])
    made, said = [], []
    for at, one in enumerate(ids):
        record = {"prediction_id": one, "timestamp": START + at * MINUTE, "prediction": 0.4}
        made.append((START + at * MINUTE, False, {**record, "features": {"country": "de"}}))
    for at, one in enumerate(named):
        when = START + at * MINUTE - round(before * HOUR)
        said.append((when, True, {"prediction_id": one, "timestamp": when, "label": 1}))
    every = [*said, *made] if order == "labels first" else [*made, *said]
    if order == "by time":
        every.sort(key=lambda one: one[:2])
    for _, feedback, record in every:
        chain.feed(batch([json.dumps({"model": "click", **record}).encode()], feedback=feedback))
        if crashes:
            chain.restore(chain.save())
    for feedback in (False, True):
        chain.feed(batch([], feedback=feedback, ended=True))
    return chain.ticks[-1][1].totals


NUMBERS = list(range(1_014_000, 1_014_000 + COUNT))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("made", "said"),
    [(int, float), (str, "{}.0".format), (float, str), ("{}.0".format, "{}.0".format), (str, " {}  ".format)],
    ids=["numbers", "text", "the other way round", "both", "blanks"],
)
def test_one_id_in_two_spellings_is_found(made: Any, said: Any, order: str) -> None:
    """As CSV, pandas and databases with columns of a fixed width write it."""
    found = totals(list(map(made, NUMBERS)), list(map(said, NUMBERS)), -0.1, order)
    assert (found.matched, found.unmatched) == (COUNT, {})


def test_an_id_of_each_side_is_shown() -> None:
    """The newest, whatever they look like."""
    found = totals([f"a-{one}" for one in NUMBERS], [f"b-{one}" for one in NUMBERS], -0.1)
    assert found.matched == 0
    assert why_unmatched(found) == (
        f"prediction_id of the newest prediction is 'a-{NUMBERS[-1]}', that of the newest feedback 'b-{NUMBERS[-1]}':"
        " are they the same ids?"
    )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("before", "shown"), [(5, "5"), (5.5, "5.5"), (9.1, "9"), (14, "14")])
def test_labels_from_before_their_predictions_are_no_matter_of_ids(before: float, shown: str, order: str) -> None:
    """Local times west of Greenwich, read as UTC."""
    found = totals(NUMBERS, NUMBERS, before, order)
    assert found.matched == 0
    assert f"their ids do match, but they are from about {shown} h before" in why_unmatched(found)


def test_predictions_without_ids_are_told() -> None:
    """Nothing can be joined then."""
    found = totals([None] * COUNT, NUMBERS, -0.1)
    assert why_unmatched(found) == "no prediction bears a prediction_id; that of the newest feedback is '1014039'"
    assert why_unmatched(LabelTotals()) == ""


def test_few_early_labels_among_many_of_nobody_say_nothing() -> None:
    """A clock that is apart is apart for all of them."""
    some = LabelTotals(unmatched={"unknown": 1_000}, about=(1, "x"), prediction=(1, "y"))
    for _ in range(99):
        note(some, 0, 2 * HOUR)
    assert "same ids" in why_unmatched(some)
    note(some, 0, 2 * HOUR)
    assert "about 2 h" in why_unmatched(some)


def test_what_is_remembered_is_bounded_and_makes_room() -> None:
    """Ids of nobody do not keep others out for ever."""
    early, left, found = Early(plan(), DictStore()), dict[bytes, int](), LabelTotals()
    early.leave({b"nobody%d" % at: at for at in range(3 * MOST_LEFT)}, left, found)
    assert len(left) == MOST_LEFT
    early.leave({b"somebody": FURTHEST * HOUR}, left, found)
    early.come([b"somebody"], np.array([(FURTHEST + 1) * HOUR]), left, found)
    assert found.early == {2: 1}
    early.come([b"somebody"], np.array([(FURTHEST + 1) * HOUR]), left, found)
    assert found.early == {2: 1}


@pytest.mark.parametrize("order", ORDERS)
def test_early_labels_are_remembered_through_crashes(order: str) -> None:
    """They are part of the state: what is told does not depend on what a process has seen."""
    once = totals(NUMBERS, NUMBERS, 5, order)
    assert once.early.keys() == {10}
    assert totals(NUMBERS, NUMBERS, 5, order, crashes=True).early == once.early


def test_counts_of_a_former_release_are_read() -> None:
    """They have no such fields."""
    old = LabelTotals(matched=3)
    for name in ("early", "prediction", "about"):
        delattr(old, name)
    assert completed(pickle.loads(pickle.dumps(old))) == LabelTotals(matched=3)

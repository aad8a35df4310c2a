"""Labels in any order, any number of times: what is told in the end is the final state of the data."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from label_orders import RECEIVED, Tally, run
from label_steps import LabelSteps, batch
from label_worlds import HOUR, KEEP, MINUTE, START, Said, Served, feedback_json, prediction_json, reference_of

from operators.join.history import MOST_WORDS
from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.join.ticks import LabelTotals

WORLDS = 24


@pytest.mark.parametrize("number", range(WORLDS))
def test_metrics_are_those_of_pandas_and_scikit_learn(number: int) -> None:
    """Every metric of a random world, of every version and segment, and what became of every record of feedback."""
    tally: Tally = run((number, False))
    assert tally.problems == []
    assert tally.defined > 0


def test_replay_tells_the_same() -> None:
    """The command line, over files and with RocksDB: what it writes last is what the steps say."""
    assert run((1, True)).problems == []


class Joined:
    """A binary model with one partition of predictions and two of feedback, and what is known at the end."""

    def __init__(self, task: str = "binary", **changes: Any) -> None:
        performance = {"windows": ["1h"], "label_delay": "0s", "keep": "6h", "wait": "5h", **changes}
        segments = ["country", "device"]
        settings = ModelSettings.model_validate(
            {"name": "model", "task": task, "segments": segments, "performance": performance}
        )
        self.steps = LabelSteps(settings, reference_of(settings.task))
        self.ended = [False, False, False]

    def predict(self, *served: Served) -> None:
        """Predictions arrive."""
        self._feed([prediction_json(one) for one in served], 0)

    def say(self, *said: Said, partition: int = 0) -> None:
        """Feedback arrives."""
        self._feed([feedback_json(one) for one in said], 1 + partition)

    def _feed(self, values: Sequence[bytes], lane: int, *, ended: bool = False) -> None:
        partitions = (1, 2)[lane > 0]
        number = max(lane - 1, 0)
        self.steps.feed(
            batch(values, partition=number, partitions=partitions, feedback=lane > 0, ended=ended, received=RECEIVED)
        )

    def end(self) -> dict[str, float | None]:
        """Everything has come: the metrics of the last hour, of the whole of the only version."""
        for lane in range(3):
            self._feed([], lane, ended=True)
        rows = [] if self.steps.last is None else self.steps.last.evaluations
        return {row.metric: row.value for row in rows if not row.segment and not row.feature}

    @property
    def totals(self) -> LabelTotals:
        """The counts so far."""
        assert self.steps.last is not None
        return self.steps.last.measures.totals


def served(name: str = "p", at: int = START, prediction: Any = 0.9) -> Served:
    """A prediction."""
    return Served(name, at, "1", "de", "web", prediction)


def said(at: int, label: Any = None, value: float | None = None) -> Said:
    """Something about the prediction."""
    return Said("p", at, None, label, value)


def test_a_label_that_came_too_late_keeps_no_other_from_counting() -> None:
    """A partition that is far ahead tells of an expired prediction; then one that is behind brings a label in time."""
    model = Joined()
    model.predict(served())
    model.say(said(START + KEEP + HOUR, 0))
    model.say(said(START + MINUTE, 1), partition=1)
    model.end()
    assert model.totals.matched == 1
    assert model.totals.waiting + sum(model.totals.unmatched.values()) == 1


def test_a_value_is_not_forgotten_for_the_labels_that_follow_it() -> None:
    """One value, then more labels than are remembered, then another value: only the last value counts."""
    model = Joined()
    model.predict(served())
    model.say(said(START + 1, None, 5.0))
    model.say(*(said(START + 10 + at, at % 2) for at in range(2 * MOST_WORDS)))
    model.say(said(START + 1_000, None, 7.0))
    found = model.end()
    assert found["value_mean"] == 7.0
    assert (found["labelled"], model.totals.revised) == (1.0, 2 * MOST_WORDS + 1)


def test_labels_that_wait_are_all_accounted_for() -> None:
    """More of them than are remembered, before their prediction: one counts, the others were revised."""
    model = Joined()
    model.say(*(said(START + at, at % 2) for at in range(12)))
    model.predict(served(at=START + 20))
    found = model.end()
    assert found["accuracy"] == 1.0
    totals = model.totals
    assert (totals.matched, totals.revised, totals.waiting, totals.unmatched) == (1, 11, 0, {})


@pytest.mark.parametrize("negative_after", [None, "1m"])
def test_it_does_not_matter_which_partition_is_read_first(negative_after: str | None) -> None:
    """A label is said twice over two partitions, on the second of which it is late: every tick is the same."""
    told = []
    for order in permutations(("prediction", "at once", "again")):
        model = Joined(label_delay="1m", negative_after=negative_after)
        for what in order:
            if what == "prediction":
                model.predict(served(), served("q", START + HOUR))
            elif what == "at once":
                model.say(said(START + 1, 0), Said("q", START + HOUR, None, 1, None))
            else:
                model.say(Said("q", START + 10 * MINUTE, None, 1, None), said(START + 1, 0), partition=1)
        model.end()
        ticks = model.steps.ticks
        counts = {(tick.end, *key): delta.tolist() for tick in ticks for key, delta in tick.deltas.items()}
        totals = model.totals
        told.append((counts, totals.matched, totals.revised, totals.duplicates, totals.waiting, totals.unmatched))
    assert all(one == told[0] for one in told[1:])


def test_an_id_that_is_used_again_takes_nothing_back_that_was_not_added() -> None:
    """A second prediction of the same id comes between a label and its revision: no count is negative."""
    model = Joined()
    model.predict(served(prediction=0.9))
    model.say(said(START + 1, 1))
    model.predict(served(at=START + 10 * MINUTE, prediction=0.2))
    model.say(said(START + 11 * MINUTE, 0))
    found = model.end()
    assert (found["predictions"], found["labelled"], found["accuracy"]) == (2.0, 1.0, 0.0)
    rings = model.steps.judged.cohorts.state.rings.values()
    slices = [packed.unpack() for ring in rings for groups in ring.slices.values() for packed in groups.values()]
    layout = model.steps.judged.join.task
    assert all((vector[: layout.blocks["value"].start] >= 0).all() for vector in slices)


def test_clicks_below_the_places_that_count_are_known() -> None:
    """The reciprocal rank is that of the first click wherever it is; NDCG's ideal list holds every click there was."""
    model = Joined("ranking", k=1)
    model.predict(served(prediction=["a", "b", "c", "d"]))
    model.say(said(START + 1, ["d"]))
    found = model.end()
    assert (found["mrr"], found["ndcg"], found["clicked_ratio"]) == (0.25, 0.0, 1.0)

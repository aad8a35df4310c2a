"""Labels of batches with more versions than are told apart count as they do one record at a time."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from factories import START, batch, click, record
from joining import JoinChain

from operators.intake.label_codes import LabelCodes
from operators.join.contributions import Unfolded
from operators.join.split import Unjoined
from operators.join.state import Joined
from operators.plans.join import JoinPlan, families_of
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import layout_of
from windows.segments import OTHER, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.join.ticks import CohortKey

TICK = 30_000
TOLD = 3
END = START + 40 * TICK
LAYOUT = layout_of(click(), ("country", "device"))


class Chain(JoinChain):
    """The steps in a row; says what comes to the last one as rows."""

    def __post_init__(self) -> None:
        """Make the steps."""
        super().__post_init__()
        self.rows: list[type] = []

    def _know(self, model: str, item: Unjoined | Joined) -> None:
        self.rows += [type(item)] if isinstance(item.counted, Unfolded) else []
        super()._know(model, item)


def chain(negative_after: int | None) -> Chain:
    """Three versions are told apart."""
    plan = JoinPlan(
        layout=LAYOUT,
        task=task_layout(TaskOptions("binary", negative_after=negative_after is not None), click().prediction),
        labels=LabelCodes("binary"),
        tick=TICK,
        keep=20 * TICK,
        wait=10 * TICK,
        negative_after=negative_after,
        sample=1.0,
        families=families_of(LAYOUT, [("country", "device")]),
        max_versions=TOLD,
    )
    return Chain([plan])


def predictions(rng: random.Random) -> list[tuple[int, str, bytes]]:
    """Time, version and record of 120 predictions, four moments of thirty versions, each with a segment of its own."""
    found = []
    for moment in range(4):
        for number in range(30):
            at, version = START + moment * TICK, f"build-{moment}-{number:02}" if number else "steady"
            context = {"device": rng.choice(["web", "app", "tv"])}
            name = f"{moment}-{number}"
            value = record(at, version=version, prediction_id=name, prediction=rng.random(), context=context)
            found.append((at, version, value))
    return sorted(found)


def labels(rng: random.Random, sent: Sequence[tuple[int, str, bytes]]) -> list[bytes]:
    """Two of three have a label a minute later; some of them are revised at once."""
    found = []
    for at, _, value in sent:
        for _ in range(rng.choice([0, 1, 2])):
            label = {"prediction_id": json.loads(value)["prediction_id"], "label": rng.randrange(2), "model": "click"}
            found.append(json.dumps({**label, "timestamp": at + 2 * TICK + len(found)}).encode())
    return found


def deltas(chained: Chain) -> dict[tuple[int, CohortKey], list[int]]:
    """What every tick tells."""
    return {
        (tick.end, key): delta.tolist()
        for _, tick in chained.ticks
        for key, delta in sorted(tick.deltas.items(), key=lambda item: item[0])
    }


@pytest.mark.parametrize("negative_after", [None, 4 * TICK])
def test_versions_in_one_batch_count_as_one_by_one(negative_after: int | None) -> None:
    """The same sketches to the last bit; those who come too many count as one, in every segment."""
    rng = random.Random(5)
    sent = predictions(rng)
    said = labels(rng, sent)
    together, apart = chain(negative_after), chain(negative_after)
    shuffled = sorted(sent, key=lambda one: (one[0], rng.random()))
    together.feed(batch([value for _, _, value in shuffled], written=END))
    together.feed(batch(said, feedback=True, written=END))
    for _, _, value in sent:
        apart.feed(batch([value], written=END))
    for value in said:
        apart.feed(batch([value], feedback=True, written=END))
    for one in (together, apart):
        one.feed(batch([], ended=True, written=END))
        one.feed(batch([], feedback=True, ended=True, written=END))
    assert set(together.rows) == {Unjoined, Joined}
    assert not apart.rows
    assert deltas(together) == deltas(apart)
    assert together.ticks[-1][1].totals == apart.ticks[-1][1].totals
    versions = {version for _, (_, version, segment) in deltas(together) if segment == WHOLE}
    assert len(versions) == TOLD + 1
    assert OTHER in versions

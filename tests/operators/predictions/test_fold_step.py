import numpy as np
from factories import START, batch, click, click_layout, record

from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.fold import Fold, Partial
from operators.records import RawBatch
from windows.predictions.layout import layout_of

PANE, LATENESS = 10_000, 5_000
LAYOUTS = (click_layout(), layout_of(click("rank")))
FIRST = START // PANE
CAPS = {layout.model: 16 for layout in LAYOUTS}


def partials(fold: Fold, raw: RawBatch) -> dict[str, Partial]:
    """What a batch makes of each model."""
    return dict(fold(Decode(DecodeConfig(LAYOUTS, PANE, LATENESS, 60_000))(raw)))


def test_a_batch_becomes_one_partial_a_model() -> None:
    """Counts of the whole and of the segments, for the model that has records."""
    got = partials(Fold(LAYOUTS, PANE, CAPS), batch([record(), record(), record(version="2")]))
    sketches = got["click"].sketches
    assert sorted(sketches) == [
        (FIRST, version, segment) for version in "12" for segment in ("", "country=de", "device=web")
    ]
    assert sketches[FIRST, "1", ""][LAYOUTS[0].rows] == 2
    assert got["rank"].sketches == {}


def test_progress_is_told_to_every_model_once() -> None:
    """A new floor goes to all models, so that none waits for a partition; the same floor again only with records."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    assert {name: one.progress.floor for name, one in partials(fold, batch([record()])).items()} == {
        "click": FIRST - 1,
        "rank": FIRST - 1,
    }
    assert set(partials(fold, batch([record(START + 1)]))) == {"click"}
    assert set(partials(fold, batch([record(START + PANE)], written=START + PANE))) == {"click", "rank"}


def test_silence_is_told_once_for_each_pane() -> None:
    """An empty batch with nothing new sends nothing; another pane of silence is news."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    first = partials(fold, batch([], silent_until=START))
    assert {one.progress.silent_until for one in first.values()} == {FIRST}
    assert len(first) == 2
    assert partials(fold, batch([], silent_until=START + PANE - 1)) == {}
    assert len(partials(fold, batch([], silent_until=START + PANE))) == 2
    assert partials(fold, batch([])) == {}


def test_silence_that_ends_is_news_even_at_the_same_floor() -> None:
    """Every model must hold its panes open again for a partition that speaks again."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    partials(fold, batch([record()]))
    partials(fold, batch([], silent_until=START))
    assert set(partials(fold, batch([record(START + 1)]))) == {"click", "rank"}
    assert len(partials(fold, batch([], silent_until=START))) == 2, "and so is the next silence"


def test_partitions_are_told_apart() -> None:
    """The progress of one says nothing of another."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    partials(fold, batch([record()], partition=0, partitions=2))
    assert set(partials(fold, batch([record()], partition=1, partitions=2))) == {"click", "rank"}


def test_the_end_is_told_to_every_model() -> None:
    """A file that ends holds up no model."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    partials(fold, batch([record()]))
    ended = partials(fold, batch([], ended=True))
    assert {name: one.progress.ended for name, one in ended.items()} == {"click": True, "rank": True}


def test_a_batch_of_late_records_only_still_counts_them() -> None:
    """What came too late within its batch is told although there is nothing to fold."""
    fold = Fold(LAYOUTS, PANE, CAPS)
    got = partials(fold, batch([record(START + 50_000), record(START, model="rank")], written=START + 50_000))
    assert got["rank"].late == 1
    assert got["rank"].sketches == {}
    again = partials(fold, batch([record(START + 50_000), record(START, model="rank")], written=START + 50_000))
    assert again["rank"].late == 1


def test_failed_predictions_are_counted() -> None:
    """A batch of failures alone makes a sketch of errors."""
    got = partials(Fold(LAYOUTS, PANE, CAPS), batch([record(error="x", features=None)] * 3))
    sketch = got["click"].sketches[FIRST, "1", ""]
    assert sketch[LAYOUTS[0].errors] == 3
    assert np.count_nonzero(sketch) == 1

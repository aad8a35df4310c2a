"""What is sent through the pipe and what is heard of it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.tables import Kind, Table
from stream.metrics.looks import NUMBERS, looked_at
from stream.metrics.reports import GaugeBlock, Looked, OwnerGone, Status, Totals
from stream.workers.wire import Listener, Speaker

if TYPE_CHECKING:
    from stream.metrics.reports import Report

names = st.sampled_from(["click", "rank", "ü\U0001f600", "", "a" * 40])
rows = st.lists(st.tuples(names, names, st.integers(0, 5).map(str)), max_size=8, unique=True).map(tuple)
blocks = rows.flatmap(
    lambda given_: st.builds(
        GaugeBlock,
        names,
        st.sampled_from(["feature_drift", "performance"]),
        st.just(given_),
        st.tuples(*[st.floats(allow_nan=False) for _ in given_]),
        st.sampled_from([(), (("team", "risk"),)]),
    )
)
others = st.one_of(
    st.builds(OwnerGone, names),
    st.builds(Status, st.integers(0, 3), st.just("running"), names),
    st.builds(Totals, names, st.dictionaries(st.tuples(names), st.floats(0, 1e9), max_size=3), names),
)


def heard(batches: list[list[Report]], most: int) -> list[Report]:
    """What comes out at the other end, batch after batch, each as the pipe has it."""
    speaker, listener = Speaker(most), Listener()
    return [one for batch in batches for one in listener(pickle.loads(pickle.dumps(speaker(batch))))]


@given(st.lists(st.lists(st.one_of(blocks, others), max_size=6), max_size=8), st.sampled_from([0, 1, 3, 1_000]))
def test_what_is_sent_is_heard_in_its_order_however_little_is_remembered(
    batches: list[list[Report]], most: int
) -> None:
    """Names that come again, go and come, and are forgotten in between; what has no rows still may be left out."""
    sent, empty, expected = [report for batch in batches for report in batch], set(), []
    for report in sent:
        if isinstance(report, GaugeBlock):
            key = (report.owner, report.metric)
            if not report.rows and key in empty:
                continue
            (empty.discard if report.rows else empty.add)(key)
        expected.append(report)
    found = heard(batches, most)
    assert found == expected if most == 1_000 else shown(found) == shown(sent)


def shown(reports: list[Report]) -> dict[tuple[str, str], GaugeBlock]:
    """The gauges that are there after all of it."""
    blocks: dict[tuple[str, str], GaugeBlock] = {}
    for report in reports:
        if isinstance(report, GaugeBlock):
            blocks[report.owner, report.metric] = report
    return {key: block for key, block in blocks.items() if block.rows}


def look(value: float, *, features: tuple[str, ...] = ("age", "price")) -> Looked:
    """A look at a window of two groups."""
    groups = (("1", ""), ("1", "country=US"))
    numbers = value + np.arange(2.0 * len(features)).reshape(2, -1)
    table = Table(
        Kind.FEATURE,
        "ks",
        groups,
        features,
        numbers,
        numbers - 0.5,
        numbers + 0.5,
        np.full(numbers.shape, 7),
        None,
        np.full(numbers.shape, 9),
    )
    empty = Table(Kind.SERVICE, "throughput", (), ("",), *[np.empty((0, 1))] * 3, np.empty((0, 1), int), None, 0)  # type: ignore[arg-type]
    return looked_at("click", "predictions", "10s", 10_000, 20_000, (table, empty))


@pytest.mark.parametrize("most", [0, 1_000])
def test_looks_are_heard_with_their_numbers(most: int) -> None:
    """Values, bounds and samples of every group and feature, and no baseline, whether names come again or not."""
    sent: list[list[Report]] = [[look(0.0)], [look(1.0), look(2.0, features=("age",))], [look(3.0)]]
    found = heard(sent, most)
    for one, other in zip(found, [report for batch in sent for report in batch], strict=True):
        assert isinstance(one, Looked)
        assert isinstance(other, Looked)
        assert one.heads == other.heads
        np.testing.assert_array_equal(one.numbers, other.numbers)
        assert (one.model, one.source, one.window, one.size, one.end) == ("click", "predictions", "10s", 10_000, 20_000)
    last = found[-1]
    assert isinstance(last, Looked)
    assert last.heads == (("feature", "ks", (("1", ""), ("1", "country=US")), ("age", "price")),)
    expected = np.array([[3, 4, 5, 6], [2.5, 3.5, 4.5, 5.5], [3.5, 4.5, 5.5, 6.5], [7] * 4, [np.nan] * 4], np.float32)
    np.testing.assert_array_equal(last.numbers, expected)
    assert len(NUMBERS) == len(expected)


def test_names_are_sent_once() -> None:
    """The second tick of a model is a small part of the first one in bytes."""
    given_ = tuple(("click", "1", "", f"a feature with a long name {at}", "ks", "1m") for at in range(200))
    speaker = Speaker()
    sizes = [
        len(pickle.dumps(speaker([GaugeBlock("click/1m", "feature_drift", given_, tuple(map(float, range(200))))])))
        for _ in range(2)
    ]
    assert sizes[1] < 0.25 * sizes[0]


def test_names_that_were_heard_are_the_same_object_again() -> None:
    """So that whoever keeps them need not compare, nor keep them twice."""
    given_ = tuple((str(at),) for at in range(10))
    first, second = heard([[GaugeBlock("a", "x", given_, (1.0,) * 10)], [GaugeBlock("a", "x", given_, (2.0,) * 10)]], 9)
    assert isinstance(first, GaugeBlock)
    assert isinstance(second, GaugeBlock)
    assert first.rows is second.rows

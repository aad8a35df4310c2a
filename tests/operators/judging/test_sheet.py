"""What is read, judged and told of a window in one call is what each monitor would say of each group by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_by_one import status_of, told_rows
from verdicts import MINUTE, measures

from operators.judging import blind
from operators.judging.blind import BlindState, BlindStream
from operators.judging.evaluations import INSUFFICIENT, Evaluation, rows_of
from operators.judging.readings import breach_level, readings_of
from operators.judging.sheet import Sheet, Sheets
from operators.judging.sheet_plan import RATE
from operators.plans.monitors import Monitor
from operators.tables import Kind, Measures, Table

SIZE = (MINUTE.size,)
COLUMNS = ("age", "income", "place")
GROUPS = (("1", ""), ("1", "country=de"), ("2", ""))
OWN = (("income", None, 0.4), ("place", None, None))

MONITORS = (
    Monitor("drift.psi", "DataDrift", Kind.FEATURE, "psi", SIZE, 0.1, 0.25, own=OWN),
    Monitor("sla.drift", "SlaBreach", Kind.FEATURE, "psi", SIZE, None, 0.2, whole_only=True, worst_only=True),
    Monitor("drift.ks", "DataDrift", Kind.FEATURE, "ks", SIZE, None, 0.1),
    Monitor("quality.missing", "DataQuality", Kind.QUALITY, "missing_ratio", SIZE, None, 0.01, relative=True),
    Monitor("quality.mean", "DataQuality", Kind.FEATURE, "mean", SIZE, 1.2, 1.5, scaled=True),
    Monitor("sla.availability", "SlaBreach", Kind.SERVICE, "availability", SIZE, None, 0.99, True, objective="a"),
    Monitor("sla.accuracy", "SlaBreach", Kind.ESTIMATE, "estimated_accuracy", SIZE, None, 0.1, True, True),
    Monitor("sla.recall", "SlaBreach", Kind.ESTIMATE, "estimated_recall", SIZE, 0.9, 0.8, True, False, True),
    Monitor("sla.error", "SlaBreach", Kind.ESTIMATE, "estimated_mae", SIZE, None, 0.5, whole_only=True),
    Monitor("sla.throughput", "SlaBreach", Kind.SERVICE, RATE, SIZE, None, 5.0, True, whole_only=True),
)
READ = [(one.kind, one.metric) for one in MONITORS if not one.worst_only]
UNREAD = [(Kind.FEATURE, "std"), (Kind.FEATURE, "js")]
BY_TABLE = {
    (MINUTE.size, kind, metric): [one for one in MONITORS if (one.kind, one.metric) == (kind, metric)]
    for kind, metric in READ
}


def drawn(seed: int) -> Measures:
    """A window with some tables of random numbers, among them none, infinite bounds, and those that nobody reads."""
    rng = np.random.default_rng(seed)
    tables = []
    for kind, metric in [*READ, *UNREAD]:
        if rng.random() < 0.2:
            continue
        columns = ("",) if kind in {Kind.SERVICE, Kind.ESTIMATE} else COLUMNS
        groups = GROUPS[: rng.integers(0, len(GROUPS) + 1)]
        shape = (len(groups), len(columns))
        value = np.where(rng.random(shape) < 0.2, np.nan, rng.gamma(1.0, 0.3, shape))
        width = rng.gamma(1.0, 0.05, (2, *shape))
        upper = np.where(rng.random(shape) < 0.1, np.inf, value + width[1])
        samples = rng.integers(0, 3, shape) * rng.integers(0, 9_000, shape)
        baseline = rng.gamma(1.0, 0.3, shape) if rng.random() < 0.7 else None
        behind = rng.integers(0, 2, shape) * rng.integers(0, 50_000, shape)
        against = ("fixed",) * len(groups) if rng.random() < 0.3 else ()
        found = Table(
            kind, metric, groups, columns, value, value - width[0], upper, samples, baseline, behind, (), against
        )
        tables.append(found)
    return measures(9, *tables)


def laid_out(found: Measures) -> Sheet:
    """Its sheet."""
    return Sheets(BY_TABLE)(found)


def cells(row: Evaluation) -> tuple[object, ...]:
    """Those of an evaluation that the plain way tells, too."""
    who = (row.version, row.segment, row.kind, row.feature, row.metric)
    return (
        *who,
        row.value,
        row.lower,
        row.upper,
        row.threshold,
        row.samples,
        row.reference_samples,
        row.status,
        row.reason,
    )


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_rows_are_those_that_each_monitor_gives_of_each_group(seed: int) -> None:
    """The same numbers, words and order."""
    found = drawn(seed)
    if found.tables:
        assert [cells(row) for row in rows_of(found, laid_out(found))] == list(told_rows(found, BY_TABLE))


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_readings_and_levels_are_to_the_last_bit_those_of_one_monitor_and_group(seed: int) -> None:
    """Of every stretch."""
    found = drawn(seed)
    if not found.tables:
        return
    sheet = laid_out(found)
    for number, one in enumerate(sheet.plan.stretches):
        alone, mine = readings_of(one.monitor, found.tables[one.table], one.row), sheet.readings_of(one)
        for name in ("value", "lower", "upper", "samples", "minor", "major", "base"):
            assert getattr(alone, name).tobytes() == getattr(mine, name).tobytes(), (name, one)
        level = breach_level(alone)
        assert level.tolist() == sheet.level[one.start : one.stop].tolist()
        assert (sheet.present[number], sheet.highest[number]) == (not np.isnan(alone.value).all(), level.max())


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_what_cannot_be_judged_is_what_each_look_alone_says(seed: int) -> None:
    """After the same looks in a row, at windows that fill and that are full."""
    together, apart = BlindState(), BlindState()
    for step in range(4):
        found = drawn(seed + step)
        if not found.tables:
            continue
        sheet = laid_out(found)
        looking = [number for number, there in enumerate(sheet.present.tolist()) if there]
        covered = [15_000 * (step + 1) + number for number in looking]
        if looking:
            blind.look_at_all(together, sheet, looking, covered, MINUTE.size, found.end)
        for number, span in zip(looking, covered, strict=True):
            one = sheet.plan.stretches[number]
            table = found.tables[one.table]
            readings = readings_of(one.monitor, table, one.row)
            behind = table.reference_samples[one.row]
            blind.look(apart, one.monitor, MINUTE.size, one.key[2:], readings, behind, found.end, span)
    assert {name: plain(one) for name, one in together.streams.items()} == {
        name: plain(one) for name, one in apart.streams.items()
    }


def plain(stream: BlindStream) -> tuple[object, ...]:
    """A stream as what compares."""
    sees = {size: seen.tolist() for size, seen in stream.sees.items()}
    needed = repr((stream.worst, stream.needed, stream.rows, stream.limit))
    return sees, stream.there.tolist(), stream.since.tolist(), needed


def shuffled(found: Measures, index: int) -> Measures:
    """A later look at the same window: the numbers of its tables in another order."""
    rng = np.random.default_rng(index)
    tables = []
    for table in found.tables:
        order = rng.permutation(table.value.size)
        numbers = {
            name: getattr(table, name).ravel()[order].reshape(table.value.shape)
            for name in ("value", "lower", "upper", "samples", "reference_samples")
        }
        tables.append(replace(table, **numbers))
    return replace(found, index=index, tables=tuple(tables))


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_looks_that_come_together_are_to_the_last_bit_those_alone(seed: int) -> None:
    """Whatever else comes between: looks at rest, without tables, or at other groups; and nothing is kept of them."""
    found = drawn(seed)
    looks = [shuffled(found, 10 + at) for at in range(4)] + [replace(drawn(seed + 1), index=20), measures(21)]
    sheets, used = Sheets(BY_TABLE), [one for one in looks if one.tables]
    sheets.lay_out([*looks, replace(found, index=22, changed=False)])
    for one in used:
        mine, alone = sheets(one), laid_out(one)
        for name in ("value", "lower", "upper", "samples", "reference", "level", "present", "highest"):
            assert getattr(mine, name).tobytes() == getattr(alone, name).tobytes(), name
        for name in ("value", "lower", "upper", "samples", "minor", "major", "base"):
            assert getattr(mine.readings, name).tobytes() == getattr(alone.readings, name).tobytes(), name
        assert mine.status(INSUFFICIENT).tolist() == alone.status(INSUFFICIENT).tolist()
        assert rows_of(one, mine) == rows_of(one, alone)
    assert not sheets._ready


def test_a_window_whose_groups_change_is_laid_out_anew() -> None:
    """A version more, a segment less: what stood where before no longer counts."""
    sheets = Sheets(BY_TABLE)
    for seed in range(30):
        found = drawn(seed)
        if found.tables:
            kept = sheets(found)
            assert kept.status(INSUFFICIENT).tolist() == laid_out(found).status(INSUFFICIENT).tolist()


def test_a_window_at_rest_is_laid_out_once() -> None:
    """One that changes at every look is not kept: with many models that would be memory for nothing."""
    sheets, found = Sheets(BY_TABLE), drawn(3)
    resting = [sheets(replace(found, index=index, changed=False)) for index in (10, 11, 12)]
    assert resting[0] is resting[1] is resting[2]
    moved = sheets(drawn(3))
    assert moved.value.tobytes() == resting[0].value.tobytes()
    assert sheets(replace(found, changed=False)) is not resting[0]


@pytest.mark.parametrize("groups", [GROUPS[:1], GROUPS])
def test_each_element_has_the_status_that_its_first_monitor_says(groups: tuple[tuple[str, str], ...]) -> None:
    """Nobody speaks for a group that no monitor judges: it is ok where there is a value."""
    value = np.array([[0.05, 0.3, np.nan]] * len(groups))
    samples = np.full(value.shape, 1_000)
    table = Table(Kind.FEATURE, "psi", groups, COLUMNS, value, value - 0.01, value + 0.01, samples, None, samples)
    found = measures(9, table)
    status = laid_out(found).status(INSUFFICIENT).reshape(value.shape)
    assert status.tolist() == [status_of(readings_of(MONITORS[0], table, row)).tolist() for row in range(len(groups))]

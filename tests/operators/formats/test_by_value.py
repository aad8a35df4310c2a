"""Messages whose names do not say what is what: values and places do, or nothing is guessed."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from factories import batch

from operators.formats.by_value import answer_in, time_in, unit_of, words_of
from operators.formats.plain import PlainReader
from operators.formats.proposals import proposed
from operators.formats.surroundings import Surroundings

Row = dict[str, Any]
NOW = 1_795_500_000_000
"""When the messages were written, ms: 24 November 2026."""
LOAN = {
    "requestId": "r1",
    "scoredAtEpoch": "1795499998.850",
    "applicant": {"income": 24028.87, "age": 52, "memberSince": "2019-05-01", "history": {"late": 2}},
    "channel": "APP",
    "outcome": {"modelVersion": 3, "elapsedMs": 12, "pd": 0.18, "decision": "APPROVE"},
}


def test_a_bank_s_record_is_read_whole() -> None:
    """Time by its value, prediction by its place, nested features flattened, and nothing of the answer among them."""
    given = replace(batch([json.dumps(LOAN).encode()] * 3), written=[NOW] * 3)
    best = proposed(given)
    assert best is not None
    assert best.settings["map"] == {
        "prediction_id": "requestId",
        "timestamp": {"path": "scoredAtEpoch", "unit": "s"},
        "version": "outcome.modelVersion",
        "prediction": "outcome.pd",
        "latency_ms": "outcome.elapsedMs",
        "features": {"path": "$", "flatten": True},
    }
    (one,) = PlainReader(best.source).records(given.values[0], Surroundings(given, [0]))
    assert one.value("timestamp") == 1_795_499_998_850
    assert one.value("prediction") == 0.18
    assert {name: cell.value for name, cell in one.features.items()} == {
        "applicant.income": 24028.87,
        "applicant.age": 52,
        "applicant.memberSince": "2019-05-01",
        "applicant.history.late": 2,
        "channel": "APP",
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"accountOpenedAt": "2019-05-01T00:00:00Z", "servedAt": "2026-11-24T12:00:00Z"}, "servedAt"),
        ({"opened_on": 1_556_668_800, "served_on": 1_795_499_000}, "served_on"),
        ({"when": 1_795_499_000_000_000, "runtime": 3}, "when"),
        ({"trace": {"eventEpochMillis": "1795499000000"}}, "trace.eventEpochMillis"),
        ({"time_on_site": 33, "visits_at_night": 4}, None),
        ({"served_at": "soon"}, None),
        ({"latitude": 1_795_499_000.0}, None),
        ({"at": True}, None),
    ],
)
def test_a_time_is_what_is_called_so_and_nearest_to_when_it_was_written(times: Row, expected: str | None) -> None:
    """An account's age is a time, too, and is a feature."""
    assert time_in([{"x": 1.0, **times}] * 2, [NOW, NOW]) == expected


def test_a_time_that_some_records_lack_is_none() -> None:
    """A guess has to hold for all."""
    assert time_in([{"servedAt": "2026-11-24T12:00:00Z"}, {}], [NOW]) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"outcome": {"decision": "APPROVE", "pd": 0.2, "limit": 5_000}}, "outcome.pd"),
        ({"outcome": {"limit": 5_000, "decision": "APPROVE"}}, "outcome.limit"),
        ({"modelResponse": {"code": 200, "verdict": "spam"}}, "modelResponse.verdict"),
        ({"result": {"status": 0, "tookMs": 3, "id": 7}}, None),
        ({"user": {"pd": 0.2}}, None),
        ({"outcome": {"approved": True}}, None),
    ],
)
def test_a_prediction_is_in_what_is_called_like_an_answer(given: Row, expected: str | None) -> None:
    """A share before a number before the name of a class; never a status, an id or a duration."""
    assert answer_in([given], ()) == expected


def test_what_is_another_field_s_is_no_answer() -> None:
    """One path is one field's."""
    assert answer_in([{"result": {"score_band": 4.0}}], {"result.score_band"}) is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_digits_is_told_by_their_size(unit: str) -> None:
    """Of text as of numbers, from 2001 to 2100; of two kinds nothing is said."""
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for year in (2002, 2026, 2099):
        seconds = int(dt.datetime(year, 6, 1, tzinfo=dt.UTC).timestamp())
        assert unit_of([str(seconds * scale)]) == unit
    assert unit_of(["2026-11-24T12:00:00Z"]) == "rfc3339"
    assert unit_of(["2026-11-24T12:00:00Z", "1795499000"]) is None
    assert unit_of([1_795_499_000]) is None


@pytest.mark.parametrize("name", ["scoredAtEpoch", "scored_at_epoch", "ScoredAtEpoch", "scored-at-epoch"])
def test_words_of_a_name(name: str) -> None:
    """However a language joins them."""
    assert words_of(name) == {"scored", "at", "epoch"}

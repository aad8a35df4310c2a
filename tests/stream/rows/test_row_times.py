"""Times of rows: every form that a topic takes, and those of files."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from factories import batch, click_layout

from operators.dead_letters import Reason
from operators.formats.times import timestamps_of
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.intake.label_codes import LabelCodes
from operators.settings.source import SourceSettings
from stream.errors import UsageError
from stream.rows.times import milliseconds

MOMENT = datetime(2026, 11, 20, 0, 6, 39, 123_000, tzinfo=UTC)
EPOCH = int(MOMENT.timestamp() * 1_000)
WRITTEN = EPOCH + 60_000
TEXTS = [
    MOMENT.isoformat(),
    MOMENT.isoformat().replace("+00:00", "Z"),
    MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    "2026-11-20T00:06:39.123Z",
    "2026-11-20T00:06:39.123000789Z",
    "2026-11-20T00:06:39.123000000000123+00:00",
    "2026-11-20 00:06:39.123",
    "2026-11-20T00:06:39.123000",
    "2026-11-20 00:06:39.123 UTC",
    str(EPOCH),
    f"{EPOCH / 1000:.3f}",
    "2026-11-20 00:06:39,123",
    "2026-11-20 00:06:39.123+00",
    "2026-11-20 00:06:39.123 +00:00",
    "2026-11-20 05:36:39.123 +0530",
    "2026-11-20T00:06:39.123Z[UTC]",
    "2026-11-20T01:06:39.123+01:00[Europe/Berlin]",
    "20261120T000639.123Z",
    "2026-11-20t00:06:39.123z",
]
"""One moment as encoders of Python, Java, Go, Ruby, C# and databases write it."""


def _times(array: pa.Array) -> list[int | None]:
    times, known = milliseconds(array, "timestamp")
    return [int(time) if is_known else None for time, is_known in zip(times, known, strict=True)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_moment_in_text(text: str) -> None:
    """RFC 3339 with any number of decimals; without an offset it is UTC; numbers by their size."""
    assert _times(pa.array([text, None])) == [EPOCH, None]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("holds", ["predictions", "feedback"])
def test_the_same_moment_in_a_topic(text: str, holds: str) -> None:
    """A topic takes every form that files take, of predictions and of feedback, in plain messages and mapped ones."""
    record = {"model": "click", "prediction_id": "p", "timestamp": text, "features": {"price": 1.0}, "label": 1}
    plain = json.dumps(record).encode()
    mapped = json.dumps({**record, "timestamp": None, "when": {"at": text}}).encode()
    for value, source in ((plain, None), (mapped, 0)):
        assert _read(value, source, holds) == [EPOCH]


def _read(value: bytes, source: int | None, holds: str) -> list[int]:
    """The times of what one message holds."""
    layout = click_layout()
    place = SourceSettings.model_validate({"topic": "t", "holds": holds, "map": {"timestamp": "when.at"}})
    given = replace(batch([value], written=WRITTEN, feedback=holds == "feedback"), source=source)
    if holds == "feedback":
        model = FeedbackModel(layout, LabelCodes("binary"))
        found = DecodeFeedback(FeedbackConfig((model,), 10_000, 5_000, 60_000, {0: place}))(given)
        assert found.dead == ()
        return [int(time) for _, labels in found.labels for time in labels.times]
    parser = (decode := Decode(DecodeConfig((layout,), 10_000, 5_000, 60_000, sources={0: place}))).parser
    parsed = (parser if source is None else decode.mapped[0])(given)
    assert parsed.dead == []
    return [int(time) for time in parsed.stamps]


@pytest.mark.parametrize(
    ("text", "minute"),
    [("2026-11-20T00:06Z", "2026-11-20T00:06:00Z"), ("2026-11-20", "2026-11-20T00:00:00Z")],
)
def test_java_leaves_out_seconds_that_are_zero(text: str, minute: str) -> None:
    """One in sixty messages of a service would be refused otherwise; a date is its first moment."""
    expected = int(datetime.fromisoformat(minute).timestamp() * 1_000)
    assert _times(pa.array([text])) == [expected]
    record = {"model": "click", "prediction_id": "p", "timestamp": text, "features": {"price": 1.0}}
    assert _read(json.dumps(record).encode(), None, "predictions") == [expected]


@pytest.mark.parametrize("text", ["soon", "20/11/2026 00:06", "2026-13-01T00:00Z", "Fri, 20 Nov 2026 00:06:39 GMT", ""])
def test_other_texts_are_no_times(text: str) -> None:
    """They are dead letters in a topic, and refused in a file."""
    record = {"model": "click", "timestamp": text, "features": {"price": 1.0}}
    parsed = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000)).parser(batch([json.dumps(record).encode()]))
    assert [letter.reason for letter in parsed.dead] == [Reason.BAD_TIMESTAMP]
    with pytest.raises(UsageError, match="not a time"):
        _times(pa.array([text]))


def test_texts_of_several_forms_in_one_column() -> None:
    """Each cell is read as it stands."""
    assert _times(pa.array(TEXTS)) == [EPOCH] * len(TEXTS)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3, 1e6])
def test_epoch_numbers_are_told_by_their_size(scale: float) -> None:
    """Seconds, milli-, micro- and nanoseconds, in files and topics alike."""
    assert _times(pa.array([EPOCH * scale])) == [EPOCH]

    class Record:
        timestamp: Any = EPOCH * scale

    stamps, odd = timestamps_of([Record()], np.zeros(1, dtype=np.int64))
    assert (stamps.tolist(), odd) == ([EPOCH], None)


def test_a_topic_takes_a_time_without_an_offset_for_utc() -> None:
    """The rule of files, wherever the service runs."""

    class Record:
        timestamp: Any = MOMENT.replace(tzinfo=None)

    stamps, odd = timestamps_of([Record()], np.zeros(1, dtype=np.int64))
    assert (stamps.tolist(), odd) == ([EPOCH], None)


def test_times_before_the_epoch_and_beyond_64_bits_of_nanoseconds() -> None:
    """Dates of birth and of mortgages are times too."""
    found = _times(pa.array(["1931-05-01", "2424-01-01T00:00:00Z"]))
    expected = [datetime(1931, 5, 1, tzinfo=UTC), datetime(2424, 1, 1, tzinfo=UTC)]
    assert found == [int(moment.timestamp() * 1_000) for moment in expected]


def test_few_cells_that_are_no_time_are_none_and_many_are_refused() -> None:
    """One odd cell does not decide over a column of times."""
    assert _times(pa.array([*[TEXTS[0]] * 40, "soon"])) == [*[EPOCH] * 40, None]
    with pytest.raises(UsageError, match=r"'timestamp': not a time: 'soon'.*--timestamp.*--ignore timestamp"):
        milliseconds(pa.array([TEXTS[0], "soon"]), "timestamp")

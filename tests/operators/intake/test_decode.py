import json
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from factories import START, batch, click, click_layout, record
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.dead_letters import Reason
from operators.intake.decode import Decode, DecodeConfig, Decoded
from operators.records import Origin, RawBatch
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

PANE, LATENESS, AHEAD = 10_000, 5_000, 60_000
LAYOUT = click_layout()
DECODE = Decode(DecodeConfig((LAYOUT, layout_of(click("rank"))), PANE, LATENESS, AHEAD))
GOOD = record()


def reasons(decoded: Decoded) -> list[Reason]:
    """Why records were rejected, in order."""
    return [letter.reason for letter in decoded.dead]


def test_an_empty_batch_carries_the_partition_s_progress_only() -> None:
    """Silence and the end of a partition pass through a batch without messages."""
    decoded = DECODE(batch([], partition=3, partitions=4, silent_until=START, ended=True))
    assert (decoded.read, decoded.columns, decoded.late, decoded.dead, decoded.floor) == (0, {}, {}, (), None)
    origin = decoded.origin
    assert (origin.place, origin.partitions, origin.silent_until, origin.ended) == (("predictions", 3), 4, START, True)


@pytest.mark.parametrize(
    ("value", "records"),
    [
        (GOOD + b"\n" + GOOD, 2),
        (GOOD + b"\n" + GOOD + b"\n", 2),
        (GOOD + b"\r\n\r\n" + GOOD, 2),
        (b"\n" + GOOD, 1),
        (b"  " + GOOD + b"  ", 1),
        (json.dumps(json.loads(GOOD), indent=2).encode(), 1),
        (json.dumps(json.loads(GOOD), indent=2).replace("\n", "\r\n").encode(), 1),
    ],
    ids=["two lines", "a final line break", "Windows lines", "a first line break", "spaces", "pretty", "pretty CRLF"],
)
@pytest.mark.parametrize("company", [0, 3])
def test_a_message_holds_one_object_or_several(value: bytes, records: int, company: int) -> None:
    """Lines are records; an object spread over lines is one; neighbours in the batch are not touched."""
    decoded = DECODE(batch([GOOD] * company + [value]))
    assert decoded.dead == ()
    assert decoded.read == len(decoded.columns["click"].panes) == records + company


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (START + 7, START + 7),
        (float(START + 7), START + 7),
        (START + 7.4, START + 7),
        ("2026-09-21T14:13:20+00:00", START),
        ("2026-09-21T14:13:20Z", START),
        ("2026-09-21T14:13:20.250Z", START + 250),
        ("2026-09-21T16:13:20+02:00", START),
        ("2026-09-21T05:43:20.001-08:30", START + 1),
        ("2026-09-21 14:13:20Z", START),
        (None, START),
    ],
)
@pytest.mark.parametrize("company", [0, 1])
def test_timestamps(given: Any, expected: int, company: int) -> None:
    """RFC 3339 with any offset, epoch milliseconds whole or not, and the message's own time where there is none."""
    fine = Decode(DecodeConfig((LAYOUT,), 1, 100_000, AHEAD))
    decoded = fine(batch([record(START + 9)] * company + [record(given)]))
    assert decoded.dead == ()
    assert decoded.columns["click"].panes[-1] == expected


def test_a_timestamp_may_be_ahead_of_its_message_by_the_limit_and_no_more() -> None:
    """Up to `max_ahead` beyond the time of writing is counted; a millisecond more is a dead letter."""
    decoded = DECODE(batch([record(START + AHEAD), record(START + AHEAD + 1)]))
    assert reasons(decoded) == [Reason.TIMESTAMP_AHEAD]
    assert "without an offset it is UTC" in decoded.dead[0].detail
    assert decoded.dead[0].offset == 1
    assert decoded.columns["click"].panes.tolist() == [(START + AHEAD) // PANE]


def test_a_clock_that_runs_ahead_at_the_producer_does_not_lift_the_limit() -> None:
    """A message that claims to be written in the future is measured by when it was read."""
    raw = batch([record(START + 2 * AHEAD)])
    decoded = DECODE(RawBatch(Origin("p"), raw.values, [START + 2 * AHEAD], raw.envelopes, START))
    assert reasons(decoded) == [Reason.TIMESTAMP_AHEAD]


def test_one_record_from_2099_moves_nothing() -> None:
    """The floor after a batch is that of its plausible records."""
    decoded = DECODE(batch([record(START), record("2099-01-01T00:00:00Z"), record(START + 1)]))
    assert decoded.floor == (START + 1 - LATENESS) // PANE
    assert decoded.late == {}


def test_models_are_told_apart_by_the_record() -> None:
    """Each record goes to the model it names, in its order; one that no model has is a dead letter."""
    decoded = DECODE(batch([record(model="rank"), GOOD, record(model="none"), record(model="rank", version="9")]))
    assert {name: len(columns.panes) for name, columns in decoded.columns.items()} == {"click": 1, "rank": 2}
    assert decoded.columns["rank"].versions == ("1", "9")
    assert reasons(decoded) == [Reason.UNKNOWN_MODEL]


def test_late_records_are_counted_by_model_and_left_out() -> None:
    """The order in the partition decides, whichever model a record belongs to."""
    decoded = DECODE(
        batch(
            [record(START), record(START + 30_000, model="rank"), record(START), record(START, model="rank")],
            written=START + 30_000,
        )
    )
    assert decoded.late == {"click": 1, "rank": 1}
    assert decoded.columns["click"].panes.tolist() == [START // PANE]
    assert decoded.columns["rank"].panes.tolist() == [(START + 30_000) // PANE]
    assert decoded.read == 4


def test_a_late_failure_leaves_no_trace_in_a_batch_that_is_joined() -> None:
    """The one failed prediction of the batch is late: the others fold as if it had never been there."""
    decode = Decode(DecodeConfig((LAYOUT,), PANE, LATENESS, AHEAD, {"click": "binary"}))
    others = [record(START + 60_000, prediction_id="a"), record(START + 61_000, prediction_id="b")]
    late = record(START, prediction_id="c", error="broken")
    found, expected = (decode(batch(lines, written=START + 61_000)) for lines in ([*others, late], others))
    assert found.late == {"click": 1}
    assert len(found.served["click"].ids) == 3
    sketches, plain = (fold(binning_of(LAYOUT), decoded.columns["click"]) for decoded in (found, expected))
    assert sketches.keys() == plain.keys()
    assert all(np.array_equal(sketches[key], plain[key]) for key in plain)


def test_a_clock_that_runs_ahead_makes_nobody_else_late() -> None:
    """Time goes on only as far as the messages prove: one client 55 s ahead is counted, and so are all others."""
    good = [record(START + 10 * at) for at in range(200)]
    ahead = [record(START + 55_000)]
    decoded = DECODE(batch([*good[:50], *ahead, *good[50:]], written=START + 2_000))
    assert decoded.late == {}
    assert len(decoded.columns["click"].panes) == 201


def test_a_message_written_before_2000_without_a_timestamp_is_refused() -> None:
    """A producer whose message timestamps are 0 must not open a pane in 1970."""
    decoded = DECODE(batch([record(None)], written=0))
    assert [letter.reason for letter in decoded.dead] == [Reason.BAD_TIMESTAMP]


@dataclass(frozen=True)
class Stamped:
    """Envelopes that tell which message they belong to."""

    def key(self, index: int) -> bytes | None:
        """A key of its own."""
        return f"key-{index}".encode()

    def headers(self, index: int) -> tuple[tuple[str, bytes | None], ...]:
        """A header of its own."""
        return (("trace", str(index).encode()), ("none", None))

    def offset(self, index: int) -> int:
        """Offsets with holes, as compaction leaves them."""
        return 10 * index


def test_a_dead_letter_keeps_the_whole_envelope() -> None:
    """Key, headers, offset and timestamp are those of the message, also of one record among several."""
    values = [GOOD, b"{", GOOD + b"\n[]\n" + GOOD, b""]
    written = [START, START + 1, START + 2, START + 3]
    decoded = DECODE(RawBatch(Origin("topic", 5, 8), values, written, Stamped(), START))
    letters = sorted(decoded.dead, key=lambda letter: letter.offset)
    assert [(one.value, one.key, one.offset, one.timestamp) for one in letters] == [
        (b"{", b"key-1", 10, START + 1),
        (b"[]", b"key-2", 20, START + 2),
        (b"", b"key-3", 30, START + 3),
    ]
    assert letters[0].headers == (("trace", b"1"), ("none", None))
    assert {(one.topic, one.partition) for one in letters} == {("topic", 5)}
    assert decoded.read == 6


FRAGMENTS = (
    GOOD,
    GOOD + GOOD,
    b"{}",
    b"{}{}",
    b"{",
    b"}",
    GOOD[:-1],
    b'{"model":"click","features":{}',
    b'{"age":1}}',
    b'{"model":"click","features":{"age":1},"x":"}',
    b'{"}',
    b'{"model":"click","features":{"age":1},"x":[{}',
    b"{}]}",
    b'{"model":"click","features":{"age":1},"x":{"y":{}',
    b'{"model":"click","features":{"age":1}}',
    b'{"model":"click","error":"}',
    b'{"model":"click","error":"a\\"}',
)


def readable(value: bytes) -> bool:
    """Whether the message alone is one record of the model."""
    try:
        fields = json.loads(value)
    except ValueError:
        return False
    return fields.get("model") == "click" and ("features" in fields or "error" in fields)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8))
def test_records_spread_over_messages_are_never_put_together(values: list[bytes]) -> None:
    """A message is judged by itself: halves that would fit, and doubled objects that would make up the number."""
    decoded = DECODE(batch(values, first=100))
    bad = [100 + at for at, value in enumerate(values) if not readable(value)]
    assert sorted(letter.offset for letter in decoded.dead) == bad
    assert all(letter.value == values[letter.offset - 100] for letter in decoded.dead)
    assert decoded.read == len(values)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from((*FRAGMENTS, GOOD, GOOD, GOOD)), min_size=1, max_size=12), st.integers(0, 12))
def test_what_becomes_of_a_message_does_not_depend_on_its_batch(values: list[bytes], cut: int) -> None:
    """One batch or two: the same dead letters for the same reasons, the same columns."""
    together = DECODE(batch(values))
    apart = [DECODE(batch(part, first=first)) for first, part in ((0, values[:cut]), (cut, values[cut:]))]
    letters = sorted((one.offset, one.reason, one.value) for part in apart for one in part.dead)
    assert letters == sorted((one.offset, one.reason, one.value) for one in together.dead)
    columns = [part.columns["click"].numeric for part in apart if "click" in part.columns]
    if "click" in together.columns:
        assert np.array_equal(np.concatenate(columns, axis=1), together.columns["click"].numeric, equal_nan=True)


def test_one_bad_record_does_not_change_how_the_others_are_read() -> None:
    """The quick way and the careful way give the same columns."""
    rng = random.Random(3)
    values = [
        record(
            START + rng.randrange(5_000),
            version=rng.choice(["1", "2"]),
            error=rng.choice([None, None, "boom"]),
            latency_ms=rng.choice([None, 3, 4.5]),
            prediction=rng.choice([None, 1, 0.25]),
            features={"age": rng.choice([1, 2.5, None]), "country": rng.choice(["de", "Köln", None])},
        )
        for _ in range(300)
    ]
    quick, careful = DECODE(batch(values)), DECODE(batch([*values, b"{"]))
    assert len(careful.dead) == 1
    one, other = quick.columns["click"], careful.columns["click"]
    assert one.versions == other.versions
    for name in ("panes", "version", "numeric", "categorical", "segments", "latency", "failed"):
        left, right = getattr(one, name), getattr(other, name)
        assert np.array_equal(left, right, equal_nan=left.dtype == np.float64), name


def test_escaped_text_is_read_like_any_other() -> None:
    """Unicode escapes and emoji stand for the category they spell."""
    plain = record(features={"country": "de"})
    escaped = plain.replace(b'"de"', b'"\\u0064\\u0065"')
    decoded = DECODE(batch([plain, escaped, plain.replace(b'"de"', b'"\\ud83d\\ude00"')]))
    assert decoded.dead == ()
    assert decoded.columns["click"].categorical[0].tolist() == [0, 0, 3]


def test_a_record_of_exactly_the_largest_size_is_read() -> None:
    """The limit itself is allowed, alone and in company."""
    room = (1 << 20) - len(GOOD) - len(b',"x":""')
    largest = GOOD[:-1] + b',"x":"' + b"a" * room + b'"}'
    assert len(largest) == 1 << 20
    assert DECODE(batch([largest])).dead == ()
    assert DECODE(batch([GOOD, largest, GOOD])).dead == ()


def test_a_large_message_of_small_records_is_read() -> None:
    """The limit is one for records, not for messages."""
    lines = (1 << 20) // len(GOOD) + 100
    decoded = DECODE(batch([b"\n".join([GOOD] * lines)]))
    assert decoded.dead == ()
    assert decoded.read == lines

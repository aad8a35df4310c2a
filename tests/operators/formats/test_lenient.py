"""One bad field does not kill a record: what fits counts, what does not is set aside and told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from factories import START, batch, click, click_layout, record
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from poison_corpus import GOOD, ODD, SPARED
from shapes import SHAPES, Shape

from operators.dead_letters import Reason
from operators.formats.literals import parsed
from operators.formats.mapped_lines import Reader
from operators.formats.schema import schema_of
from operators.formats.surroundings import Surroundings
from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.fold import Fold
from operators.settings.source import SourceSettings
from stream.simulate.generator import Generator
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.intake.decode import Decoded
    from windows.arrays import IntArray

CONFIG = DecodeConfig((click_layout(),), 10_000, 5_000, 60_000)
DECODE = Decode(CONFIG)
JOINED = Decode(replace(CONFIG, joined={"click": "binary"}))
FIELDS = {field.name: field for field in click_layout().columns}


def vector(decoded: Decoded) -> IntArray:
    """The sketch of all records of a batch."""
    ((_, partial),) = Fold((click_layout(),), 10_000, {"click": 16})(decoded)
    return sum(sketch for (_, _, segment), sketch in partial.sketches.items() if segment == "")


@pytest.mark.parametrize(("value", "name"), SPARED.values(), ids=SPARED)
@pytest.mark.parametrize("company", [0, 1, 50])
def test_a_record_counts_without_the_field_that_is_of_another_type(value: bytes, name: str, company: int) -> None:
    """Alone or among good ones; what was set aside is told by its name, once."""
    decoded = DECODE(batch([GOOD] * company + [value] + [GOOD] * company))
    assert [letter.detail for letter in decoded.dead] == []
    assert decoded.unfit == {name: 1}
    assert decoded.read == decoded.columns["click"].panes.size == 2 * company + 1


@pytest.mark.parametrize("name", ["age", "country", "prediction"])
def test_a_value_of_another_type_has_a_slot_of_its_own(name: str) -> None:
    """It is neither missing nor a value: the other slots are those of the same records without it."""
    changes: dict[str, Any] = {"prediction": ["high"]} if name == "prediction" else {}
    features = {"age": 33, "clicks": 0, "fixed": 7, "country": "de", "member": True}
    if name != "prediction":
        features[name] = {"was": 1}
    good, bad = [record()] * 3, [record(features=features, **changes)] * 2
    mixed, plain = vector(DECODE(batch([*good, *bad]))), vector(DECODE(batch([record()] * 5)))
    field = FIELDS[name]
    assert mixed[field.mismatch] == 2
    assert mixed[field.missing] == plain[field.mismatch] == 0
    assert mixed[field.start : field.stop].sum() == 5
    layout = click_layout()
    others = np.ones(layout.moments, dtype=bool)
    others[field.start : field.stop] = False
    assert mixed[: layout.moments][others].tolist() == plain[: layout.moments][others].tolist()


def test_an_error_of_any_type_is_one() -> None:
    """An object with something in it says that the prediction failed, an empty one says nothing."""
    values = [record(features=None, error={"code": 3}), record(error=[]), record(error=["timeout"])]
    decoded = DECODE(batch(values))
    assert (decoded.read, decoded.dead, decoded.unfit) == (3, (), {})
    failed = decoded.columns["click"].failed
    assert failed is not None
    assert failed.tolist() == [True, False, True]


def test_a_prediction_of_another_type_awaits_no_label() -> None:
    """The join sees a record without a prediction, whose features count."""
    values = [record(prediction_id="a"), record(prediction_id="b", prediction={"p": 1})]
    decoded = JOINED(batch(values))
    assert list(decoded.served["click"].predictions) == [0.3, None]
    assert np.isinf(decoded.columns["click"].numeric[-1]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timestamp": "yesterday"}, Reason.BAD_TIMESTAMP),
        ({"model": "nobody"}, Reason.UNKNOWN_MODEL),
        ({"model": None}, Reason.MISSING_FIELD),
        ({"version": {"major": 1}}, Reason.WRONG_TYPE),
        ({"features": "none"}, Reason.WRONG_TYPE),
    ],
)
def test_what_makes_a_record_unusable_is_the_reason_though_a_feature_is_bad_too(
    changes: Mapping[str, Any], reason: Reason
) -> None:
    """Not whatever field the decoder happened to see first."""
    fields = json.loads(record(features={"age": "old"}, latency_ms="slow")) | dict(changes)
    value = json.dumps({name: field for name, field in fields.items() if field is not None}).encode()
    decoded = DECODE(batch([value, GOOD]))
    assert [letter.reason for letter in decoded.dead] == [reason]
    assert decoded.unfit == {}


def test_an_element_of_an_array_stands_for_itself() -> None:
    """The bad ones are dead letters that say which they are, the good ones and those in part count."""
    source = SourceSettings.model_validate(
        {
            "topic": "t",
            "split": "items",
            "map": {"model": "m", "features": "items.x", "prediction": "items.p", "timestamp": "items.t"},
        }
    )
    decode = Decode(replace(CONFIG, sources={0: source}))
    items = [
        {"x": {"age": 1}, "t": START},
        {"x": {"age": "old"}, "t": START},
        {"x": 5, "t": START},
        {"x": {"age": 2}, "t": "soon"},
    ]
    message = json.dumps({"m": "click", "items": items}).encode()
    decoded = decode(replace(batch([message, message]), source=0))
    assert decoded.columns["click"].numeric[0].tolist() == [1.0, np.inf, 1.0, np.inf]
    assert decoded.read == 8
    assert [
        (letter.reason, letter.detail.split(":")[0], json.loads(letter.value or b"")) for letter in decoded.dead
    ] == [
        (Reason.WRONG_TYPE, "element 2 of items", items[2]),
        (Reason.BAD_TIMESTAMP, "element 3 of items", items[3]),
    ] * 2


GENERATOR = Generator(reference(), seed=2, error_rate=0.1)
ROWS = [json.loads(line) for line in GENERATOR.encode(GENERATOR.batch(40, START, START + 10_000))]


@pytest.mark.parametrize("task", [None, "binary"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_good_record_is_read_field_by_field_as_it_is_read_at_once(shape: Shape, task: Any) -> None:
    """Two ways of reading, one outcome: every shape, every record."""
    source = SourceSettings.model_validate({"topic": "t", **shape.source})
    reader = Reader({"click": schema_of(layout_of(reference()), task).struct}, source)
    for message in shape.messages(ROWS):
        found = reader([message], None, Surroundings(batch([message]), [0]))
        if found.records:
            mended = reader.lenient(message)
            assert [one.record for one in mended] == found.records
            assert not any(one.unfit or one.error for one in mended)


ONE_LINE = {"good": GOOD, **{name: value for name, value in ODD.items() if value.startswith(b"{")}}


@pytest.mark.parametrize("value", ONE_LINE.values(), ids=ONE_LINE)
def test_odd_spellings_are_the_same_either_way(value: bytes) -> None:
    """Beside a bad record each is decoded alone; what it says does not change."""
    assert DECODE.parser.lenient is not None
    (mended,) = DECODE.parser.lenient(value)
    found = parsed(value, DECODE.parser.decoder.decode)
    empty = mended.record if found.context is not None else msgspec.structs.replace(mended.record, context=None)
    assert empty == found


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
MUTATED = st.fixed_dictionaries(
    {"model": st.just("click") | ANYTHING},
    optional={
        "timestamp": st.just(START) | ANYTHING,
        "version": ANYTHING,
        "prediction": ANYTHING,
        "error": ANYTHING,
        "latency_ms": ANYTHING,
        "context": ANYTHING,
        "features": st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANYTHING)) | ANYTHING,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MUTATED, min_size=1, max_size=6))
def test_whatever_a_record_holds_it_is_counted_once(records: list[dict[str, Any]]) -> None:
    """Counted, late or dead: nothing breaks, and folding takes what decoding gives."""
    decoded = DECODE(batch([json.dumps(one).encode() for one in records]))
    counted = sum(columns.panes.size for columns in decoded.columns.values())
    assert decoded.read == len(records) == counted + sum(decoded.late.values()) + len(decoded.dead)
    for columns in decoded.columns.values():
        fold(binning_of(layout_of(click(), ("country", "device"))), columns)


UNITS: dict[str, tuple[Any, Any, str]] = {
    "text where epoch is meant": ("ms", "yesterday", "text that is not of unit epoch, as the map says"),
    "a number where text is meant": ("rfc3339", 1_790_000_000_000, "a number that is not of unit rfc3339"),
    "other words where text is meant": ("rfc3339", "yesterday", "text that is not of unit rfc3339"),
    "words where either is read": (None, "yesterday", "text that is not an RFC 3339 datetime or an epoch time"),
}


@pytest.mark.parametrize("name", UNITS)
def test_a_time_that_is_none_is_a_bad_timestamp(name: str) -> None:
    """Whatever the map says of its unit: not a value of another type."""
    unit, value, said = UNITS[name]
    place = {"path": "meta.at"} if unit is None else {"path": "meta.at", "unit": unit}
    source = SourceSettings.model_validate({"topic": "t", "map": {"timestamp": place, "features": "features"}})
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, sources={0: source}))
    line = json.dumps({"model": "click", "meta": {"at": value}, "features": {"age": 3}}).encode()
    (letter,) = decode(replace(batch([line]), source=0)).dead
    assert letter.reason == Reason.BAD_TIMESTAMP
    assert letter.detail.startswith(f"Invalid datetime: {said}")
    assert letter.detail.endswith("at `$.meta.at`")


@pytest.mark.parametrize("value", [[1], {"s": 1}, True], ids=str)
def test_what_could_be_no_time_at_all_is_of_another_type(value: Any) -> None:
    """An array, an object, a boolean."""
    (letter,) = DECODE(batch([record(timestamp=value)])).dead
    assert letter.reason == Reason.WRONG_TYPE

"""Fields beside a message's value: in its headers, its key, its topic's name; and records that name another model."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from factories import START, batch, click, click_layout
from pydantic import ValidationError

from operators.dead_letters import Reason
from operators.intake.decode import Decode, DecodeConfig
from operators.records import Origin
from operators.settings.source import SourceSettings
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded
    from operators.records import Headers

LAYOUTS = (click_layout(), layout_of(click("rank")))


@dataclass(frozen=True)
class Letters:
    """Envelopes that say what they are told to."""

    keys: Sequence[bytes | None]
    all_headers: Sequence[Headers]

    def key(self, index: int) -> bytes | None:
        """The key."""
        return self.keys[index]

    def headers(self, index: int) -> Headers:
        """The headers."""
        return self.all_headers[index]

    def offset(self, index: int) -> int:
        """The offset."""
        return index


def source(**given: Any) -> SourceSettings:
    """A source."""
    return SourceSettings.model_validate({"topic": "t", **given})


def decoded(
    values: Sequence[bytes],
    given: SourceSettings,
    *,
    keys: Sequence[bytes | None] | None = None,
    headers: Sequence[Headers] | None = None,
    topic: str = "t",
    layouts: Any = LAYOUTS,
) -> Decoded:
    """What becomes of messages with these surroundings."""
    decode = Decode(DecodeConfig(layouts, 10_000, 5_000, 60_000, {"click": "binary"}, {0: given}))
    letters = Letters(keys or [None] * len(values), headers or [()] * len(values))
    return decode(replace(batch(values), source=0, envelopes=letters, origin=Origin(topic)))


def value(**fields: Any) -> bytes:
    """A prediction that says no more than its features."""
    return json.dumps({"features": {"age": 33}, **fields}).encode()


BAD_TOO = pytest.mark.parametrize("bad", [False, True], ids=["all good", "a bad one between"])
"""With a bad record the others are decoded one by one, which must say the same."""


@BAD_TOO
def test_headers_and_the_key_hold_fields(bad: bool) -> None:
    """Of a header that is there twice the last counts; what is absent is a missing value."""
    given = source(
        map={
            "model": {"header": "m"},
            "version": "header:v",
            "timestamp": {"header": "ce_time"},
            "prediction_id": {"key": True},
        }
    )
    values, keys = [value(), value(), value()], [b"a", b"b", None]
    headers: list[Headers] = [
        (("m", b"rank"), ("m", b"click"), ("v", b"3"), ("ce_time", b"2026-09-21T14:13:20Z")),
        (("m", b"rank"), ("v", b"4")),
        (("m", b"click"), ("ce_time", str(START).encode())),
    ]
    if bad:
        values, keys, headers = [*values, b"{oops}"], [*keys, b"c"], [*headers, (("m", b"click"),)]
    read = decoded(values, given, keys=keys, headers=headers)
    assert [letter.reason for letter in read.dead] == [Reason.BROKEN_JSON] * bad
    assert read.columns["click"].versions == ("0", "3")
    assert read.columns["rank"].versions == ("4",)
    assert list(read.served["click"].ids) == ["a", None]
    assert set(read.served["click"].times.tolist()) == {START}


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ({"topic": r"^(\w+)\.v(\d+)"}, {"topic": r"^(\w+)\.v(\d+)", "group": 2}),
        ({"topic": r"(?P<model>\w+)\.v(?P<version>\d+)"}, {"topic": r"(?P<model>\w+)\.v(?P<version>\d+)"}),
    ],
)
def test_a_topic_s_name_says_model_and_version(model: dict[str, Any], version: dict[str, Any]) -> None:
    """By the number of a group, or by a group with the field's name."""
    given = source(map={"model": model, "version": version})
    read = decoded([value()], given, topic="rank.v7.scored")
    assert {name: columns.versions for name, columns in read.columns.items()} == {"rank": ("7",)}
    other = decoded([value()], given, topic="other.v7.scored")
    assert [letter.reason for letter in other.dead] == [Reason.UNKNOWN_MODEL]
    neither = decoded([value()], given, topic="scored")
    assert [letter.reason for letter in neither.dead] == [Reason.MISSING_FIELD]
    assert "the topic's name" in neither.dead[0].detail


@BAD_TOO
def test_a_header_decides_what_is_read(bad: bool) -> None:
    """Others are skipped, whatever they hold."""
    given = source(where={"header": "ce_type", "in": ["scored"]}, map={"model": {"constant": "click"}})
    values = [value(), b'"anything"', value()]
    headers: list[Headers] = [(("ce_type", b"scored"),), (("ce_type", b"audit"),), ()]
    if bad:
        values, headers = [*values, value(timestamp=[])], [*headers, (("ce_type", b"scored"),)]
    read = decoded(values, given, headers=headers)
    assert (read.read, read.skipped, read.columns["click"].panes.size) == (1 + bad, 2, 1)


@BAD_TOO
def test_elements_of_an_array_share_what_surrounds_their_message(bad: bool) -> None:
    """A header is said once a message."""
    given = source(
        split="items", map={"model": "header:m", "version": "header:v", "features": "items.x", "timestamp": None}
    )
    message = json.dumps({"items": [{"x": {"age": 1}}, {"x": {"age": 2}}, *([{"x": 5}] * bad)]}).encode()
    headers: list[Headers] = [(("m", b"click"), ("v", b"1")), (("m", b"click"), ("v", b"2"))]
    read = decoded([message, message], given, headers=headers)
    columns = read.columns["click"]
    assert [columns.versions[at] for at in columns.version.tolist()] == ["1", "1", "2", "2"]
    assert columns.numeric[0].tolist() == [1.0, 2.0, 1.0, 2.0]


@BAD_TOO
def test_a_default_is_the_model_of_records_that_name_none(bad: bool) -> None:
    """One that names another model is not counted as it."""
    given = source(map={"model": {"path": "model", "default": "click"}})
    values = [value(), value(model="click"), value(model="nobody"), value(model={"family": "trees"})]
    read = decoded([*values, *([value(version=[])] * bad)], given, layouts=LAYOUTS[:1])
    assert read.columns["click"].panes.size == 3
    reasons = [Reason.UNKNOWN_MODEL, *([Reason.WRONG_TYPE] * bad)]
    assert [letter.reason for letter in read.dead] == reasons
    several = decoded([value(), value(model="rank")], given)
    assert {name: columns.panes.size for name, columns in several.columns.items()} == {"click": 1, "rank": 1}


def test_a_default_is_no_reason_to_refuse_a_map() -> None:
    """A field that is read from inside of `model` leaves the records without a name."""
    given = source(map={"model": {"path": "model", "default": "click"}, "version": "model.ver"})
    read = decoded([value(model={"ver": 5})], given, layouts=LAYOUTS[:1])
    assert read.columns["click"].versions == ("5",)


@pytest.mark.parametrize(
    "place",
    [
        {"header": "a", "path": "b"},
        {"key": True, "topic": "x"},
        {"topic": "("},
        {"topic": "a(b)", "group": 2},
        {"key": False},
        {"header": ""},
    ],
)
def test_a_place_is_one_place(place: dict[str, Any]) -> None:
    """Two of them, or an expression that is none, are refused."""
    with pytest.raises(ValidationError):
        source(map={"version": place})

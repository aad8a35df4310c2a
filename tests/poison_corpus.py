"""Kinds of bad messages: what each holds, what becomes of it, and why."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from factories import record

from operators.dead_letters import MAX_RECORD_BYTES, Reason

GOOD = record(None)
"""A record without a timestamp: the message's own counts."""


@dataclass(frozen=True)
class Poison:
    """One kind.

    Attributes:
        name: what is wrong.
        value: the message.
        reason: of each of its dead letters.
        dead: the bytes of each dead letter in order; the whole message if empty.
        good: records of the message that are fine.
    """

    name: str
    value: bytes | None
    reason: Reason
    dead: tuple[bytes | None, ...] = ()
    good: int = 0

    @property
    def letters(self) -> tuple[bytes | None, ...]:
        """The bytes of each dead letter."""
        return self.dead or (self.value,)


def feature(text: bytes) -> bytes:
    """A record whose feature `age` is this text."""
    return b'{"model":"click","version":"1","features":{"age":' + text + b',"country":"de"}}'


def field(text: bytes) -> bytes:
    """A record with this text as a field of its own."""
    return b'{"model":"click",' + text + b',"features":{"age":33}}'


CORPUS = (
    Poison("zero bytes", b"", Reason.EMPTY),
    Poison("white space", b" \t\r ", Reason.EMPTY),
    Poison("line breaks only", b"\n\n\r\n", Reason.EMPTY),
    Poison(
        "longer than a megabyte", feature(b"1")[:-1] + b',"x":"' + b"a" * MAX_RECORD_BYTES + b'"}', Reason.OVERSIZED
    ),
    Poison("cut off", GOOD[:-7], Reason.BROKEN_JSON),
    Poison("cut off after a surrogate pair", field(b'"error":"\\ud83d\\ude00"')[:-3], Reason.BROKEN_JSON),
    Poison("the tail of a record", GOOD[17:], Reason.BROKEN_JSON),
    Poison("two records on one line", GOOD + GOOD, Reason.BROKEN_JSON),
    Poison("a trailing comma", GOOD[:-1] + b",}", Reason.BROKEN_JSON),
    Poison("a comma behind the record", GOOD + b",", Reason.BROKEN_JSON),
    Poison("single quotes", GOOD.replace(b'"', b"'"), Reason.BROKEN_JSON),
    Poison("a byte order mark", b"\xef\xbb\xbf" + GOOD, Reason.BROKEN_JSON),
    Poison("UTF-16", GOOD.decode().encode("utf-16"), Reason.BROKEN_JSON),
    Poison("Avro with a schema id", b"\x00\x00\x00\x00\x2a\x0aclick\x02\x31", Reason.BROKEN_JSON),
    Poison("gzip, cut off", gzip.compress(GOOD, mtime=0)[:-9], Reason.BAD_FORMAT),
    Poison("XML", b'<prediction model="click"/>', Reason.BROKEN_JSON),
    Poison("nested a hundred thousand deep", field(b'"x":' + b"[" * 100_000 + b"]" * 100_000), Reason.BROKEN_JSON),
    Poison("a raw control character", field(b'"version":"a\x01b"'), Reason.BROKEN_JSON),
    Poison("nan in a string of broken JSON", field(b'"error":"loss is NaN"')[:-2], Reason.BROKEN_JSON),
    Poison("Latin-1", GOOD.replace(b'"de"', b'"S\xe3o Paulo"'), Reason.INVALID_TEXT),
    Poison("a lone surrogate", GOOD.replace(b'"de"', b'"\\ud800"'), Reason.INVALID_TEXT),
    Poison(
        "a surrogate pair the wrong way round", GOOD.replace(b'"de"', b'"\\udc00\\ud800 and more"'), Reason.INVALID_TEXT
    ),
    Poison("NaN as a name", b'{"model":"click",NaN:1,"features":{"age":33}}', Reason.BROKEN_JSON),
    Poison("minus NaN", feature(b"-NaN"), Reason.BROKEN_JSON),
    Poison("infinity in small letters", feature(b"infinity"), Reason.BROKEN_JSON),
    Poison("a number beyond floats", feature(b"1e999"), Reason.NON_FINITE),
    Poison("features as a list", b'{"model":"click","features":[33]}', Reason.WRONG_TYPE),
    Poison("a version as an object", field(b'"version":{"major":1}'), Reason.WRONG_TYPE),
    Poison("a timestamp as a list", field(b'"timestamp":[1]'), Reason.WRONG_TYPE),
    Poison("a bare number", b"3", Reason.WRONG_TYPE),
    Poison("null", b"null", Reason.WRONG_TYPE),
    Poison("a model that is no text", b'{"model":7,"features":{}}', Reason.WRONG_TYPE),
    Poison("an empty object", b"{}", Reason.MISSING_FIELD),
    Poison("no model", b'{"features":{"age":33}}', Reason.MISSING_FIELD),
    Poison("no features and no error", b'{"model":"click","prediction":0.5}', Reason.MISSING_FIELD),
    Poison("features null", b'{"model":"click","features":null}', Reason.MISSING_FIELD),
    Poison("another model", record(None, model="nobody"), Reason.UNKNOWN_MODEL),
    Poison("a model named NUL", b'{"model":"\\u0000","features":{}}', Reason.UNKNOWN_MODEL),
    Poison("an empty model", record(None, model=""), Reason.UNKNOWN_MODEL),
    Poison("a timestamp in words", record("yesterday"), Reason.BAD_TIMESTAMP),
    Poison("a timestamp of 400 digits", record(int("9" * 400)), Reason.BAD_TIMESTAMP),
    Poison("a timestamp that is true", record(timestamp=True), Reason.WRONG_TYPE),
    Poison("the year 2099", record("2099-01-01T00:00:00Z"), Reason.TIMESTAMP_AHEAD),
    Poison("one broken line among good ones", GOOD + b"\n{oops}\n" + GOOD, Reason.BROKEN_JSON, (b"{oops}",), good=2),
    Poison(
        "two bad lines of a message",
        b"\n".join((record(None, model="nobody"), GOOD, record(None, model="nemo"))),
        Reason.UNKNOWN_MODEL,
        (record(None, model="nobody"), record(None, model="nemo")),
        good=1,
    ),
)

SPARED: dict[str, tuple[bytes, str]] = {
    "words where a number is meant": (feature(b'"thirty"'), "features.age"),
    "an integer beyond floats": (feature(b"9" * 400), "features.age"),
    "a list as a feature": (feature(b"[33]"), "features.age"),
    "an object as a category": (b'{"model":"click","features":{"country":{"iso":"de"}}}', "features.country"),
    "context as text": (field(b'"context":"web"'), "context"),
    "a list as a segment": (field(b'"context":{"device":["web"]}'), "context"),
    "latency in words": (field(b'"latency_ms":"fast"'), "latency_ms"),
    "a class where a score is meant": (field(b'"prediction":"cat"'), "prediction"),
    "an object as a prediction": (field(b'"prediction":{"score":1}'), "prediction"),
}
"""Records that count although a field of theirs is of another type, and which field that is."""

ODD: dict[str, bytes] = {
    "a number as text": feature(b'"33"'),
    "a boolean as a number": feature(b"true"),
    "a version as a number": field(b'"version":1'),
    "latency as text": field(b'"latency_ms":"12"'),
    "a timestamp without an offset": record("2026-09-21T12:00:00"),
    "milliseconds as text": record("1790000000000"),
    "gzip": gzip.compress(GOOD, mtime=0),
    "a list of a record": b"[" + GOOD + b"]",
    "nanoseconds": record(1_790_000_000_000_000_000),
    "NaN": feature(b"NaN"),
    "Infinity": feature(b"Infinity"),
    "minus Infinity": feature(b"-Infinity"),
    "NaN in a list": b"[" + feature(b"NaN") + b"]",
    "NaN where nobody reads": field(b'"also":{"NaN":[NaN, -Infinity]}'),
}
"""Spellings that are read for what they mean, as they are in files of rows."""

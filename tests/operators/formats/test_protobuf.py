"""Protobuf: by a file with the types, and by a registry's framing, before the record or in a header."""

from __future__ import annotations

import uuid
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from factories import START, batch
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from protos import AUDIT_AT, MESSAGE, SCORED, SCORED_AT, STRING, Writer, files
from test_formats import MUTATION, NATIVE, PANE, ROWS, mutated, outcome
from test_surroundings import Letters

from operators.dead_letters import Reason
from operators.formats.descriptors import DescriptorError, Types
from operators.formats.map_tree import MapError
from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.fold import Fold
from operators.settings.source import SourceSettings
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from operators.formats.schemas import SchemaKey
    from operators.intake.decode import Decoded
    from operators.records import Headers

LAYOUT = layout_of(reference())
FEATURES = [(field.name, field.numeric) for field in LAYOUT.features]
SCHEMA, NEWER = files(FEATURES), files(FEATURES, newer=True)
WRITE, WRITE_NEWER = Writer(SCHEMA), Writer(NEWER)
OTHERS = "google/protobuf/any.proto"
GUID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@dataclass
class Known:
    """The schemas of a registry that has answered."""

    schemas: dict[SchemaKey, FileDescriptorSet]

    def text(self, key: SchemaKey) -> str | None:
        """One of them."""
        found = self.schemas.get(key)
        return None if found is None else b64encode(found.SerializeToString()).decode()


def decoder(schemas: Known | None = None, file: Path | None = None, **given_: Any) -> Decode:
    """Reads source 0."""
    source = SourceSettings.model_validate({"topic": "t", "format": "protobuf", "schema_file": file, **given_})
    return Decode(DecodeConfig((LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"}, {0: source}, schemas))


def decoded(decode: Decode, messages: Sequence[bytes], headers: Sequence[Headers] | None = None) -> Decoded:
    """What becomes of messages."""
    letters = Letters([None] * len(messages), headers or [()] * len(messages))
    return decode(replace(batch(messages, written=START), source=0, envelopes=letters))


def framed(record: bytes, number: int, at: bytes = SCORED_AT) -> bytes:
    """Behind the id of its schema, and where its type is."""
    return b"\0" + number.to_bytes(4, "big") + at + record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A descriptor set."""
    found = tmp_path / "shop.desc"
    found.write_bytes(SCHEMA.SerializeToString())
    return found


def test_a_file_s_type_is_that_of_all_messages(file: Path) -> None:
    """Rows in Protobuf are read as the native ones are, framed or not."""
    messages = [framed(WRITE(row), 9) if number % 2 else WRITE(row) for number, row in enumerate(ROWS)]
    assert outcome(decoded(decoder(file=file, message=SCORED), messages)) == NATIVE


def test_each_message_is_read_by_the_schema_that_it_was_written_with() -> None:
    """A new writer's schema in the middle of the stream, ids before the record and in headers, and a GUID."""
    decode = decoder(Known({7: SCHEMA, 8: NEWER, str(GUID): NEWER}))
    messages, headers = [], []
    for number, row in enumerate(ROWS):
        kind = number % 4
        record = WRITE(row) if kind in {0, 2} else WRITE_NEWER({"trace": "t", **row})
        messages.append(framed(record, 7 + kind) if kind < 2 else record)
        in_header = (b"\0\0\0\0\7" if kind == 2 else b"\1" + GUID.bytes) + SCORED_AT
        headers.append((("__value_schema_id", in_header),) if kind >= 2 else ())
    assert outcome(decoded(decode, messages, headers)) == NATIVE


def test_a_reader_of_the_older_schema_reads_a_newer_writer(file: Path) -> None:
    """Fields that a file does not know are passed over."""
    messages = [WRITE_NEWER({"trace": "t", **row}) for row in ROWS]
    assert outcome(decoded(decoder(file=file, message=SCORED), messages)) == NATIVE


def test_messages_of_another_type_are_skipped_where_one_is_named() -> None:
    """A topic may hold several types; without a name all of them are read."""
    audit = framed(b"\x0a\x02me", 7, AUDIT_AT)
    named = decoded(decoder(Known({7: SCHEMA}), message=SCORED), [audit, framed(WRITE(ROWS[0]), 7), audit])
    assert (named.read, named.skipped, named.dead) == (1, 2, ())
    anything = decoded(decoder(Known({7: SCHEMA})), [audit, framed(WRITE(ROWS[0]), 7)])
    assert [(letter.offset, letter.reason) for letter in anything.dead] == [(0, Reason.MISSING_FIELD)]


def test_what_cannot_be_read_has_its_reason(file: Path) -> None:
    """A schema or type that the registry does not have, no framing, no indexes, a cut record, an unusable schema."""
    lacking = FileDescriptorSet(file=[SCHEMA.file[1]])
    good = framed(WRITE(ROWS[0]), 7)
    bad = {
        framed(WRITE(ROWS[0]), 8): Reason.UNKNOWN_SCHEMA,
        framed(WRITE(ROWS[0]), 9): Reason.UNKNOWN_SCHEMA,
        framed(WRITE(ROWS[0]), 7, b"\x02\x04"): Reason.UNKNOWN_SCHEMA,
        framed(WRITE(ROWS[0]), 7, b"\x04\x02\x00"): Reason.UNKNOWN_SCHEMA,
        framed(b"", 7, b"\x01"): Reason.BAD_FORMAT,
        framed(b"", 7, b"\xff\xff\xff\xff\xff"): Reason.BAD_FORMAT,
        b"\0\0\0\0\7": Reason.BAD_FORMAT,
        WRITE(ROWS[0]): Reason.BAD_FORMAT,
        good[:-3]: Reason.BAD_FORMAT,
        b'{"model": "click"}': Reason.BAD_FORMAT,
        b"": Reason.EMPTY,
    }
    found = decoded(decoder(Known({7: SCHEMA, 9: lacking})), [good, *bad, good])
    assert {letter.value: letter.reason for letter in found.dead} == bad
    assert found.columns["click"].panes.size == 2
    other = decoded(decoder(file=file, message=SCORED), [framed(b"\x0a\x02me", 7, AUDIT_AT)])
    assert [letter.reason for letter in other.dead] == [Reason.BAD_FORMAT]


def test_a_type_that_changed_is_a_mismatch() -> None:
    """A writer that turned a number into text: the feature is set aside, the rest counts."""
    name = next(name for name, numeric in FEATURES if numeric)
    changed = files([(one, numeric and one != name) for one, numeric in FEATURES])
    row = {**ROWS[0], "features": {**ROWS[0]["features"], name: "a lot"}}
    found = decoded(decoder(Known({7: changed})), [framed(Writer(changed)(row), 7)])
    assert (found.dead, found.unfit) == ((), {f"features.{name}": 1})


@pytest.mark.parametrize(
    ("message", "field", "said"),
    [
        (None, "/message", "one of shop.features.Features, shop.Audit, shop.Scored is needed"),
        ("shop.Scores", "/message", "one of shop.features.Features, shop.Audit, shop.Scored is needed"),
    ],
)
def test_a_type_that_the_file_lacks_is_refused(file: Path, message: str | None, field: str, said: str) -> None:
    """At its key, with those that there are."""
    with pytest.raises(MapError) as caught:
        decoder(file=file, message=message)
    assert caught.value.field == field
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (b"", "no descriptor set"),
        (b"syntax = 'proto3';", "no descriptor set"),
        (FileDescriptorSet(file=[SCHEMA.file[1]]).SerializeToString(), "are its imports there?"),
        (
            FileDescriptorSet(file=[FileDescriptorProto(name="google/protobuf/any.proto")]).SerializeToString(),
            "its own",
        ),
    ],
    ids=["empty", "source text", "no imports", "nothing of its own"],
)
def test_what_is_no_descriptor_set_is_refused(given_: bytes, said: str) -> None:
    """With what makes one."""
    with pytest.raises(DescriptorError, match=said):
        Types(given_)


def every_kind() -> FileDescriptorSet:
    """A type with a field of each kind, itself in itself."""
    of = FieldDescriptorProto
    found = FileDescriptorProto(name="all.proto", package="all", syntax="proto3")
    found.dependency.extend(
        f"google/protobuf/{name}.proto" for name in ("timestamp", "duration", "struct", "wrappers", "empty")
    )
    message = found.message_type.add(name="All")
    color = message.enum_type.add(name="Color")
    for number, name in enumerate(("RED", "BLUE")):
        color.value.add(name=name, number=number)
    pairs = message.nested_type.add(name="PairsEntry")
    pairs.options.map_entry = True
    pairs.field.add(name="key", number=1, type=of.TYPE_BOOL, label=of.LABEL_OPTIONAL)
    pairs.field.add(name="value", number=2, type=MESSAGE, type_name=".all.All", label=of.LABEL_OPTIONAL)
    kinds: list[tuple[str, Any, str, bool]] = [
        ("number", of.TYPE_INT64, "", False),
        ("color", of.TYPE_ENUM, ".all.All.Color", False),
        ("colors", of.TYPE_ENUM, ".all.All.Color", True),
        ("texts", STRING, "", True),
        ("pairs", MESSAGE, ".all.All.PairsEntry", True),
        ("inner", MESSAGE, ".all.All", False),
        ("at", MESSAGE, ".google.protobuf.Timestamp", False),
        ("took", MESSAGE, ".google.protobuf.Duration", False),
        ("anything", MESSAGE, ".google.protobuf.Struct", False),
        ("wrapped", MESSAGE, ".google.protobuf.DoubleValue", False),
        ("none", MESSAGE, ".google.protobuf.StringValue", False),
        ("class", of.TYPE_BOOL, "", False),
    ]
    for at, (name, kind, of_type, many) in enumerate(kinds, 1):
        label = of.LABEL_REPEATED if many else of.LABEL_OPTIONAL
        message.field.add(name=name, number=at, type=kind, type_name=of_type or None, label=label)
    return FileDescriptorSet(file=[found])


def test_every_kind_of_field_is_the_plain_value_that_it_stands_for() -> None:
    """Presence, enums, maps, a type within itself, and Protobuf's own types of times and values."""
    schema = every_kind()
    kind = Types(schema.SerializeToString()).of((0,))
    pool = DescriptorPool()
    for name in schema.file[0].dependency:
        module = __import__(f"google.protobuf.{name.split('/')[-1].removesuffix('.proto')}_pb2", fromlist=["x"])
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.Add(schema.file[0])
    message = GetMessageClass(pool.FindMessageTypeByName("all.All"))()
    said = {
        "color": "BLUE",
        "colors": ["RED", "BLUE"],
        "texts": ["a"],
        "pairs": {"true": {"number": "7"}},
        "inner": {"inner": {"number": "8"}},
        "at": "2026-01-02T03:04:05.678Z",
        "took": "1.5s",
        "anything": {"a": [1, None, {"b": True}]},
        "wrapped": 0,
    }
    json_format.ParseDict(said, message)
    empty = kind(b"")
    assert empty == {
        **dict.fromkeys(("inner", "at", "took", "anything", "wrapped", "none")),
        "number": 0,
        "color": "RED",
        "colors": [],
        "texts": [],
        "pairs": {},
        "class": False,
    }
    assert kind(message.SerializeToString()) == {
        **empty,
        **{name: said[name] for name in ("color", "colors", "texts", "anything")},
        "pairs": {"true": {**empty, "number": 7}},
        "inner": {**empty, "inner": {**empty, "number": 8}},
        "at": "2026-01-02T03:04:05.678000+00:00",
        "took": 1.5,
        "wrapped": 0.0,
    }
    assert kind(b"\x10\x09")["color"] == 9  # a newer writer's
    assert kind(b"\x3a\x0a\x08\xff\xff\xff\xff\xff\xff\x07\x10\x00")["at"] == 2**45 - 1  # beyond the year 9999


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(MUTATION, min_size=1, max_size=3), min_size=1, max_size=5))
def test_whatever_bytes_come_each_record_is_counted_once(all_changes: list[list[tuple[int, int, str]]]) -> None:
    """Nothing breaks, and read = counted + late + dead, exactly."""
    good = framed(WRITE(ROWS[0]), 7)
    found = decoded(FUZZED, [mutated(good, changes) for changes in all_changes])
    counted = sum(columns.panes.size for columns in found.columns.values())
    assert found.read == counted + sum(found.late.values()) + len(found.dead)
    Fold((LAYOUT,), PANE, {"click": 16})(found)


FUZZED = decoder(Known({7: SCHEMA}))

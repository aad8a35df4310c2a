"""Avro: by a file with the schema, and by a registry's framing, before the record or in a header."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from factories import START, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from test_formats import MUTATION, NATIVE, PANE, ROWS, mutated, outcome
from test_surroundings import Letters

from operators.dead_letters import Reason
from operators.formats.avro import parsed
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
FEATURES = [
    {"name": field.name, "type": ["null", "double" if field.numeric else "string"], "default": None}
    for field in LAYOUT.features
]
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Prediction",
    "fields": [
        {"name": "prediction_id", "type": "string"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "model", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "prediction", "type": ["null", "double"]},
        {"name": "latency_ms", "type": ["null", "double"]},
        {"name": "error", "type": ["null", "string"], "default": None},
        {
            "name": "features",
            "type": ["null", {"type": "record", "name": "Features", "fields": FEATURES}],
            "default": None,
        },
    ],
}
NEWER = {**SCHEMA, "fields": [{"name": "trace", "type": "string"}, *reversed(SCHEMA["fields"])]}
"""A later writer's: another field first, the others in another order."""
GUID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@dataclass
class Known:
    """The schemas of a registry that has answered."""

    schemas: dict[SchemaKey, Any]

    def text(self, key: SchemaKey) -> str | None:
        """One of them."""
        return json.dumps(self.schemas[key]) if key in self.schemas else None


def written(row: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> bytes:
    """A row as Avro; times in whole milliseconds, as the native rows have them."""
    stream = io.BytesIO()
    stamp = round(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), {"trace": "t", **row, "timestamp": stamp})
    return stream.getvalue()


def decoder(schemas: Known | None = None, file: Path | None = None, **given_: Any) -> Decode:
    """Reads source 0."""
    source = SourceSettings.model_validate({"topic": "t", "format": "avro", "schema_file": file, **given_})
    return Decode(DecodeConfig((LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"}, {0: source}, schemas))


def decoded(decode: Decode, messages: Sequence[bytes], headers: Sequence[Headers] | None = None) -> Decoded:
    """What becomes of messages."""
    letters = Letters([None] * len(messages), headers or [()] * len(messages))
    return decode(replace(batch(messages, written=START), source=0, envelopes=letters))


def framed(record: bytes, number: int) -> bytes:
    """Behind the id of its schema."""
    return b"\0" + number.to_bytes(4, "big") + record


def test_a_file_s_schema_is_that_of_all_messages(tmp_path: Path) -> None:
    """Rows in Avro are read as the native ones are."""
    (tmp_path / "p.avsc").write_text(json.dumps(SCHEMA))
    assert outcome(decoded(decoder(file=tmp_path / "p.avsc"), [written(row) for row in ROWS])) == NATIVE


def test_each_message_is_read_by_the_schema_that_it_was_written_with() -> None:
    """A new writer's schema in the middle of the stream, ids before the record and in headers, and a GUID."""
    decode = decoder(Known({7: SCHEMA, 8: NEWER, str(GUID): NEWER}))
    messages, headers = [], []
    for number, row in enumerate(ROWS):
        kind = number % 4
        record = written(row, SCHEMA if kind in {0, 2} else NEWER)
        messages.append(framed(record, 7 + kind) if kind < 2 else record)
        in_header = b"\0\0\0\0\7" if kind == 2 else b"\1" + GUID.bytes
        headers.append((("__value_schema_id", in_header),) if kind >= 2 else ())
    assert outcome(decoded(decode, messages, headers)) == NATIVE


def test_what_cannot_be_read_has_its_reason() -> None:
    """A schema that the registry does not have, no framing, a cut record, bytes behind it, another schema's record."""
    decode = decoder(Known({7: SCHEMA, 9: {"type": "enum"}}))
    good = framed(written(ROWS[0]), 7)
    bad = {
        framed(written(ROWS[0]), 8): Reason.UNKNOWN_SCHEMA,
        framed(written(ROWS[0]), 9): Reason.UNKNOWN_SCHEMA,
        written(ROWS[0]): Reason.BAD_FORMAT,
        good[:-3]: Reason.BAD_FORMAT,
        good + b"x": Reason.BAD_FORMAT,
        b'{"model": "click"}': Reason.BAD_FORMAT,
        b"": Reason.EMPTY,
    }
    found = decoded(decode, [good, *bad, good])
    assert {letter.value: letter.reason for letter in found.dead} == bad
    assert found.columns["click"].panes.size == 2


def test_a_type_that_changed_is_a_mismatch() -> None:
    """A writer that turned a number into text: the feature is set aside, the rest counts."""
    changed = json.loads(json.dumps(SCHEMA))
    changed["fields"][-1]["type"][1]["fields"][1]["type"] = ["null", "string"]
    name = FEATURES[1]["name"]
    row = {**ROWS[0], "features": {**ROWS[0]["features"], name: "a lot"}}
    found = decoded(decoder(Known({7: changed})), [framed(written(row, changed), 7)])
    assert (found.dead, found.unfit) == ((), {f"features.{name}": 1})


@pytest.mark.parametrize("text", ["", "{}", '{"type": "record"}', '{"type": "array", "items": "null"}', '"nothing"'])
def test_what_is_no_schema_is_refused(text: str) -> None:
    """Also one by which nine bytes stand for 2^60 values."""
    with pytest.raises(ValueError, match=r"schema|nulls"):
        parsed(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(MUTATION, min_size=1, max_size=3), min_size=1, max_size=5))
def test_whatever_bytes_come_each_record_is_counted_once(all_changes: list[list[tuple[int, int, str]]]) -> None:
    """Nothing breaks, and read = counted + late + dead, exactly."""
    good = framed(written(ROWS[0]), 7)
    found = decoded(FUZZED, [mutated(good, changes) for changes in all_changes])
    counted = sum(columns.panes.size for columns in found.columns.values())
    assert found.read == counted + sum(found.late.values()) + len(found.dead)
    Fold((LAYOUT,), PANE, {"click": 16})(found)


FUZZED = decoder(Known({7: SCHEMA}))

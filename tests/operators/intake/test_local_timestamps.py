"""Times without an offset in messages: of the zone that the source's map names, in every format alike."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import fastavro
import msgspec
import pyarrow as pa
import pytest
from factories import batch, click_layout

from operators.intake import tabular
from operators.intake.decode import Decode, DecodeConfig
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BERLIN = "Europe/Berlin"
LOCAL = (
    "2026-01-14T12:00:00",
    "2026-03-29 01:59:59.999999",
    "2026-03-29 02:30:00",
    "2026-03-29T03:00:00.5",
    "2026-07-14T12:00:00.000500",
    "2026-10-25T02:30:00",
    "2026-10-25T03:00:00",
)
ODD = ("2026-03-29 02:30", "2026-07-14T12:00", "2026-07-14 12:00:00,250", "2026-07-14")
OFFSET = ("2026-07-14T12:00:00Z", "2026-07-14T12:00:00+05:00", "2026-07-14T12:00+02:00[Europe/Berlin]")


def moment(text: str) -> int:
    """By zoneinfo, ms."""
    found = dt.datetime.fromisoformat(text.partition("[")[0])
    return round((found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(BERLIN))).timestamp() * 1e3)


WRITTEN = moment("2027-01-01T00:00:00Z")


def times(values: list[Any], form: str = "json", unit: dict[str, Any] | None = None, **more: Any) -> list[int]:
    """Event times of the records of some messages, in the order of the messages."""
    given = {"timestamp": {"path": "when", "timezone": BERLIN, **(unit or {})}}
    source = SourceSettings.model_validate({"topic": "t", "format": form, "map": given, **more})
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, {"click": "binary"}, {0: source}))
    found = decode(replace(batch(values, written=WRITTEN), source=0))
    assert not found.dead
    served = found.served["click"]
    at = dict(zip(served.ids, served.times.tolist(), strict=True))
    return [at[str(number)] for number in range(len(at))]


def record(number: int, when: Any) -> dict[str, Any]:
    """A prediction whose id is its place."""
    features = {"age": 33.0, "price": 7.0}
    return {"model": "click", "when": when, "prediction_id": str(number), "prediction": 0.25, "features": features}


def records(given: Sequence[Any]) -> list[dict[str, Any]]:
    """A prediction of each time."""
    return [record(number, when) for number, when in enumerate(given)]


ALL = (*LOCAL, *ODD, *OFFSET)


@pytest.mark.parametrize("given", [LOCAL, OFFSET, ALL], ids=["local", "offset", "both"])
@pytest.mark.parametrize("unit", [{}, {"unit": "rfc3339"}], ids=["any", "text"])
def test_json(given: tuple[str, ...], unit: dict[str, str]) -> None:
    """One a message, several in one, and many at once."""
    lines = [json.dumps(one).encode() for one in records(given)]
    expected = [moment(text) for text in given]
    assert times(lines, unit=unit) == expected
    assert times([b"\n".join(lines)], unit=unit) == expected


def test_epoch_times_have_no_zone() -> None:
    """Beside local ones."""
    given = [moment(LOCAL[0]), moment(LOCAL[1]) / 1e3, LOCAL[2]]
    assert times([json.dumps(one).encode() for one in records(given)]) == [moment(text) for text in LOCAL[:3]]


def test_messagepack() -> None:
    """Texts, and its own timestamps, which are moments."""
    own = dt.datetime(2026, 7, 14, 12, tzinfo=dt.UTC)
    found = times([msgspec.msgpack.encode(one) for one in records([*ALL, own])], "msgpack")
    assert found == [*map(moment, ALL), moment("2026-07-14T12:00:00Z")]


@pytest.mark.parametrize("unit", ["millis", "micros"])
def test_local_timestamps_of_avro(tmp_path: Path, unit: str) -> None:
    """Those of the logical type are local, as fastavro writes them; its other timestamps are moments."""
    whole = [dt.datetime.fromisoformat(text).replace(microsecond=0) for text in LOCAL]
    moments = [dt.datetime.fromtimestamp(moment(one.isoformat()) / 1e3, dt.UTC) for one in whole]
    for logical, whens in ((f"local-timestamp-{unit}", whole), (f"timestamp-{unit}", moments)):
        stamp = ["null", {"type": "long", "logicalType": logical}]
        fields = [
            {"name": "model", "type": "string"},
            {"name": "when", "type": stamp},
            {"name": "prediction_id", "type": "string"},
            {"name": "prediction", "type": "double"},
            {"name": "features", "type": {"type": "map", "values": "double"}},
        ]
        schema = {"type": "record", "name": "scored", "fields": fields}
        (tmp_path / "s.avsc").write_text(json.dumps(schema))
        messages = []
        for one in records(whens):
            packed = io.BytesIO()
            fastavro.schemaless_writer(packed, fastavro.parse_schema(schema), one)
            messages.append(packed.getvalue())
        found = times(messages, "avro", schema_file=tmp_path / "s.avsc")
        assert found == [moment(one.isoformat()) for one in whole]


def columns(whens: Any) -> dict[str, Any]:
    """A message of columns."""
    count = len(whens)
    ids = [str(number) for number in range(count)]
    features = {"age": [33.0] * count, "price": [7.0] * count}
    return {"model": "click", "when": whens, "prediction_id": ids, "prediction": [0.25] * count, "features": features}


def arrow(whens: pa.Array) -> bytes:
    """A message of Arrow."""
    tree = columns(whens)
    features = pa.StructArray.from_arrays([pa.array(one) for one in tree["features"].values()], ["age", "price"])
    model = pa.array(["click"] * len(whens))
    plain = {name: tree[name] for name in ("when", "prediction_id", "prediction")}
    table = pa.record_batch({**plain, "model": model, "features": features})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_batch(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


@pytest.mark.parametrize("least", [1, 1_000], ids=["columns", "rows"])
def test_columns_of_texts(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as columns, or row by row."""
    monkeypatch.setattr(tabular, "LEAST", least)
    assert times([json.dumps(columns(list(LOCAL + OFFSET[:2]))).encode()], "columns") == [
        moment(text) for text in LOCAL + OFFSET[:2]
    ]
    assert times([arrow(pa.array(LOCAL))], "arrow") == [moment(text) for text in LOCAL]


@pytest.mark.parametrize("least", [1, 1_000], ids=["columns", "rows"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_arrow(unit: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a zone they are local, with one they are moments; a null is the time of writing."""
    monkeypatch.setattr(tabular, "LEAST", least)
    whole = [dt.datetime.fromisoformat(text).replace(microsecond=0) for text in LOCAL]
    expected = [moment(one.isoformat()) for one in whole]
    assert times([arrow(pa.array([*whole, None], pa.timestamp(unit)))], "arrow") == [*expected, WRITTEN]
    moments = [dt.datetime.fromtimestamp(at / 1e3, dt.UTC) for at in expected]
    assert times([arrow(pa.array(moments, pa.timestamp(unit, "UTC")))], "arrow") == expected

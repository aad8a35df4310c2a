"""Messages of columns: the usual ones become columns at once, all others are read record by record, alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from factories import START, batch, click_layout

from operators.dead_letters import Reason
from operators.intake import tabular
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.tabular import fits
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.intake.decode import Decoded

    Change = Callable[[dict[str, Any]], object]

GOOD: dict[str, Any] = {
    "model": "click",
    "timestamp": [START, START + 1, START + 2],
    "prediction_id": ["a", "b", "c"],
    "prediction": [0.25, None, 1],
    "version": ["1", "2", "1"],
    "latency_ms": [1.5, 2, None],
    "error": [None, None, "no"],
    "features": {"age": [33, None, 34.5], "price": 7},
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are enough."""
    monkeypatch.setattr(tabular, "LEAST", 1)


def decoder(form: str, *, by_rows: bool, joined: bool = True, **more: Any) -> Decode:
    """Reads source 0; `by_rows` not as columns."""
    source = SourceSettings.model_validate({"topic": "t", "format": form, **more})
    tasks = {"click": "binary"} if joined else {}
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, tasks, {0: source}))
    if by_rows:
        decode.tabular = {}
    return decode


def written(tree: dict[str, Any], form: str) -> bytes:
    """A message of columns."""
    if form == "columns":
        return json.dumps(tree).encode()
    count = next(len(one) for one in tree.values() if isinstance(one, list))
    table = pa.record_batch({name: _array(value, count) for name, value in tree.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_batch(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def _array(value: Any, count: int) -> pa.Array:
    if isinstance(value, dict):
        return pa.StructArray.from_arrays([_array(one, count) for one in value.values()], names=list(value))
    return value if isinstance(value, pa.Array) else pa.array(value if isinstance(value, list) else [value] * count)


def said(read: Decoded) -> Any:
    """All that becomes of a batch, as it can be compared."""
    columns = {
        name: [(at, np.asarray(getattr(one, at)).tolist()) for at in ("panes", "versions", "version", "failed")]
        + [(at, np.nan_to_num(getattr(one, at), nan=-1.0).tolist()) for at in ("numeric", "categorical", "latency")]
        for name, one in read.columns.items()
    }
    served = {name: (list(one.ids), one.times.tolist(), list(one.predictions)) for name, one in read.served.items()}
    return columns, served, read.late, read.dead, read.floor, read.read, read.skipped, dict(read.unfit)


def both_ways(message: bytes, form: str, **more: Any) -> tuple[Decoded, bool]:
    """What becomes of a message between good ones, the same either way, and whether it was read as columns."""
    raw = replace(batch([written(GOOD, form), message, written(GOOD, form)]), source=0)
    fast, slow = (decoder(form, by_rows=by_rows, **more) for by_rows in (False, True))
    found = fast(raw)
    assert said(found) == said(slow(raw))
    read = fast.tabular[0](replace(batch([message]), source=0))
    return found, read is not None and read.back == []


@pytest.mark.parametrize("form", ["columns", "arrow"])
def test_the_usual_message_is_read_as_columns(form: str) -> None:
    """Missing values, failures, versions, numbers that stand once for all: the same as record by record."""
    found, at_once = both_ways(written(GOOD, form), form)
    assert at_once
    assert (found.read, found.dead) == (9, ())
    assert found.columns["click"].versions == ("1", "2")


def _set(*path: str, to: Any) -> Change:
    def change(tree: dict[str, Any]) -> None:
        for step in path[:-1]:
            tree = tree[step]
        tree[path[-1]] = to

    return change


USUAL: dict[str, Change] = {
    "times as text": _set("timestamp", to=["2026-01-27T20:00:00Z", None, "2026-01-27T20:00:01.5+02:00"]),
    "no times": lambda tree: tree.pop("timestamp"),
    "no ids": lambda tree: tree.pop("prediction_id"),
    "ids as numbers": _set("prediction_id", to=[1, None, 3]),
    "no versions": lambda tree: tree.pop("version"),
    "no errors": lambda tree: tree.pop("error"),
    "errors that are none": _set("error", to=["", "0", None]),
    "no prediction": lambda tree: tree.pop("prediction"),
    "unknown columns": _set("more", to=[1, 2, 3]),
    "models by row": _set("model", to=["click"] * 3),
}

UNUSUAL: dict[str, Change] = {
    "words as numbers": _set("features", "age", to=["33", "old", None]),
    "several models": _set("model", to=["click", "other", "click"]),
    "another model": _set("model", to="other"),
    "no model": lambda tree: tree.pop("model"),
    "no features": lambda tree: tree.pop("features"),
    "a time ahead": _set("timestamp", to=[START, START + 10**9, START]),
    "a time in seconds of 1970": _set("timestamp", to=[START, 5, START]),
    "long ids": _set("prediction_id", to=["x" * 600, "b", "c"]),
    "lists as predictions": _set("prediction", to=[[0.5], [0.25], [0.125]]),
}


@pytest.mark.parametrize("form", ["columns", "arrow"])
@pytest.mark.parametrize(
    ("change", "at_once"),
    [*((change, True) for change in USUAL.values()), *((change, False) for change in UNUSUAL.values())],
    ids=[*USUAL, *UNUSUAL],
)
def test_every_message_is_read_alike(form: str, change: Change, at_once: bool) -> None:
    """Whatever it holds: as columns or record by record comes to the same, rejections with it."""
    tree = {**GOOD, "features": dict(GOOD["features"])}
    change(tree)
    assert both_ways(written(tree, form), form)[1] == at_once


@pytest.mark.parametrize("form", ["columns", "arrow"])
@pytest.mark.parametrize("joined", [False, True], ids=["alone", "joined"])
def test_late_rows_of_a_message_are_late(form: str, joined: bool) -> None:
    """By the order of the rows in it."""
    tree = {**GOOD, "timestamp": [START + 50_000, START, START + 50_000]}
    message = written(tree, form)
    raw = replace(batch([message], written=START + 60_000), source=0)
    found = [decoder(form, by_rows=by_rows, joined=joined)(raw) for by_rows in (False, True)]
    assert said(found[0]) == said(found[1])
    assert found[0].late == {"click": 1}


def test_arrow_types_of_their_own() -> None:
    """Times, dictionaries, narrow numbers and nothing at all are what they stand for."""
    tree = {
        **GOOD,
        "timestamp": pa.array([START, None, START + 2], pa.timestamp("ms", "Europe/Berlin")),
        "model": pa.array(["click"] * 3).dictionary_encode(),
        "version": pa.array(["1", None, "2"]).dictionary_encode(),
        "prediction": pa.array([0.5, 0.25, None], pa.float32()),
        "error": pa.nulls(3),
        "features": {"age": pa.array([1, None, 3], pa.uint8()), "price": pa.array([float("nan"), 1.0, 2.0])},
    }
    found, at_once = both_ways(written(tree, "arrow"), "arrow")
    assert at_once
    assert (found.read, found.dead) == (9, ())


def test_objects_that_are_not_there_are_records_without_features() -> None:
    """A null among objects is told from an object without values."""
    features = pa.StructArray.from_arrays(
        [pa.array([1.0, 2.0, 3.0])], names=["age"], mask=pa.array([False, True, False])
    )
    found, at_once = both_ways(written({**GOOD, "error": [None] * 3, "features": features}, "arrow"), "arrow")
    assert not at_once
    assert [letter.reason for letter in found.dead] == [Reason.MISSING_FIELD]


@pytest.mark.parametrize(
    "more",
    [
        {"where": {"path": "type", "in": ["a"]}},
        {"split": "items"},
        {"preset": "mlrun"},
        {"holds": "both"},
        {"map": {"timestamp": {"path": "t", "unit": "s"}}},
        {"map": {"prediction": {"path": "p", "classes": ["a", "b"]}}},
        {"map": {"latency_ms": {"path": "t", "scale": 2}}},
        {"map": {"model": {"header": "m"}}},
        {"map": {"features": {"path": "x", "names": ["age"]}}},
    ],
    ids=lambda more: next(iter(more)) if "map" not in more else f"map {next(iter(more['map']))}",
)
def test_what_a_map_converts_is_read_record_by_record(more: dict[str, Any]) -> None:
    """Columns are taken as they are, or not at all."""
    assert not fits(SourceSettings.model_validate({"topic": "t", "format": "columns", **more}))
    assert fits(SourceSettings.model_validate({"topic": "t", "format": "columns", "map": {"features": "$"}}))

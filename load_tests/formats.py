"""What a record costs in each shape and format that a source can have, beside the contract's own: no broker.

usage: python load_tests/formats.py [--records N] [--repeats R]

All hold the same rows of the click model (8 numeric, 2 categorical features), decoded and folded in turn, R times, in
CPU time of one thread; the least of each is shown, and its ratio to that of the native shape. In the last row every
record has one feature that is text where a number is meant.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "operators" / "formats")]

import pyarrow as pa  # noqa: E402  the path comes first
import test_protobuf  # noqa: E402  the path comes first
from factories import batch  # noqa: E402  the path comes first
from monitored import reference  # noqa: E402
from packings import FORMATS, arrow, table  # noqa: E402
from presets import ALL  # noqa: E402
from shapes import SHAPES  # noqa: E402
from test_avro import SCHEMA, Known, framed, written  # noqa: E402

from operators.intake.decode import Decode, DecodeConfig  # noqa: E402
from operators.predictions.fold import Fold  # noqa: E402
from operators.settings.source import SourceSettings  # noqa: E402
from stream.engine.garbage import spared  # noqa: E402
from stream.simulate.generator import Generator  # noqa: E402
from windows.predictions.layout import layout_of  # noqa: E402

PANE, LATENESS, AHEAD = 10_000, 5_000, 60_000
START = 1_790_000_000_000
NATIVE = "native"
SEVERAL = 4
"""Rows of a request, where a preset takes several."""


MANY = 1_000
"""Rows of a message that holds columns."""


class Schemas:
    """What a registry has of both formats."""

    def text(self, key: int | str) -> str | None:
        """One of them."""
        return Known({7: SCHEMA}).text(key) or test_protobuf.Known({9: test_protobuf.SCHEMA}).text(key)


PRESETS = ("V2, a tensor a feature", "V1", "Databricks", "MLflow, split")
"""Those that are measured."""


def _shapes(rows: list[Any]) -> list[tuple[str, Any, list[bytes]]]:
    """Name, source and messages of all that is read by a source."""
    shapes = [(shape.name, shape.source, shape.messages(rows)) for shape in SHAPES]
    filtered = next(shape for shape in SHAPES if "where" in shape.source)
    shapes.append(("several places, a filter that all pass", filtered.source, filtered.messages(rows)[::2]))
    shapes += [(form.name, form.source, form.messages(rows)) for form in FORMATS if form.source is not None]
    shapes.append(("Avro, schema registry", {"format": "avro"}, [framed(written(row), 7) for row in rows]))
    in_protobuf = [test_protobuf.framed(test_protobuf.WRITE(row), 9) for row in rows]
    shapes.append(("Protobuf, schema registry", {"format": "protobuf"}, in_protobuf))
    for name, form, write in (("columns in JSON", "columns", _table), ("Arrow", "arrow", _arrow)):
        messages = [write(rows[at : at + MANY]) for at in range(0, len(rows), MANY)]
        shapes.append((f"{name}, {MANY:,} rows a message", {"format": form}, messages))
    for preset in ALL:
        if preset.write is not None and preset.name in PRESETS:
            requests = [rows[at : at + SEVERAL] for at in range(0, len(rows), SEVERAL)]
            shapes.append((preset.name, preset.source, [json.dumps(preset.write(some)).encode() for some in requests]))
    return shapes


def _table(rows: list[Any]) -> bytes:
    return json.dumps(table(rows)).encode()


def _encoded(array: pa.Array) -> pa.Array:
    """Texts as dictionaries, inside of objects too."""
    if pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        return pa.StructArray.from_arrays([_encoded(one) for one in array.flatten()], names=names)
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def _arrow(rows: list[Any]) -> bytes:
    """As Arrow writes them: one record batch, times of its own type, names as dictionaries."""
    with pa.ipc.open_stream(arrow(rows)) as stream:
        whole = stream.read_all().combine_chunks()
    at = whole.schema.get_field_index("timestamp")
    times = whole.column(at).cast(pa.timestamp("ms", "UTC"))
    whole = whole.set_column(at, "timestamp", times)
    for name in ("version", "features"):
        at = whole.schema.get_field_index(name)
        whole = whole.set_column(at, name, _encoded(whole.column(at).combine_chunks()))
    (one,) = whole.to_batches()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, one.schema) as stream:
        stream.write_batch(one)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=8_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    layout = layout_of(reference())
    generator = Generator(reference(), seed=1)
    rows = [json.loads(line) for line in generator.encode(generator.batch(options.records, START, START + PANE))]
    for row in rows:
        row["prediction_id"], row["latency_ms"] = "r/0", round(row["latency_ms"])
    shapes = _shapes(rows)
    sources = {
        number: SourceSettings.model_validate({"topic": "t", **source}) for number, (_, source, _) in enumerate(shapes)
    }
    decode = Decode(DecodeConfig((layout,), PANE, LATENESS, AHEAD, {}, sources, Schemas()))
    fold = Fold((layout,), PANE, {"click": 16})
    batches = {NATIVE: batch([json.dumps(row).encode() for row in rows])}
    for number, (name, _, messages) in enumerate(shapes):
        batches[name] = replace(batch(messages), source=number)
    for form in FORMATS:
        if form.source is None:
            batches[form.name] = batch(form.messages(rows))
    flipped = [{**row, "features": {**row["features"], "price": "text"}} for row in rows]
    batches["native, a feature of another type"] = batch([json.dumps(row).encode() for row in flipped])
    least: dict[str, tuple[float, float]] = {}
    with spared():
        for _ in range(options.repeats):
            for name, raw in batches.items():
                began = time.process_time()
                decoded = decode(raw)
                between = time.process_time()
                list(fold(decoded))
                ended = time.process_time()
                if decoded.read != len(rows) or decoded.dead:
                    raise RuntimeError(f"{name}: {decoded.read} records read, {len(decoded.dead)} refused")
                before = least.get(name, (1e9, 1e9))
                least[name] = (min(before[0], between - began), min(before[1], ended - began))
    print(f"{'shape':40} {'bytes':>6} {'decode us':>10} {'with fold us':>13} {'ratio':>6}")
    for name, raw in batches.items():
        decoding, whole = (1e6 * seconds / len(rows) for seconds in least[name])
        size = sum(len(value or b"") for value in raw.values) / len(rows)
        print(
            f"{name:40} {size:6.0f} {decoding:10.2f} {whole:13.2f} {whole / (1e6 * least[NATIVE][1] / len(rows)):6.2f}"
        )


if __name__ == "__main__":
    main()

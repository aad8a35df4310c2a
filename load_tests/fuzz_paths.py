"""Messages that have a fast way, as driftgauge-native or columns at once, are read record by record, too, and compared.

`fuzz.py` reads what is here beside the tests' own messages: tables large enough to be columns at once, and sources with
a filter, of which every way must choose the same messages.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402  the path comes first
import packings  # noqa: E402
import shapes  # noqa: E402
from native_rows import seen  # noqa: E402

from operators.formats.mapped_lines import MappedParser  # noqa: E402
from operators.intake.decode import Decode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.intake.decode import DecodeConfig, Decoded
    from operators.records import Headers

Row = dict[str, Any]

ROWS = 40
"""Rows of a table that is read as columns: see `operators.intake.tabular.LEAST`."""

KINDS = ("score", "audit", "score", "Score", "1")
HEADER: Row = {"where": {"header": "kind", "in": ["score", 1]}}
NESTED: Row = {"where": {"path": "meta.0.kind", "in": ["score", 1, True]}}
ON_TOP: Row = {"where": {"path": "kind", "in": ["score", "1"]}}


def filtered(rows: Sequence[Row]) -> Iterator[tuple[str, Row, list[bytes], list[Headers]]]:
    """Name, source, messages and headers of each form with a filter, or with many rows a message."""
    tables = [list(rows[at : at + ROWS]) for at in range(0, len(rows) - ROWS, ROWS // 4)]
    writers = {"columns": lambda some: json.dumps(packings.table(some)).encode(), "arrow": packings.arrow}
    for form, write in writers.items():
        messages = [write(some) for some in tables]
        yield f"{form}, {ROWS} rows", {"format": form}, messages, [()] * len(messages)
        yield f"{form}, a filter of a header", {"format": form, **HEADER}, messages, headers(len(messages))
    plain = [json.dumps(row).encode() for row in rows]
    yield "native, a filter of a header", HEADER, plain, headers(len(plain))
    shop = [json.dumps(shapes.shop_like(row)).encode() for row in rows]
    yield "shop, a filter of a header", {**shapes.SHOP, **HEADER}, shop, headers(len(shop))
    for name, source in (("on top", ON_TOP), ("of a field at depth", NESTED)):
        kinds = (*KINDS, 1, True, None, 1.0)
        marked = [{**row, **_kind(kinds[number % len(kinds)])} for number, row in enumerate(rows)]
        messages = [json.dumps(row).encode() for row in marked]
        yield f"native, a filter {name}", source, messages, [()] * len(messages)


def _kind(kind: Any) -> Row:
    return {"kind": kind, "meta": [{"kind": kind}]}


def headers(count: int) -> list[Headers]:
    """The kinds in turn."""
    return [(("kind", KINDS[number % len(KINDS)].encode()),) for number in range(count)]


def ways(config: DecodeConfig) -> tuple[Decode, list[Decode]]:
    """What reads as the monitor does, and what reads record by record, where the former has a faster way."""
    fast = Decode(config)
    if all(fast.reader_of(source) is None for source in (config.sources or {None: None})):
        return fast, []
    slow, looking = (Decode(replace(config, native=None)) for _ in range(2))
    slow.tabular = looking.tabular = {}
    parser = looking.mapped.get(0)
    if not isinstance(parser, MappedParser) or parser.reader.kinds is None:
        return fast, [slow]
    parser.reader.kinds = None
    return fast, [slow, looking]


def differs(one: Decoded, other: Decoded) -> str:
    """Where two ways of reading differ; empty where they do not."""
    first, second = _plain(seen(one)), _plain(seen(other))
    for name, value in first.items():
        if value != second[name]:
            return f"{name} differs: {str(value)[:400]} and {str(second[name])[:400]}"
    return ""


def _plain(found: Row) -> Row:
    """With every NaN the same one, and dead letters in the order of their messages."""
    found["dead"] = sorted(found["dead"], key=lambda letter: (letter.offset, letter.reason, letter.value or b""))
    found["columns"] = [
        (model, {name: _one_nan(value) for name, value in some.items()}) for model, some in found["columns"]
    ]
    found["served"] = [
        (name, {at: _one_nan(each) for at, each in some.items()}, *rest) for name, some, *rest in found["served"]
    ]
    return found


def _one_nan(value: Any) -> Any:
    if not isinstance(value, tuple) or len(value) != 3 or value[0] != "<f8":
        return value
    held = np.frombuffer(value[2]).copy()
    held[np.isnan(held)] = np.nan
    return (*value[:2], held.tobytes())

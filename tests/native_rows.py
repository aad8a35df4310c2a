"""Rows of predictions as bytes, from ordinary to hostile, and what two readers of them must agree on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from factories import START

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from operators.intake.decode import Decoded
    from windows.predictions.columns import Columns

INTEGERS = ("0", "-0", "7", "-7", "33", "007", "9007199254740993", "-9007199254740993", "123456789012345678")
LARGE = ("1234567890123456789", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1" + "0" * 400)
FLOATS = ("0.0", "-0.0", "1.0", "0.3", "1e3", "1E+3", "1e-7", "5e-324", "2.5e-324", "1.7976931348623157e308", "1e309")
LONG_FLOATS = (
    "0.1000000000000000055511151231257827",
    "9007199254740993.0",
    "1.00000000000000000000001e0",
    "1e22",
    "1e23",
)
ODD_NUMBERS = ("NaN", "Infinity", "-Infinity", "1.", ".5", "+1", "0x10", "1e", "--1", "1_000", "1e00000000001")
WORDS = ("null", "true", "false", "nul", "True", "None")
STRINGS = (
    *('"de"', '"fr"', '"us"', '"web"', '"phone"', '"click"', '"rank"', '"1"', '"0"', '"1.0"', '"true"', '"True"', '""'),
    *('"null"', '"7"', '"0.3"', '"NaN"', '"false"', '" de"', '"d\\u0065"', '"\\u00e9"', '"é"', '"日本"', '"a\\nb"'),
    *(
        '"\\ud83d\\ude00"',
        '"\\ud800"',
        '"\\u0000"',
        '"\\x"',
        '"a\tb"',
        '"\\/"',
        '"' + "x" * 200 + '"',
        '"' + "y" * 600 + '"',
    ),
)
NESTED = (
    "{}",
    "[]",
    "[1]",
    "[0.3, 0.7]",
    '{"a":1}',
    '["a"]',
    '{"a":{"b":[1,2,{"c":null}]}}',
    "[" * 80 + "]" * 80,
    "[1,]",
)
TIMES = (
    *(str(START), str(START + 7), f"{START}.4", f"{START}.5", f"{START // 1000}", f"{START // 1000}.25", f"{START}000"),
    *('"2026-09-21T14:13:20Z"', '"2026-09-21T14:13:20.250Z"', '"2026-09-21T16:13:20+02:00"', '"2026-09-21 14:13:20"'),
    *(
        '"2026-09-21T14:13:20.123456Z"',
        '"2026-09-21T14:13:20.1234567Z"',
        '"2026-09-21t14:13:20z"',
        '"20260921T141320Z"',
    ),
    *('"2026-09-21T14:13:60Z"', '"2026-09-21T24:00:00Z"', '"2026-02-29T00:00:00Z"', '"2024-02-29T12:00:00-00:00"'),
    *('"2026-09-21T14:13:20,5Z"', '"2026-09-21T14:13:20+0200"', '"2026-09-21T14:13Z"', '"2026-09-21"', f'"{START}"'),
    *(
        '"1999-12-31T23:59:59Z"',
        '"2099-01-01T00:00:00Z"',
        '"9999-12-31T23:59:59.999999Z"',
        '"2026-09-21T14:13:20+24:00"',
    ),
    *("0", "-1", "1e12", "1.79e12", "946684800000", "253402300800000", "true", "[]", '""', '"yesterday"'),
)
KEYS = ("model", "timestamp", "version", "error", "latency_ms", "prediction", "features", "context", "prediction_id")
FEATURES = ("age", "clicks", "fixed", "country", "member", "device", "other", "")


def scalar(rng: random.Random) -> str:
    """Any value, mostly a plausible one."""
    kind = rng.random()
    if kind < 0.3:
        return repr(rng.choice([rng.random(), rng.gauss(0, 1e6), rng.uniform(-1, 1) * 10.0 ** rng.randint(-330, 308)]))
    if kind < 0.45:
        return str(rng.randint(-200, 200))
    pools = (INTEGERS, LARGE, FLOATS, LONG_FLOATS, ODD_NUMBERS, WORDS, STRINGS, NESTED)
    return rng.choice(rng.choices(pools, (6, 1, 4, 3, 1, 6, 8, 1))[0])


def _space(rng: random.Random) -> str:
    return rng.choice(("", "", "", "", " ", "  ", "\t", "\r", "\n")) if rng.random() < 0.2 else ""


def _object(rng: random.Random, fields: Sequence[tuple[str, str]]) -> str:
    inside = ",".join(f'{_space(rng)}"{key}"{_space(rng)}:{_space(rng)}{value}{_space(rng)}' for key, value in fields)
    return "{" + inside + "}"


def _mapping(rng: random.Random, names: Sequence[str]) -> str:
    if rng.random() < 0.05:
        return scalar(rng)
    chosen = rng.sample(names, rng.randint(0, len(names)))
    if chosen and rng.random() < 0.05:
        chosen.append(rng.choice(chosen))
    return _object(rng, [(name, scalar(rng)) for name in chosen])


def usual(rng: random.Random, model: str = "click") -> str:
    """A record as ordinary traffic has it."""
    return json.dumps(
        {
            "model": model,
            "timestamp": START + rng.randint(-40_000, 1_000),
            "version": rng.choice(["1", "2", 3]),
            "prediction": rng.random(),
            "features": {
                "age": rng.choice([None, rng.randint(0, 120)]),
                "clicks": rng.expovariate(1.0),
                "fixed": 7,
                "country": rng.choice(["de", "fr", "us", "br", None]),
                "member": rng.choice([True, False, None]),
            },
            "latency_ms": rng.lognormvariate(2, 1),
            "context": {"device": rng.choice(["web", "phone", "tv"])},
            "prediction_id": f"p{rng.randrange(10**9)}",
            **({"error": "broken"} if rng.random() < 0.05 else {}),
        }
    )


def unusual(rng: random.Random) -> str:
    """A record of which every field may be anything."""
    fields = []
    for key in rng.sample(KEYS, len(KEYS)) if rng.random() < 0.5 else KEYS:
        if rng.random() < (0.02 if key == "model" else 0.2):
            continue
        value = scalar(rng)
        if key == "model":
            value = rng.choice(('"click"',) * 12 + ('"rank"',) * 6 + ('"none"', "null", "7", '"cl\\u0069ck"', value))
        elif key == "timestamp":
            value = str(START + rng.randint(-40_000, 1_000)) if rng.random() < 0.4 else rng.choice(TIMES)
        elif key == "features":
            value = _mapping(rng, FEATURES)
        elif key == "context":
            value = _mapping(rng, ("device", "country", "region"))
        fields.append((key, value))
    if rng.random() < 0.1:
        fields.insert(rng.randint(0, len(fields)), (rng.choice((*KEYS, "x", "mod\\u0065l")), scalar(rng)))
    return _object(rng, fields)


def broken(rng: random.Random, row: bytes) -> bytes:
    """A row after an accident."""
    at = rng.randrange(len(row) + 1)
    kind = rng.randrange(6)
    if kind == 0:
        return row[:at]
    if kind == 1:
        return row[:at] + rng.choice((b'"', b"\\", b"{", b"}", b",", b"\n", b"\x00", b"\xff", b"\xc3", b"0")) + row[at:]
    if kind == 2:
        return row[:at] + row[at + 1 :]
    if kind == 3:
        return row[:at] + bytes([rng.randrange(256)]) + row[at + 1 :]
    stop = rng.randrange(at, len(row) + 1)
    return row[:at] + row[stop:] if kind == 4 else row[:stop] + row[at:]


def message(rng: random.Random) -> bytes | None:
    """A message: mostly one record, else several in some form, or wreckage."""
    kind = rng.random()
    if kind < 0.45:
        return unusual(rng).encode()
    if kind < 0.8:
        return usual(rng, rng.choice(("click", "click", "rank"))).encode()
    rows = [rng.choice((unusual, usual))(rng) for _ in range(rng.randint(0, 4))]
    if kind < 0.86:
        return rng.choice(("\n", "\r\n", "\n\n", "\n ")).join(rows).encode()
    if kind < 0.92:
        return ("[" + rng.choice((",", ", ", ",\n")).join(rows) + "]" + _space(rng)).encode()
    if kind < 0.99:
        return broken(rng, (rows or ["{}"])[0].encode())
    return rng.choice((None, b"", b" ", b"[]", b"\xef\xbb\xbf{}", b"null"))


def bits(columns: Columns) -> dict[str, Any]:
    """All that columns hold, as types, shapes and bytes."""
    found: dict[str, Any] = {}
    for name in type(columns).__dataclass_fields__:
        value = getattr(columns, name)
        found[name] = (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
    return found


def seen(decoded: Decoded) -> dict[str, Any]:
    """All that a decoded batch holds, so that two are equal where nothing tells them apart."""
    return {
        "read": decoded.read,
        "late": decoded.late,
        "dead": decoded.dead,
        "floor": decoded.floor,
        "skipped": decoded.skipped,
        "unfit": dict(decoded.unfit),
        "columns": [(model, bits(columns)) for model, columns in decoded.columns.items()],
        "served": [
            (
                model,
                bits(one.columns),
                [(type(value), value) for value in one.ids],
                one.times.tobytes(),
                one.known.tobytes(),
                [(type(value), repr(value)) for value in one.predictions],
            )
            for model, one in decoded.served.items()
        ],
    }

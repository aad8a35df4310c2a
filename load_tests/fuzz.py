"""Mutated messages of every format and preset: nothing breaks, nothing hangs, and each message is accounted for.

usage: python load_tests/fuzz.py [--messages N] [--minutes M] [--seed S] [--only NAME] [--keep DIR]

Real messages of each format are changed in bytes (set, cut, doubled, joined with another one) and, where they are JSON,
in what they say (a value of another type, a key gone, a number beyond all numbers). Batches of good and changed ones
are decoded and folded as the monitor does it; requests and responses that are messages of their own are paired first,
with a restart between them, and every message must be a half, skipped or dead, and every half come out once. After each
batch read = folded + late + dead must hold, every dead letter says why, and no message may have come to nothing: it is
read, skipped or dead. What driftgauge-native (where it is installed) reads, or becomes columns at once, is read record
by record as well, and must come to the same, bit by bit. A batch that breaks this, raises, or takes more than LONGEST
seconds is written to DIR, reduced to the message that does it, and ends the run with 1.

The rows are shared with the tests; tests/operators/formats/test_fuzz.py is a short run of this.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "operators" / "formats")]

import msgspec  # noqa: E402  the path comes first
import packings  # noqa: E402
import presets  # noqa: E402
import test_avro  # noqa: E402
import test_formats  # noqa: E402
import test_presets  # noqa: E402
import test_protobuf  # noqa: E402
from factories import START, batch  # noqa: E402
from fuzz_halves import Reader, halves, odd_headers  # noqa: E402
from fuzz_paths import differs, filtered, ways  # noqa: E402
from shapes import SHAPES  # noqa: E402
from test_surroundings import Letters  # noqa: E402

from operators.formats.packed import GZIP, ZSTD, unpacked  # noqa: E402
from operators.intake.decode import Decode, DecodeConfig  # noqa: E402
from operators.predictions.fold import Fold  # noqa: E402
from operators.settings.source import SourceSettings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from operators.intake.decode import Decoded
    from operators.records import Headers, RawBatch

PANE = test_formats.PANE
LONGEST = 20
"""Seconds of CPU time that a batch may take: no message is worth a tenth of that."""

BATCH = 50
GOOD_SHARE = 0.2
ODD_HEADERS = 0.2
"""Share of requests and responses whose headers are changed, too."""
SEEDS = 60
"""Good messages of each form."""

ODD: tuple[Any, ...] = (
    *(None, True, "", "\u0000", "\ud800", -1, 0, 1 << 63, 1 << 64, -(1 << 70), 10**400, 1e308, 5e-324, float("nan")),
    *([], {}, [[]], [None], {"": None}, "NaN", "1e999", "9" * 400, "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59"),
    *("\u202e", "x" * 600, [1, "a", None], [0.5, 0.5], {"a": {"a": {"a": {}}}}),
)
TOKENS = (
    *(b"\x00", b"\xff", b"\n", b"\\", b'"', b"[", b"]", b"{", b"}", b",", b":", b"null", b"1e999", b"\\ud800", b"-"),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80" * 9 + b"\x01", packings.zipped(b"{}"), ZSTD),
)


class BrokenError(AssertionError):
    """A batch that is not what it must be."""


@dataclass(frozen=True)
class Form:
    """Messages of one kind, and what reads them."""

    name: str
    decode: Decode
    seeds: list[tuple[bytes, Headers]]
    halves: Reader | None = None
    slower: Sequence[Decode] = ()


@dataclass
class Tally:
    """What came of messages."""

    messages: int = 0
    read: int = 0
    folded: int = 0
    late: int = 0
    dead: int = 0
    skipped: int = 0
    reasons: set[str] = field(default_factory=set)


def forms() -> Iterator[Form]:
    """Every format, shape and preset that the tests have messages of."""
    rows = test_formats.ROWS[:SEEDS]

    def form(name: str, source: Any, messages: Sequence[bytes], headers: Sequence[Headers] = ()) -> Form:
        sources = {} if source is None else {0: SourceSettings.model_validate({"topic": "t", **source})}
        schemas: Any = _Schemas()
        config = DecodeConfig((test_formats.LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"}, sources, schemas)
        given = headers or [()] * len(messages)
        decode, slower = ways(config)
        return Form(name, decode, list(zip(messages, given, strict=True))[:SEEDS], slower=slower)

    yield form("native", None, [json.dumps(row).encode() for row in rows])
    yield form("native, lines", None, [packings.lines(rows[at : at + 7]) for at in range(0, len(rows), 7)])
    for one in packings.FORMATS:
        yield form(one.name, one.source, one.messages(rows))
    for shape in SHAPES:
        yield form(shape.name, shape.source, shape.messages(rows))
    yield form("Avro", {"format": "avro"}, [test_avro.framed(test_avro.written(row), 7) for row in rows])
    in_protobuf = [test_protobuf.framed(test_protobuf.WRITE(row), 9) for row in rows]
    yield form("Protobuf", {"format": "protobuf"}, in_protobuf)
    for preset in presets.ALL:
        yield form(preset.name, preset.source, *preset.messages(test_presets.REQUESTS))
    for name, source, messages, headers in filtered(test_formats.ROWS):
        yield form(name, source, messages, headers)
    for name, source, messages in halves(test_formats.ROWS, presets.NAMES):
        reader = Reader(source, PANE)
        config = DecodeConfig((test_formats.LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"}, {0: reader.source})
        yield Form(name, Decode(config), messages[:SEEDS], reader)


class _Schemas:
    """What a registry has of both formats."""

    def text(self, key: int | str) -> str | None:
        known = test_protobuf.Known({9: test_protobuf.SCHEMA})
        return test_avro.Known({7: test_avro.SCHEMA}).text(key) or known.text(key)


def mutated(value: bytes, others: Sequence[tuple[bytes, Headers]], luck: random.Random) -> bytes:
    """A message after one to four changes; one that is packed may be changed inside."""
    if luck.random() < 0.5:
        if value.startswith(GZIP):
            return packings.zipped(mutated(unpacked(value), [(unpacked(value), ())], luck))
        if value.startswith(ZSTD):
            return packings.zstd(mutated(unpacked(value), [(unpacked(value), ())], luck))
        value = _retold(value, luck)
    found = bytearray(value)
    for _ in range(luck.randint(0 if value else 1, 4)):
        _CHANGES[luck.randrange(len(_CHANGES))](found, others, luck)
    return bytes(found)


def _set(found: bytearray, _: Any, luck: random.Random) -> None:
    if found:
        found[luck.randrange(len(found))] = luck.randrange(256)


def _flip(found: bytearray, _: Any, luck: random.Random) -> None:
    if found:
        found[luck.randrange(len(found))] ^= 1 << luck.randrange(8)


def _cut(found: bytearray, _: Any, luck: random.Random) -> None:
    at = luck.randint(0, len(found))
    del found[at : at + luck.choice((1, 2, 4, 8, 64, len(found)))]


def _token(found: bytearray, _: Any, luck: random.Random) -> None:
    at = luck.randint(0, len(found))
    found[at:at] = luck.choice(TOKENS)


def _double(found: bytearray, _: Any, luck: random.Random) -> None:
    at = luck.randint(0, len(found))
    found[at:at] = found[at : at + luck.choice((1, 8, 64, 256))]


def _join(found: bytearray, others: Sequence[tuple[bytes, Headers]], luck: random.Random) -> None:
    other = luck.choice(others)[0]
    found[luck.randint(0, len(found)) :] = other[luck.randint(0, len(other)) :]


_CHANGES: tuple[Callable[[bytearray, Any, random.Random], None], ...] = (_set, _flip, _cut, _token, _double, _join)


def _retold(value: bytes, luck: random.Random) -> bytes:
    """JSON or MessagePack that says something else at one to three places; anything else as it is."""
    in_json = value[:1] in {b"{", b"["}
    try:
        root = json.loads(value) if in_json else msgspec.msgpack.decode(value)
    except (ValueError, msgspec.MsgspecError):
        return value
    for _ in range(luck.randint(1, 3)):
        here, step = _place(root, luck)
        if here is None:
            root = deepcopy(luck.choice(ODD))
        elif luck.random() < 0.2 and isinstance(here, dict):
            del here[step]
        elif luck.random() < 0.1 and isinstance(here, list):
            here *= luck.randint(0, 3)
        else:
            here[step] = deepcopy(luck.choice(ODD))
    if in_json:
        return json.dumps(root, ensure_ascii=luck.random() < 0.5).encode("utf-8", "surrogatepass")
    try:
        return msgspec.msgpack.encode(root)
    except (ValueError, OverflowError):  # MessagePack has no such number or text
        return value


def _place(root: Any, luck: random.Random) -> tuple[Any, Any]:
    """A key or position somewhere inside."""
    here, found = root, (None, None)
    while isinstance(here, dict | list) and here:
        step = luck.choice(list(here)) if isinstance(here, dict) else luck.randrange(len(here))
        found = (here, step)
        here = here[step]
        if luck.random() < 0.3:
            break
    return found


@contextmanager
def _watched(limit: int) -> Iterator[None]:
    """End what takes more than so many seconds of CPU time (0: nothing) with an error: the machine may be busy."""
    if not limit:
        yield
        return

    def late(*_: Any) -> None:
        raise BrokenError(f"more than {limit} s of CPU time")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check(form: Form, messages: Sequence[tuple[bytes, Headers]], tally: Tally | None = None) -> None:
    """Decode and fold some messages.

    Raises:
        BrokenError: the sum is wrong, or a message came to nothing.
    """
    letters = Letters([None] * len(messages), [headers for _, headers in messages])
    given = batch([value for value, _ in messages], written=START)
    given = replace(given, source=0 if form.decode.mapped else None, envelopes=letters)
    found = [form.decode(given)] if form.halves is None else _paired(form.halves, form.decode, given)
    read, skipped = sum(one.read for one in found), sum(one.skipped for one in found)
    folded = sum(columns.panes.size for one in found for columns in one.columns.values())
    late = sum(sum(one.late.values()) for one in found)
    dead = [letter for one in found for letter in one.dead]
    if read != folded + late + len(dead):
        raise BrokenError(f"{read} read, {folded} folded, {late} late, {len(dead)} dead")
    if form.halves is None and read + skipped < len(messages):
        raise BrokenError(f"{len(messages)} messages, {read} read, {skipped} skipped")
    if any(not letter.detail for letter in dead):
        raise BrokenError("a dead letter without a word")
    for slower in form.slower:
        why = differs(found[0], slower(given))
        if why:
            raise BrokenError(why)
    for one in found:
        list(Fold((test_formats.LAYOUT,), PANE, {"click": 16})(one))
    if tally is not None:
        tally.messages += len(messages)
        tally.read += read
        tally.folded += folded
        tally.late += late
        tally.dead += len(dead)
        tally.skipped += skipped
        tally.reasons |= {letter.reason.value for letter in dead}


def _paired(reader: Reader, decode: Decode, given: RawBatch) -> list[Decoded]:
    """What became of messages whose halves are paired.

    Raises:
        BrokenError: a message is neither a half, nor skipped, nor dead, or a half came to nothing.
    """
    rest, made, count = reader(given)
    told = sum(one.skipped + len(one.dead) for one in rest)
    if told + count != len(given.values):
        raise BrokenError(f"{len(given.values)} messages, {count} halves, {told} skipped or dead")
    found = [decode(one) for one in made]
    for one, raw in zip(found, made, strict=True):
        if one.read + one.skipped < len(raw.values):
            raise BrokenError(f"{len(raw.values)} made of halves, {one.read} read, {one.skipped} skipped")
    values = sum(len(one.values) for one in made)
    if not count // 2 <= values <= count:
        raise BrokenError(f"{values} made of {count} halves")
    return [*rest, *found]


def broken(form: Form, messages: Sequence[tuple[bytes, Headers]], limit: int, tally: Tally | None = None) -> str:
    """Why these messages are not what they must be; empty where they are."""
    try:
        with _watched(limit):
            check(form, messages, tally)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is found
        return f"{type(error).__name__}: {error}"
    return ""


def run(
    form: Form, messages: int, seed: int, until: float = float("inf"), limit: int = 0
) -> tuple[Tally, str, list[bytes]]:
    """Fuzz one form; what came of it, why a batch is broken (or empty), and the least of its messages that are.

    `limit` is for how many seconds a batch may take; 0: for any.
    """
    luck = random.Random(f"{seed} {form.name}")
    tally = Tally()
    while tally.messages < messages and time.monotonic() < until:
        some = []
        for _ in range(BATCH):
            value, headers = luck.choice(form.seeds)
            if form.halves is not None and luck.random() < ODD_HEADERS:
                headers = odd_headers(headers, luck, lambda value: mutated(value, form.seeds, luck))
            some.append((value if luck.random() < GOOD_SHARE else mutated(value, form.seeds, luck), headers))
        why = broken(form, some, limit, tally)
        if why:
            alone = next((one for one in some if broken(form, [one], limit)), None)
            return tally, why, [value for value, _ in (some if alone is None else [alone])]
    return tally, "", []


def main() -> int:
    """Fuzz all; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="of each form")
    parser.add_argument("--minutes", type=float, default=0.0, help="for all forms together; 0: as long as it takes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="forms whose name begins with this")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    chosen = [form for form in forms() if form.name.startswith(options.only)]
    failed = 0
    ends = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    print(f"{'form':40} {'messages':>9} {'read':>9} {'folded':>9} {'late':>6} {'dead':>9} {'skipped':>9}  reasons")
    for number, form in enumerate(chosen):
        left = ends - time.monotonic()
        until = time.monotonic() + left / (len(chosen) - number)
        tally, why, values = run(form, options.messages, options.seed, until, LONGEST)
        counts = f"{tally.messages:9} {tally.read:9} {tally.folded:9} {tally.late:6} {tally.dead:9} {tally.skipped:9}"
        print(f"{form.name:40} {counts}  {' '.join(sorted(tally.reasons))}", flush=True)
        if why:
            failed += 1
            options.keep.mkdir(exist_ok=True)
            for at, value in enumerate(values):
                (options.keep / f"{number}-{at}.bin").write_bytes(value)
            print(f"  BROKEN: {why}; {len(values)} messages in {options.keep}/{number}-*.bin: {values[0][:200]!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

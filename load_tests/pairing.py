"""What it costs to pair a request with its response: beside reading the pair, and beside the contract's own shape.

usage: python load_tests/pairing.py [--records N] [--repeats R]

The same rows of the click model, as messages of KServe and of Seldon, paired, decoded and folded in CPU time of one
thread, the least of R times each, for a record. Responses come a thousand messages after their requests. The last
lines say what a snapshot costs of so many halves that wait.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from events import Given, as_json, as_protobuf, binary, in_topics, structured, v1, v2  # noqa: E402  the path comes first
from factories import batch  # noqa: E402
from monitored import reference  # noqa: E402

from operators.intake.decode import Decode, DecodeConfig  # noqa: E402
from operators.intake.halves import Halve  # noqa: E402
from operators.intake.pairs import Pairs, PairsConfig, PairsState  # noqa: E402
from operators.predictions.fold import Fold  # noqa: E402
from operators.records import PAIRS, SHARDS, Origin, RawBatch  # noqa: E402
from operators.settings.source import SourceSettings  # noqa: E402
from operators.step import snapshot_of  # noqa: E402
from stream.engine.garbage import spared  # noqa: E402
from stream.simulate.generator import Generator  # noqa: E402
from windows.predictions.layout import layout_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events import Message


PANE, LATENESS, AHEAD = 10_000, 5_000, 60_000
START = 1_790_000_000_000
BEHIND = 1_000


def _read(topic: str, messages: Sequence[Message]) -> RawBatch:
    origin = Origin(topic, halves=((topic, 1),), census=((PAIRS, SHARDS),))
    written = [one.written or START for one in messages]
    return RawBatch(origin, [one.value for one in messages], written, Given(messages), START + PANE, 0)


def _batches(messages: Sequence[Message]) -> list[RawBatch]:
    """Requests, and responses some way behind them, by topic in batches of a thousand."""
    requests, responses = messages[::2], messages[1::2]
    topics = [(f"t.model.click{one[0].suffix}", one) for one in (requests, responses)]
    found = []
    for at in range(0, len(requests) + BEHIND, BEHIND):
        for behind, (topic, mine) in enumerate(topics):
            some = mine[max(at - behind * BEHIND, 0) : max(at - behind * BEHIND + BEHIND, 0)]
            found += [_read(topic, some)] if some else []
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=8_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    layout = layout_of(reference())
    names = [field.name for field in layout.features]
    generator = Generator(reference(), seed=1, error_rate=0.0)
    rows = [json.loads(line) for line in generator.encode(generator.batch(options.records, START, START + PANE))]
    for number, row in enumerate(rows):
        row["prediction_id"] = f"r{number}/0"
    several = [rows[at : at + 4] for at in range(0, len(rows), 4)]
    forms: list[tuple[str, str, list[Any]]] = [
        ("KServe, binary, V1", "kserve", [one for row in rows for one in binary([row], v1([row], names))]),
        ("KServe, binary, V1, 4 rows", "kserve", [one for some in several for one in binary(some, v1(some, names))]),
        ("KServe, structured, V2", "kserve", [one for row in rows for one in structured([row], v2([row], names))]),
        ("Seldon, JSON", "seldon", [one for row in rows for one in in_topics([row], as_json(v2([row], names)))]),
        (
            "Seldon, Protobuf",
            "seldon",
            [one for row in rows for one in in_topics([row], as_protobuf(v2([row], names)))],
        ),
    ]
    fold = Fold((layout,), PANE, {"click": 16})
    print(f"{'us a record':30} {'pair':>7} {'decode':>7} {'fold':>7}")
    with spared():
        native = batch([json.dumps(row).encode() for row in rows])
        decode = Decode(DecodeConfig((layout,), PANE, LATENESS, AHEAD))
        least = min(_timed(decode, fold, [native]) for _ in range(options.repeats))
        _print("native", (0.0, *least), len(rows))
        for name, preset, messages in forms:
            topics = ["t.model.click.inputs", "t.model.click.outputs"]
            source = SourceSettings.model_validate({"topics": topics, "preset": preset})
            halve = Halve({0: source}, LATENESS, AHEAD)
            decode = Decode(DecodeConfig((layout,), PANE, LATENESS, AHEAD, {}, {0: source}))
            taken = []
            for _ in range(options.repeats):
                read = _batches(messages)
                shards = {str(at): Pairs(PairsConfig(PANE, {0: 10_000}, 100_000), at, PairsState()) for at in range(4)}
                began = time.process_time()
                paired = []
                for one in read:
                    for shard, chunk in halve(one).chunks:
                        paired += shards[shard]([chunk])
                pairing = time.process_time() - began
                whole = [one for one in paired if isinstance(one, RawBatch)]
                taken.append((pairing, *_timed(decode, fold, whole)))
            best = tuple(min(column) for column in zip(*taken, strict=True))
            _print(name, best, len(rows))
    _snapshots(forms[0][2])


def _timed(decode: Decode, fold: Fold, batches: Sequence[RawBatch]) -> tuple[float, float]:
    """Seconds of decoding, and of folding."""
    began = time.process_time()
    decoded = [decode(one) for one in batches]
    between = time.process_time()
    for one in decoded:
        list(fold(one))
    if any(one.dead for one in decoded):
        raise RuntimeError(f"refused: {next(one.dead[0].detail for one in decoded if one.dead)}")
    return between - began, time.process_time() - between


def _print(name: str, taken: tuple[float, ...], rows: int) -> None:
    pairing, decoding, folding = (1e6 * seconds / rows for seconds in taken)
    print(f"{name:30} {pairing:7.2f} {decoding:7.2f} {folding:7.2f}")


def _snapshots(messages: Sequence[Message]) -> None:
    halve = Halve({0: SourceSettings.model_validate({"topic": "t", "preset": "kserve"})}, LATENESS, AHEAD)
    for count in (100, 1_000, 8_000):
        shard = Pairs(PairsConfig(PANE, {0: 10_000}, 100_000), 0, PairsState())
        for _, chunk in halve(_read("t", messages[: 2 * count : 2])).chunks:
            shard([chunk])
        began = time.process_time()
        kept = snapshot_of("pair", "0", shard.saved)
        took = 1e3 * (time.process_time() - began)
        print(f"a snapshot of {shard.state.count:,} halves: {took:.2f} ms, {len(kept):,} bytes")


if __name__ == "__main__":
    main()

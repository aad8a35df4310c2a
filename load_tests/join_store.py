"""The join store with many predictions outstanding: cost of a stub and of a look-up, memory, disk, and a projection.

    python load_tests/join_store.py --stubs 10000000

One process keeps all shards, as one `driftgauge run` process would. Stubs are 8 random bytes -> about 40 bytes (score,
time, a tag, version and segments; a third of it random) and expire in ten buckets that are filled one after the other,
as 90 days of predictions fill them. Each round puts batches of 800 and commits about 10,000 stubs a shard. Look-ups are
batches of 500 ids drawn uniformly from all that were put so far (hit) or never put (miss), asked of all ten buckets,
newest first. It does all that with a tenth, three tenths, and all of the stubs, each time with a new store.
"""

from __future__ import annotations

import argparse
import resource
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import machine
import numpy as np

from stream.state.rocks_store import RocksStore

SHARDS = 8
SPAN = 9 * 86_400_000
BUCKETS = [(SPAN, index) for index in range(10)]
BATCH, COMMIT = 800, 10_000
QUESTION, QUESTIONS = 500, 40
POINTS = (0.1, 0.3, 1.0)
GOAL, DAILY = 450_000_000, 5_000_000
MAX_RSS, MAX_PUT, MAX_LOOKUP = 1_000.0, 1.0, 6.0
TEXTS = [b"v%d\0country=%s,os=%s" % (i % 2, (b"US", b"DE", b"BR")[i % 3], (b"a", b"i")[i % 2]) for i in range(6)]
PACK = struct.Struct("<dqI").pack


class Part:
    """A shard, its stubs, and a sample of the ids put so far; those are even numbers."""

    def __init__(self, directory: Path, shard: int) -> None:
        self.store = RocksStore(directory, shard)
        self.random = np.random.default_rng(shard)
        self.put: list[np.ndarray] = []

    def draw(self, count: int, at: int) -> tuple[list[bytes], list[bytes]]:
        """Return the ids and values of `count` stubs from number `at` on."""
        numbers = self.random.integers(0, 1 << 63, count, dtype=np.uint64) * 2
        self.put.append(numbers[::10].copy())
        scores = self.random.beta(2, 5, count).tolist()
        tags = self.random.integers(0, 1 << 32, count).tolist()
        values = [
            PACK(score, at + row, tag) + TEXTS[tag % 6]
            for row, (score, tag) in enumerate(zip(scores, tags, strict=True))
        ]
        return keys(numbers), values

    def known(self) -> list[bytes]:
        """Return ids drawn from those that were put."""
        return keys(self.random.choice(np.concatenate(self.put), QUESTION))

    def unknown(self) -> list[bytes]:
        """Return ids that were not."""
        return keys(self.random.integers(0, 1 << 63, QUESTION, dtype=np.uint64) * 2 + 1)


def keys(numbers: np.ndarray) -> list[bytes]:
    """Return the ids as bytes."""
    raw = numbers.astype(">u8").tobytes()
    return [raw[at : at + 8] for at in range(0, len(raw), 8)]


@dataclass(frozen=True)
class Point:
    """What was measured with so many stubs outstanding; times in us for one stub or look-up.

    Attributes:
        thread: processor time of the calling thread in put and commit.
        total: processor time of all threads while filling, with what merging took meanwhile.
        wall: in put and commit.
        hit: processor time, wall.
        miss: the same.
        disk: bytes a stub.
        filters: bytes of memory a stub for filters and indexes.
        rss: MB.
    """

    stubs: int
    thread: float
    total: float
    wall: float
    hit: tuple[float, float]
    miss: tuple[float, float]
    disk: float
    filters: float
    rss: float


def fill(parts: list[Part], rounds: int, count: int) -> tuple[float, float, float]:
    """Fill the buckets one after the other; return what a stub cost: calling thread, all threads, wall."""
    spent = waited = others = 0.0
    process = time.process_time()
    for number in range(rounds):
        bucket = BUCKETS[number * len(BUCKETS) // rounds]
        for part in parts:
            before = time.thread_time()
            ids, values = part.draw(count, number)
            start, wall = time.thread_time(), time.perf_counter()
            for at in range(0, count, BATCH):
                part.store.put_stubs(bucket, ids[at : at + BATCH], values[at : at + BATCH])
            part.store.commit(number + 1)
            spent += time.thread_time() - start
            waited += time.perf_counter() - wall
            others += start - before
    total = time.process_time() - process - others
    return tuple(1e6 * seconds / (rounds * count * len(parts)) for seconds in (spent, total, waited))


def ask(parts: list[Part], questions: list[list[bytes]], *, known: bool) -> tuple[float, float]:
    """Return the time of a look-up in us, calling thread and wall; every answer is checked."""
    cpu, wall = time.thread_time(), time.perf_counter()
    answers = [parts[turn % len(parts)].store.stubs(question, BUCKETS[::-1]) for turn, question in enumerate(questions)]
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    if any((value is not None) is not known for answer in answers for value in answer):
        raise AssertionError("a stub was lost" if known else "a stub that was never put")
    count = QUESTION * len(questions)
    return cpu / count * 1e6, wall / count * 1e6


def measure(parts: list[Part], stubs: int, costs: tuple[float, float, float], name: str) -> Point:
    """Measure with so many stubs outstanding, and print it."""
    turns = [parts[turn % len(parts)] for turn in range(QUESTIONS)]
    ask(parts, [part.known() for part in turns], known=True)  # opens files that were not asked yet
    hit = ask(parts, [part.known() for part in turns], known=True)
    miss = ask(parts, [part.unknown() for part in turns], known=False)
    sizes = [part.store.size for part in parts]
    disk, filters = (
        sum(figures) / stubs for figures in zip(*((size.disk, size.filters) for size in sizes), strict=True)
    )
    point = Point(stubs, *costs, hit, miss, disk, filters, resident())
    print(
        f"{name:>13} {stubs:>11,} {costs[0]:>7.2f} {costs[1]:>6.2f} {costs[2]:>6.2f} {hit[0]:>7.2f} {hit[1]:>6.2f} "
        f"{miss[0]:>7.2f} {miss[1]:>6.2f} {disk:>7.1f} {filters:>8.2f} {point.rss:>7.0f}",
        flush=True,
    )
    return point


def resident() -> float:
    """Return the memory of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def outstanding(directory: Path, stubs: int) -> list[Point]:
    """Measure with so many stubs outstanding: as they are after filling, and merged."""
    parts = [Part(directory / str(stubs), shard) for shard in range(SHARDS)]
    rounds = max(len(BUCKETS), round(stubs / COMMIT / SHARDS))
    count = stubs // SHARDS // rounds
    stubs = rounds * count * SHARDS
    costs = fill(parts, rounds, count)
    points = [measure(parts, stubs, costs, "filled")]
    for part in parts:
        part.store.compact()
    points.append(measure(parts, stubs, costs, "merged"))
    for part in parts:
        part.store.close()
    return points


def project(filled: list[Point], merged: Point) -> None:
    """Print what the points say of 450 million."""
    sizes = np.log([point.stubs for point in filled])

    def at_goal(values: list[float]) -> float:
        return max(*values, float(np.polyval(np.polyfit(sizes, values, 1), np.log(GOAL))))

    last, rate = filled[-1], DAILY / 86_400
    disk = max(point.disk for point in filled)
    hit, miss = at_goal([point.hit[0] for point in filled]), at_goal([point.miss[0] for point in filled])
    memory = last.rss + last.filters * (GOAL - last.stubs) / 2**20
    print(f"\nprojection to {GOAL:,} outstanding: {DAILY:,} a day for 90 days, ten buckets, one process")
    print(f"  disk     {disk * GOAL / 1e9:.0f} GB, and a tenth more while a bucket is merged")
    print(f"  memory   {memory:.0f} MB: what is resident now, and filters and indexes of the other stubs")
    print(
        f"  look-up  {hit:.1f} us hit, {miss:.1f} us miss; now, merged, {merged.hit[0]:.1f} and {merged.miss[0]:.1f} us"
    )
    print(f"  a stub   {last.total:.2f} us as now, and a merge or two more: nothing at {rate:.0f} a second")
    print("  assumed: bytes a stub as at the worst point; times grow with the logarithm of the stubs, as the number of")
    print(
        "  sorted runs does, or not at all; ids are random; files are in the page cache, else a hit waits for the disk"
    )


def judged(name: str, value: float, limit: float, unit: str) -> bool:
    """Print a figure beside its limit."""
    kept = value < limit
    print(f"{name:28} {value:7.2f} {unit} (limit {limit:g}) {'kept' if kept else 'NOT KEPT'}")
    return kept


def run(directory: Path, stubs: int) -> bool:
    """Fill, ask, merge, ask again, print; whether all limits were kept."""
    print(
        f"{'':>13} {'':>11} {'put and commit, us':>21} {'hit, us':>14} {'miss, us':>14} {'bytes a stub':>16} {'RSS':>7}"
    )
    columns = ("thread", "all", "wall", "cpu", "wall", "cpu", "wall", "disk", "filters")
    widths = (7, 6, 6, 7, 6, 7, 6, 7, 8)
    heads = " ".join(f"{name:>{width}}" for name, width in zip(columns, widths, strict=True))
    print(f"{'':>13} {'stubs':>11} {heads} {'MB':>7}")
    points = [outstanding(directory, round(stubs * share)) for share in POINTS]
    filled = [point[0] for point in points]
    last = filled[-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nput and commit: {1e6 / last.wall:,.0f} stubs/s of wall time on the calling thread")
    kept = [
        judged("calling thread, a stub", last.thread, MAX_PUT, "us"),
        judged("look-up, hit, cpu", last.hit[0], MAX_LOOKUP, "us"),
        judged("look-up, miss, cpu", last.miss[0], MAX_LOOKUP, "us"),
        judged("peak RSS", peak, MAX_RSS, "MB"),
    ]
    project(filled, points[-1][-1])
    return all(kept)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stubs", type=int, default=10_000_000)
    parser.add_argument(
        "--directory", type=Path, help="where the store is made (and removed); default: a temporary one"
    )
    options = parser.parse_args()
    machine.show()
    print(f"{'store':10} rocksdict {version('rocksdict')}")
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        return 0 if run(Path(directory), options.stubs) else 1


if __name__ == "__main__":
    sys.exit(main())

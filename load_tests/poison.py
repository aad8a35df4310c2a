"""Every kind of bad message a hundred times among a million good records, through the whole dataflow.

`python load_tests/poison.py` prints what became of each kind, by reason, and the rate beside that of the good records
alone. It ends with an error when a count is off by one, when the bytes of a dead letter are not those that came, or
when read = folded + late + dead letters does not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytewax.testing import TestingSink, TestingSource, run_main

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import machine  # noqa: E402  the path comes first
from factories import COUNTRIES, DEVICES, START, click, plan_of, record  # noqa: E402
from poison_corpus import CORPUS  # noqa: E402

from operators.dead_letters import DeadLetter, Reason  # noqa: E402
from operators.records import NoEnvelopes, Origin, RawBatch  # noqa: E402
from operators.settings.alerting import AlertingSettings  # noqa: E402
from operators.settings.event_time import TimeSettings  # noqa: E402
from stream.dataflow import Edges, build  # noqa: E402
from stream.metrics.reports import Report, Totals  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_BATCH = 1_000
PER_SECOND = 10_000
POOL = 5_000


@dataclass
class Reporter:
    """Keeps the last total of each metric."""

    totals: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)

    def send(self, report: Report) -> None:
        """Take a report."""
        if isinstance(report, Totals):
            self.totals.setdefault(report.metric, {}).update(report.rows)

    def total(self, metric: str) -> int:
        """The sum over all labels."""
        return int(sum(self.totals.get(metric, {}).values()))


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    seconds: float
    reporter: Reporter
    dead: list[DeadLetter]


def good_records(rng: random.Random) -> list[bytes]:
    """Different good records without timestamps: the message's own time counts."""
    return [
        record(
            None,
            version=rng.choice("12"),
            prediction=rng.random(),
            latency_ms=rng.lognormvariate(3, 1),
            features={
                "age": rng.choice([rng.uniform(18, 99), None]),
                "clicks": rng.choice([0, 0, 1, rng.randrange(10)]),
                "fixed": 7,
                "country": rng.choice(COUNTRIES),
                "member": rng.random() < 0.3,
            },
            context={"device": rng.choice(DEVICES)},
        )
        for _ in range(POOL)
    ]


def run(messages: Sequence[bytes | None]) -> Outcome:
    """Run the messages through the dataflow of one partition."""
    batches = []
    for first in range(0, len(messages), PER_BATCH):
        values = messages[first : first + PER_BATCH]
        now = START + first * 1_000 // PER_SECOND
        batches.append(RawBatch(Origin("predictions"), values, [now] * len(values), NoEnvelopes(first), now))
    end = batches[-1].received
    batches.append(RawBatch(Origin("predictions", ended=True), (), (), NoEnvelopes(len(messages)), end))
    dead: list[Any] = []
    alerts: list[Any] = []
    reporter = Reporter()
    flow = build(
        {"click": plan_of(click(), segments=["country", "device"])},
        TimeSettings(),
        AlertingSettings(),
        Edges(TestingSource(batches), TestingSink(alerts), TestingSink(dead), None, reporter),
    )
    began = time.perf_counter()
    run_main(flow)  # type: ignore[no-untyped-call]
    return Outcome(time.perf_counter() - began, reporter, [letter for _, letter in dead])


def faults(messages: Sequence[bytes | None], outcome: Outcome, good: int, each: int) -> list[str]:
    """What is not as it should be."""
    found = []
    expected = Counter({reason: sum(each * len(k.letters) for k in CORPUS if k.reason == reason) for reason in Reason})
    got = Counter(letter.reason for letter in outcome.dead)
    found += [
        f"{reason}: {got[reason]}, expected {expected[reason]}" for reason in Reason if got[reason] != expected[reason]
    ]
    strange = sum(1 for letter in outcome.dead if not _came_from(letter, messages[letter.offset]))
    if strange:
        found.append(f"{strange} dead letters are not the bytes of the message at their offset")
    by_bytes = Counter((letter.reason, letter.value) for letter in outcome.dead)
    wanted = Counter({(kind.reason, value): 0 for kind in CORPUS for value in kind.letters})
    for kind in CORPUS:
        wanted.update({(kind.reason, value): each for value in kind.letters})
    if by_bytes != wanted:
        found.append("the bytes of the dead letters are not those of the corpus")
    reporter = outcome.reporter
    read, folded = reporter.total("records_read_total"), reporter.total("records_folded_total")
    late, counted = reporter.total("late_records_total"), reporter.total("dead_letters_total")
    if folded != good or late or counted != len(outcome.dead) or read != folded + late + counted:
        found.append(f"read {read}, folded {folded} (expected {good}), late {late}, dead letters {counted}")
    return found


def _came_from(letter: DeadLetter, message: bytes | None) -> bool:
    """Whether the letter's bytes are those of the message, or one of its lines."""
    return letter.value == message or (message is not None and letter.value in message.split(b"\n"))


def show(outcome: Outcome, plain: Outcome, messages: int, good: int, each: int) -> None:
    """Print the tables."""
    per_reason = Counter(letter.reason for letter in outcome.dead)
    print(f"\n{'reason':16} {'kinds':>6} {'expected':>9} {'counted':>9}")
    for reason in Reason:
        kinds = [kind for kind in CORPUS if kind.reason == reason]
        expected = each * sum(len(kind.letters) for kind in kinds)
        print(f"{reason:16} {len(kinds):6} {expected:9} {per_reason[reason]:9}")
    print(f"{'all':16} {len(CORPUS):6} {len(CORPUS) * each:9} messages")
    reporter = outcome.reporter
    print(f"\nread {reporter.total('records_read_total')} = folded {reporter.total('records_folded_total')}", end="")
    print(f" + late {reporter.total('late_records_total')} + dead letters {reporter.total('dead_letters_total')}")
    print(f"\n{'run':28} {'messages':>10} {'seconds':>8} {'messages/s':>11}")
    for name, count, one in (("good records alone", good, plain), ("with poison in each batch", messages, outcome)):
        print(f"{name:28} {count:10} {one.seconds:8.2f} {count / one.seconds:11.0f}")


def main() -> None:
    """Run both, print, and fail on any fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--good", type=int, default=1_000_000, help="good records")
    parser.add_argument("--each", type=int, default=100, help="messages of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    machine.show()
    rng = random.Random(options.seed)
    pool = good_records(rng)
    plain: list[bytes | None] = [pool[at % POOL] for at in range(options.good)]
    messages = [*plain, *(kind.value for kind in CORPUS for _ in range(options.each))]
    rng.shuffle(messages)
    alone, poisoned = run(plain), run(messages)
    good = options.good + options.each * sum(kind.good for kind in CORPUS)
    show(poisoned, alone, len(messages), options.good, options.each)
    found = faults(messages, poisoned, good, options.each)
    for fault in found:
        print(f"FAULT: {fault}")
    if found:
        sys.exit(1)
    print("\nevery count exact, every dead letter with its original bytes, nothing crashed")


if __name__ == "__main__":
    main()

"""One disturbed run beside an undisturbed one over the same topic, and the verdict on the two."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from chaos_monitor import FOREVER, Monitor, Setup, create_topics
from chaos_outputs import Outputs, differences, keep_differences, keep_topic, read_outputs
from chaos_traffic import PARTITIONS, Sent, Traffic
from patience import until

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode

    from windows.references.reference import Reference

PROGRESS_SECONDS = 600.0
CATCH_UP_SECONDS = 600.0
_PAUSE = threading.Event()


@dataclass(frozen=True)
class Bench:
    """What every run needs: the broker, the models, a place for files, the rate of the traffic, and the seed."""

    node: KafkaNode
    models: tuple[Reference, ...]
    directory: Path
    rate: float
    seed: int
    processes: int = 2


@dataclass
class Result:
    """What became of one disturbed run.

    Attributes:
        name: of the scenario.
        disturbances: how many there were.
        sent: what the producer wrote.
        found: what the disturbed monitor wrote, and its counters.
        exits: seconds of each SIGTERM.
        notes: what else was measured.
        problems: everything that is not as it must be, a line each.
    """

    name: str
    disturbances: int = 0
    sent: Sent | None = None
    found: Outputs | None = None
    counters: dict[str, float] = field(default_factory=dict)
    exits: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def check(self, holds: bool, otherwise: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(otherwise)

    def count(self, name: str) -> float:
        """Return the sum of a counter over its labels."""
        return sum(value for series, value in self.counters.items() if series.startswith(name))


class Run:
    """Traffic on a topic of its own and a monitor to be disturbed; a context manager that ends both.

    Args:
        bench: where.
        name: of the scenario; goes into names of topics and directories.
        late: whether the traffic has late records.
        idle_after: of the disturbed monitor; event time alone drives the windows when absent.
        no_data_after: likewise.
    """

    setup: type[Setup] = Setup
    watcher: type[Monitor] = Monitor
    source: type[Traffic] = Traffic
    stretch = 1
    """Seconds of event time in one of the clock."""
    alert_seconds = 120.0
    """By then what must fire fires, or what fired is resolved."""

    def __init__(
        self,
        bench: Bench,
        name: str,
        *,
        late: bool = True,
        idle_after: str = FOREVER,
        no_data_after: str = FOREVER,
    ) -> None:
        self.bench, self.result = bench, Result(name)
        self.rng = random.Random(f"{bench.seed} {name}")
        topic = f"predictions-{name.replace(' ', '-')}-{bench.seed}"
        bootstrap = bench.node.bootstrap
        create_topics(bootstrap, {topic: PARTITIONS})
        self._directory = bench.directory / topic
        self._directory.mkdir()
        self._undisturbed = self.setup(bootstrap, topic, bench.models)
        disturbed = self.setup(bootstrap, topic, bench.models, idle_after, no_data_after)
        self.monitor = self.watcher(disturbed, self._directory / "disturbed", "disturbed", bench.processes)
        self.traffic = self.source(
            bootstrap, topic, bench.models, bench.rate, bench.seed, late=late, stretch=self.stretch
        )

    def __enter__(self) -> Self:
        """Start the traffic; the monitor is started by the scenario."""
        self.traffic.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        self.traffic.stop()
        self.monitor.__exit__()

    def progress(self) -> None:
        """Wait until the monitor has counted predictions that it had not counted when this was asked."""
        before = self.monitor.predictions()
        until(lambda: self.monitor.predictions() > before, PROGRESS_SECONDS, "the monitor counts on")

    def moment(self, longest: float) -> None:
        """Let a random time pass."""
        _PAUSE.wait(self.rng.uniform(0.0, longest))

    def alerts(self, state: str) -> float:
        """Return how many alert events of this state the monitor counts."""
        counted = self.monitor.series("alerts_total")
        return sum(value for labels, value in counted.items() if f'state="{state}"' in labels)

    def quiet(self) -> bool:
        """Whether alerts have fired and all of them are resolved."""
        return 0 < self.alerts("firing") == self.alerts("resolved")

    def terminate(self) -> None:
        """SIGTERM: exit 0. How long it took is judged by chaos.py, which has the machine for itself."""
        code, seconds = self.monitor.terminate()
        self.result.exits.append(seconds)
        self.result.check(code == 0, f"exit code {code} after SIGTERM")

    def settle(self) -> Result:
        """End the traffic, let the disturbed monitor catch up and end it, run the undisturbed one, compare them."""
        result = self.result
        sent = result.sent = self.traffic.finish()
        result.counters = self.monitor.caught_up(sent.records, sent.watermark, CATCH_UP_SECONDS)
        self.terminate()
        bootstrap = self.bench.node.bootstrap
        result.found = read_outputs(bootstrap, self.monitor.topics, sent.watermark)
        reference = self.watcher(self._undisturbed, self._directory / "undisturbed", "undisturbed", 1)
        with reference:
            counters = reference.caught_up(sent.records, sent.watermark, CATCH_UP_SECONDS)
        expected = read_outputs(bootstrap, reference.topics)
        result.problems += differences(result.found, expected)
        result.problems += _counter_differences(result.counters, counters)
        result.check(expected.duplicates == 0, f"the undisturbed run has {expected.duplicates} duplicates")
        _accounts(result, sent)
        if result.problems:
            self._keep(result.found, expected)
        return result

    def _keep(self, found: Outputs, expected: Outputs) -> None:
        """What a difference can be understood by: its rows, and the topics that both have read."""
        keep_differences(self._directory / "differences.txt", found, expected)
        topics = self.monitor.topics
        for name in ("predictions", "feedback"):
            if name in topics:
                keep_topic(self._directory / f"{name}.jsonl", self.bench.node.bootstrap, topics[name])


def _counter_differences(found: dict[str, float], expected: dict[str, float]) -> list[str]:
    return [
        f"{series} is {found.get(series)}, undisturbed {expected.get(series)}"
        for series in sorted(found.keys() | expected.keys())
        if found.get(series) != expected.get(series)
    ]


def _accounts(result: Result, sent: Sent) -> None:
    """The producer's count of records and of those that cannot be read; and where all that were read have gone."""
    read, dead = result.count("records_read_total"), result.count("dead_letters_total")
    result.check(read == sent.records, f"{read:.0f} records read, {sent.records} written")
    result.check(dead == sent.dead, f"{dead:.0f} dead letters counted, {sent.dead} records cannot be read")
    folded, late = result.count("records_folded_total"), result.count("late_records_total")
    kept = f"{sent.open} in open panes + {sent.feedback} feedback"
    result.check(
        read == folded + late + dead + sent.open + sent.feedback,
        f"{read:.0f} read, but {folded:.0f} folded + {late:.0f} late + {dead:.0f} dead + {kept}",
    )

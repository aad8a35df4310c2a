"""A fault machine: faults of every kind, drawn by a seed, one after another and across each other, without a trace.

Live traffic (two models, three versions, segments, late records, dead letters, a shift that comes and goes) is written
to a real broker while `driftgauge run` is disturbed. Afterwards everything that it wrote and counted must be what an
undisturbed run over the same topic gives: evaluations and dead letters byte for byte, alert ids, counters; an alert
that the other has not is a difference. With --labels feedback is joined, too. With --every it is a long run: six hours
are --faults 72 --every 300 --labels --rate 2000, and how memory and state grew is printed. Meanwhile an observer looks
at /readyz every second and compares it with what is so. The same seed draws the same faults in the same order; when
each comes depends on the machine. Exit 1 when anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from chaos import LINGERING, READYZ_SECONDS, show
from chaos_labels import LabelMonitor, LabelRun
from chaos_labels_traffic import references as label_references
from chaos_monitor import Monitor, kill_process
from chaos_run import Bench, Result, Run
from chaos_traffic import PARTITIONS, references
from confluent_kafka import KafkaException, Producer
from growth import Growth
from kafka_node import KafkaNode
from patience import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOLD_WITHIN = 15.0
"""Seconds within which /readyz must say what is wrong; ten are promised to a machine that is not loaded."""

CALM_WITHIN = 240.0
"""Seconds after a fault by which it must be ready again."""

REFUSED = 2
OK = 200


class FaultMonitor(Monitor):
    """A monitor that may be started with another number of processes."""

    def spread(self, processes: int) -> None:
        """The next start has so many."""
        self.processes = processes
        self._command[-1] = str(processes)

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.directory / "state"


class FaultLabelMonitor(FaultMonitor, LabelMonitor):
    """The same of both topics."""


class FaultRun(Run):
    """A run of such a monitor."""

    watcher = FaultMonitor
    monitor: FaultMonitor


class FaultLabelRun(LabelRun):
    """The same of both topics."""

    watcher = FaultLabelMonitor
    monitor: FaultLabelMonitor


@dataclass
class Truth:
    """What is so: since when (s) the monitor must not be ready, with a word that its reason must have."""

    wrong: dict[str, float] = field(default_factory=dict)
    calm: float = field(default_factory=time.monotonic)

    @contextmanager
    def holds(self, word: str) -> Iterator[None]:
        """Around the time in which it is."""
        self.wrong[word] = time.monotonic()
        try:
            yield
        finally:
            del self.wrong[word]
            self.calm = time.monotonic()

    def disturbed(self) -> None:
        """Something happened just now that readiness may show for a while."""
        self.calm = time.monotonic()


class Observer(threading.Thread):
    """Looks at /readyz every second, and notes where it does not say what is so."""

    def __init__(self, monitor: FaultMonitor, truth: Truth) -> None:
        super().__init__(name="observer", daemon=True)
        self.looks = 0
        self.lies: list[str] = []
        self._monitor, self._truth = monitor, truth
        self._done = threading.Event()

    def run(self) -> None:
        """Look until closed."""
        while not self._done.wait(1.0):
            asked = time.monotonic()
            status, said = self._monitor.page("readyz")
            self.looks += 1
            for word, since in dict(self._truth.wrong).items():
                if status == OK and asked - since > TOLD_WITHIN:
                    self._lie(f"ready though {word} for {asked - since:.0f} s")
            if status not in {0, OK} and not self._truth.wrong and asked - self._truth.calm > CALM_WITHIN:
                self._lie(f"not ready {asked - self._truth.calm:.0f} s after everything was well: {said!r}")

    def close(self) -> None:
        """End."""
        self._done.set()
        self.join()

    def _lie(self, what: str) -> None:
        if len(self.lies) < 20:
            self.lies.append(what)


@dataclass
class Scene:
    """What a fault acts on."""

    run: FaultRun | FaultLabelRun
    truth: Truth
    rng: random.Random
    transactions: Transactions


class Transactions:
    """A foreign producer whose transaction is open across other faults; it ends in nothing that could be counted."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._open: Producer | None = None
        self._number = 0

    def turn(self) -> None:
        """Open one, or abort the one that is open; a producer that died is left to the broker."""
        if self._open is None:
            self._begin()
        else:
            self.end()

    def end(self) -> None:
        """Abort what is open."""
        if self._open is not None:
            with _unless_away():
                self._open.abort_transaction(30)
            self._open = None

    def _begin(self) -> None:
        self._number += 1
        settings = {"transactional.id": f"foreign-{self._number}", "transaction.timeout.ms": 20_000, "log_level": 0}
        producer = Producer({"bootstrap.servers": self._bootstrap, **settings})
        with _unless_away():
            producer.init_transactions(30)
            producer.begin_transaction()
            for partition in range(PARTITIONS):
                producer.produce(self._topic, b'{"model": "click", "features": {}}', partition=partition)
            producer.flush(10)
            self._open = producer


@contextmanager
def _unless_away() -> Iterator[None]:
    try:
        yield
    except KafkaException:
        return  # the broker ends it by its timeout


def _started(scene: Scene) -> list[int]:
    """The workers, once there are any and the program answers."""
    monitor = scene.run.monitor
    until(lambda: monitor.page("healthz")[0] == OK, READYZ_SECONDS, "/healthz answers")
    return until(monitor.workers, READYZ_SECONDS, "a worker runs")


def kill_one(scene: Scene) -> None:
    """Kill -9 of a worker."""
    kill_process(scene.rng.choice(_started(scene)))


def kill_all(scene: Scene) -> None:
    """Kill -9 of all workers."""
    for pid in _started(scene):
        kill_process(pid)


def kill_supervisor(scene: Scene) -> None:
    """Kill -9 of the supervisor; started again at once."""
    _started(scene)
    scene.run.monitor.kill()
    scene.run.monitor.start()


def linger(scene: Scene) -> None:
    """The same while a worker is stuck, which goes on later beside the workers of the next one."""
    (pid, *_) = _started(scene)
    os.kill(pid, signal.SIGSTOP)
    try:
        scene.run.monitor.kill()
        scene.run.monitor.start()
        scene.run.moment(8.0)
    finally:
        os.kill(pid, signal.SIGCONT)


def terminate(scene: Scene) -> None:
    """SIGTERM, exit 0, started again with as many processes or another number."""
    _started(scene)
    scene.run.terminate()
    scene.run.monitor.spread(scene.rng.choice([1, 2, 2, 3]))
    scene.run.monitor.start()


def hang_up(scene: Scene) -> None:
    """SIGHUP: nothing ends."""
    workers = _started(scene)
    os.kill(scene.run.monitor.pid, signal.SIGHUP)
    scene.run.moment(2.0)
    # Others may be on their way after the fault before.
    scene.run.result.check(set(workers) <= set(scene.run.monitor.workers()), "a SIGHUP ended a worker")


def freeze_worker(scene: Scene) -> None:
    """SIGSTOP of a worker, for long enough that /readyz must say so."""
    pid = scene.rng.choice(_started(scene))
    try:
        os.kill(pid, signal.SIGSTOP)
        with scene.truth.holds("a worker is frozen"):
            _wait(scene, 2.0, 25.0)
    finally:
        os.kill(pid, signal.SIGCONT)


def freeze_broker(scene: Scene) -> None:
    """The broker answers nothing."""
    node = scene.run.bench.node
    node.pause()
    try:
        with scene.truth.holds("the broker is frozen"):
            _wait(scene, 2.0, 25.0)
    finally:
        node.resume()


def stop_broker(scene: Scene) -> None:
    """The broker is stopped, or killed, and comes back with its data."""
    node = scene.run.bench.node
    scene.rng.choice([node.stop, node.kill])()
    with scene.truth.holds("there is no broker"):
        _wait(scene, 1.0, 20.0)
        node.start()


def transact(scene: Scene) -> None:
    """A foreign transaction opens, or the one that is open ends."""
    scene.transactions.turn()


def restore(scene: Scene) -> None:
    """The state is copied while the monitor runs, and the copy put back after a kill."""
    _started(scene)
    monitor, copy = scene.run.monitor, scene.run.monitor.directory / "copy"
    scene.run.progress()
    shutil.copytree(monitor.state, copy)
    scene.run.moment(6.0)
    monitor.terminate()
    shutil.rmtree(monitor.state)
    copy.rename(monitor.state)
    monitor.start()


def damage(scene: Scene) -> None:
    """A bit flips while it is stopped: the start is refused, and goes well once the bit is what it was."""
    _started(scene)
    run, monitor = scene.run, scene.run.monitor
    scene.run.progress()
    run.terminate()
    if not (monitor.state / "driftgauge.seal").exists():
        run.result.notes.append("no seal after a stop")
        monitor.start()
        return
    path = scene.rng.choice(sorted(monitor.state.glob("*.sqlite3")))
    content = path.read_bytes()
    at = scene.rng.randrange(len(content))
    path.write_bytes(content[:at] + bytes([content[at] ^ 1 << scene.rng.randrange(8)]) + content[at + 1 :])
    monitor.start()
    if monitor.process is not None:
        code = monitor.process.wait(READYZ_SECONDS)
        run.result.check(code == REFUSED, f"exit code {code} with a flipped bit in {path.name}")
    path.write_bytes(content)
    monitor.start()


def shift(scene: Scene) -> None:
    """The predictions shift, or shift back: alerts fire and end."""
    shifted = scene.run.traffic.shifted
    if shifted.is_set():
        shifted.clear()
    else:
        shifted.set()


FAULTS: dict[str, tuple[Callable[[Scene], None], int]] = {
    "worker killed": (kill_one, 4),
    "workers killed": (kill_all, 1),
    "supervisor killed": (kill_supervisor, 2),
    LINGERING: (linger, 1),
    "SIGTERM": (terminate, 3),
    "SIGHUP": (hang_up, 1),
    "worker frozen": (freeze_worker, 2),
    "broker frozen": (freeze_broker, 2),
    "broker stopped": (stop_broker, 2),
    "transaction": (transact, 4),
    "state restored": (restore, 1),
    "bit flipped": (damage, 1),
    "shift": (shift, 2),
}
"""By name: what is done, and how often beside the others."""


def drawn(seed: int, count: int) -> list[str]:
    """The faults of a seed: each kind before any comes twice as often as its weight, in an order by chance."""
    rng = random.Random(seed)
    names = [name for name, (_, weight) in FAULTS.items() for _ in range(weight)]
    found: list[str] = []
    while len(found) < count:
        rng.shuffle(names)
        found += names
    return found[:count]


def _wait(scene: Scene, least: float, most: float) -> None:
    end = time.monotonic() + scene.rng.uniform(least, most)
    while (left := end - time.monotonic()) > 0:
        scene.run.moment(left)


def faults(
    bench: Bench,
    names: list[str],
    report: Callable[[str], None] = print,
    *,
    kind: type[FaultRun | FaultLabelRun] = FaultRun,
    every: float = 0.0,
) -> Result:
    """Do all of them, in this order, one every so many seconds at most, and compare."""
    with kind(bench, "faults") as run:
        truth = Truth()
        transactions = Transactions(bench.node.bootstrap, run.traffic.topic)
        scene = Scene(run, truth, random.Random(f"{bench.seed} moments"), transactions)
        observer = Observer(run.monitor, truth)
        growth = Growth(lambda: run.monitor.pid, run.monitor.state)
        run.monitor.start()
        observer.start()
        growth.start()
        try:
            for number, name in enumerate(names, 1):
                begun = time.monotonic()
                if scene.rng.random() < 0.6:
                    transactions.end()
                    run.progress()
                run.moment(3.0)
                report(f"{time.strftime('%H:%M:%S')} {number}/{len(names)} {name}")
                truth.disturbed()
                FAULTS[name][0](scene)
                truth.disturbed()
                while (left := begun + every - time.monotonic()) > 0:
                    run.moment(left)
            transactions.end()
            run.progress()
        finally:
            observer.close()
            run.result.notes.append(growth.close())
        counts = ", ".join(f"{name} {count}x" for name, count in sorted(Counter(names).items()))
        run.result.notes.append(f"{counts}; {observer.looks} looks at /readyz, {len(observer.lies)} untrue")
        run.result.problems += observer.lies
        run.result.disturbances = len(names)
        return run.settle()


def main() -> None:
    """Draw and do faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=500.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--labels", action="store_true", help="with feedback")
    parser.add_argument("--every", type=float, default=0.0, help="seconds from one fault to the next, at least")
    parser.add_argument("--only", default="", help="kinds of faults, comma-separated")
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    wanted = set(options.only.split(",")) if options.only else set(FAULTS)
    names = [name for name in drawn(options.seed, 40 * options.faults) if name in wanted][: options.faults]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="driftgauge-faults-") as scratch, KafkaNode(heap="512m") as node:
        kind, models = (FaultLabelRun, label_references()) if options.labels else (FaultRun, references())
        directory = options.keep or Path(scratch)
        bench = Bench(node, models, directory, options.rate, options.seed, options.processes)
        result = faults(bench, names, kind=kind, every=options.every)
    show([result])
    took, found = time.monotonic() - began, len(result.problems)
    print(f"seed {options.seed}: {len(names)} faults in {took:.0f} s, {found} differences")
    sys.exit(bool(result.problems))


if __name__ == "__main__":
    main()

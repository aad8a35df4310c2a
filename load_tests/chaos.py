"""Disturbances that a monitor must survive without anybody noticing in its results.

Each scenario writes live traffic (two models, three versions, segments, a shift that comes and goes, late records, dead
letters) to a real broker, disturbs `driftgauge run --processes 2` in one way, and compares everything it wrote and
counted with an undisturbed run of one process over the same topic: ids and bytes (but an alert's `emitted_at`),
counters, dead letters. Exit 1 when anything differs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import machine
from chaos_monitor import kill_process
from chaos_run import Bench, Result, Run
from chaos_traffic import references
from kafka_node import KafkaNode
from patience import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from windows.references.reference import Reference

READYZ_SECONDS = 600.0
STOP_SECONDS = 5.0
LINGERING = "the supervisor while a worker is stuck"
VICTIMS, WEIGHTS = ("a worker", "all workers", "the supervisor", LINGERING), (5, 1, 2, 1)
OK, UNAVAILABLE = 200, 503
WAITING = "waiting for broker"


def kills(bench: Bench, number: int, kind: type[Run] = Run, victims: Sequence[str] = ()) -> Result:
    """Kill -9 workers, all of them, or the supervisor (which is started again at once), at random moments.

    A worker may be stuck when its supervisor dies, and go on seconds later beside the workers of the next one.

    Args:
        bench: where.
        number: of kills.
        kind: of run.
        victims: one for each kill, in any order; drawn where there are none.
    """
    with kind(bench, "kill -9") as run:
        run.monitor.start()
        killed: dict[str, int] = {}
        given = run.rng.sample(victims, len(victims))
        for at in range(number):
            _random_moment(run)
            victim = given[at] if given else run.rng.choices(VICTIMS, WEIGHTS)[0]
            killed[victim] = killed.get(victim, 0) + 1
            _kill(run, victim)
            _shift(run, at, number)
        run.result.disturbances = number
        run.result.notes.append(", ".join(f"{victim} {count}x" for victim, count in sorted(killed.items())))
        _see_alerts_resolve(run)
        return run.settle()


def _random_moment(run: Run) -> None:
    """Mostly some time after the monitor counts again; now and then while it starts."""
    if run.rng.random() < 0.8:
        run.progress()
        run.moment(4.0)
    else:
        run.moment(3.0)


def _kill(run: Run, victim: str) -> None:
    workers = until(run.monitor.workers, READYZ_SECONDS, "a worker runs")
    if victim in {"a worker", "all workers"}:
        for pid in workers if victim == "all workers" else [run.rng.choice(workers)]:
            kill_process(pid)
    else:
        lingering = workers[: victim == LINGERING]
        for pid in lingering:
            os.kill(pid, signal.SIGSTOP)
        try:
            run.monitor.kill()
            run.monitor.start()
            run.moment(8.0 * len(lingering))
        finally:
            for pid in lingering:
                os.kill(pid, signal.SIGCONT)


def _shift(run: Run, at: int, number: int) -> None:
    """The shift comes with the first disturbances and goes halfway."""
    if at < number // 2:
        run.traffic.shifted.set()
    else:
        run.traffic.shifted.clear()


def _see_alerts_resolve(run: Run) -> None:
    """Have the shift fire if it has not, end it, and wait until all that fired is resolved."""
    run.progress()  # after a restart its counters are there again
    if not run.alerts("firing"):
        run.traffic.shifted.set()
        until(lambda: run.alerts("firing"), run.alert_seconds, "an alert fires")
    run.traffic.shifted.clear()
    until(run.quiet, run.alert_seconds, "all alerts are resolved")


def terms(bench: Bench, number: int, kind: type[Run] = Run) -> Result:
    """SIGTERM the supervisor and start it again."""
    with kind(bench, "SIGTERM") as run:
        run.monitor.start()
        for at in range(number):
            _random_moment(run)
            # Before its first line a program has no handler of signals yet, and nothing to lose.
            until(lambda: run.monitor.page("healthz")[0] == OK, READYZ_SECONDS, "/healthz answers")
            run.terminate()
            run.monitor.start()
            _shift(run, at, number)
        run.result.disturbances = number
        _see_alerts_resolve(run)
        result = run.settle()
        if result.found is not None:
            result.check(result.found.duplicates == 0, f"{result.found.duplicates} rows came twice")
        return result


def outage(bench: Bench, seconds: float, how: str) -> Result:
    """Stop or freeze the broker, for longer than no_data_after, while predictions are held back by their producer."""
    node = bench.node
    away, back = (node.pause, node.resume) if how == "broker frozen" else (node.stop, node.start)
    with Run(bench, how, late=False, idle_after="15s", no_data_after=f"{seconds / 3:.0f}s") as run:
        run.monitor.start()
        run.progress()
        workers = run.monitor.workers()
        run.traffic.shifted.set()
        outage_of(run, seconds, away, back)
        returned = time.monotonic()
        says(run, OK)
        run.result.notes.append(f"/readyz 200 {time.monotonic() - returned:.1f} s after its return")
        _reach(run, int(time.time() * 1e3))
        run.result.notes.append(f"caught up after {time.monotonic() - returned:.1f} s")
        until(lambda: run.alerts("firing"), run.alert_seconds, "an alert fires")
        run.result.check(run.monitor.workers() == workers, "a worker was replaced")
        run.result.disturbances = 1
        result = run.settle()
        late = result.count("late_records_total")
        result.check(late == 0, f"{late:.0f} late records")
        states = {} if result.found is None else result.found.alert_states()
        result.check(not any("NoData" in state for state in states), f"false NoData: {states}")
        return result


def outage_of(run: Run, seconds: float, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Take the broker away for so long; /readyz must say so soon and all the while."""
    began = time.monotonic()
    away()
    says(run, UNAVAILABLE, "broker")
    run.result.notes.append(f"/readyz 503 after {time.monotonic() - began:.1f} s")
    while time.monotonic() - began < seconds:
        status, reasons = run.monitor.page("readyz")
        said = status == UNAVAILABLE and "broker" in reasons
        run.result.check(said, f"/readyz says {status} {reasons!r} without a broker")
        run.moment(1.0)
    back()


def says(run: Run, status: int, words: str = "") -> None:
    """Wait until /readyz answers with this status and these words."""

    def said() -> bool:
        found = run.monitor.page("readyz")
        return found[0] == status and words in found[1]

    until(said, READYZ_SECONDS, f"/readyz says {status} {words}; it says {run.monitor.page('readyz')}")


def _reach(run: Run, time_ms: int) -> None:
    """Wait until the watermark of every model has reached this time."""
    until(
        lambda: min(run.monitor.series("watermark_timestamp_seconds").values(), default=0.0) * 1e3 >= time_ms,
        READYZ_SECONDS,
        "the watermark reaches the present",
    )


def absent(bench: Bench, seconds: float) -> Result:
    """No broker at the start; later a worker and the supervisor are killed, and the monitor is stopped, without one."""
    with Run(bench, "broker absent") as run:
        monitor, node = run.monitor, bench.node
        node.stop()
        began = time.monotonic()
        monitor.start()
        says(run, UNAVAILABLE, WAITING)
        until(lambda: time.monotonic() - began > seconds, seconds + 5, "the time is over")
        says(run, UNAVAILABLE, WAITING)
        _return(run)
        run.traffic.shifted.set()
        run.progress()
        _leave(run)
        kill_process(run.rng.choice(monitor.workers()))
        says(run, UNAVAILABLE, WAITING)
        monitor.kill()
        monitor.start()
        says(run, UNAVAILABLE, WAITING)
        run.terminate()
        monitor.start()
        says(run, UNAVAILABLE, WAITING)
        _return(run)
        run.progress()
        _leave(run)
        run.terminate()
        monitor.start()
        _return(run)
        _leave(run)
        monitor.kill()
        monitor.start()
        _return(run)
        run.result.disturbances = 9
        _see_alerts_resolve(run)
        return run.settle()


def _leave(run: Run) -> None:
    """Stop the broker; the monitor notices."""
    run.bench.node.stop()
    says(run, UNAVAILABLE, "broker lost")


def _return(run: Run) -> None:
    """Start the broker; the monitor watches again."""
    run.bench.node.start()
    says(run, OK)


def show(results: list[Result]) -> None:
    """Print the table, then what was noted and what is wrong; a slow exit is."""
    for result in results:
        slow = [seconds for seconds in result.exits if seconds >= STOP_SECONDS]
        result.check(not slow, f"exits after SIGTERM took {', '.join(f'{seconds:.1f} s' for seconds in slow)}")
    head = ("times", "records", "late", "dead", "evaluations", "alerts", "twice", "exit s", "differences")
    print(f"\n{'scenario':16}" + "".join(f"{name:>12}" for name in head))
    for result in results:
        found, exits = result.found, max(result.exits, default=float("nan"))
        cells = [
            f"{result.disturbances}",
            f"{result.count('records_read_total'):,.0f}",
            f"{result.count('late_records_total'):,.0f}",
            f"{result.count('dead_letters_total'):,.0f}",
            "" if found is None else f"{len(found.evaluations.by_id):,}",
            "" if found is None else f"{len(found.alerts.by_id)}",
            "" if found is None else f"{found.duplicates:,}",
            f"{exits:.2f}",
            f"{len(result.problems)}",
        ]
        print(f"{result.name:16}" + "".join(f"{cell:>12}" for cell in cells))
    for result in results:
        if result.found is not None:
            states = ", ".join(f"{state} {count}" for state, count in result.found.alert_states().items())
            print(f"{result.name}: {'; '.join([*result.notes, states])}")
        for problem in result.problems:
            print(f"{result.name}: NOT AS IT MUST BE: {problem}")


def play(
    options: argparse.Namespace,
    scenarios: Mapping[str, Callable[[Bench], Result]],
    references: Mapping[str, Reference],
    work: str = "",
) -> NoReturn:
    """Run scenarios in turn, those that --only names, show them, and exit: 1 when anything differs.

    Args:
        options: rate, seed, processes, keep and only.
        scenarios: by the name they are chosen with.
        references: of the models.
        work: what is done, for people.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    if work:
        print(f"{'work':10} {work}")
    wanted = [name for name in options.only.split(",") if name] or list(scenarios)
    with tempfile.TemporaryDirectory(prefix="driftgauge-chaos-") as scratch, KafkaNode(heap="512m") as node:
        directory = options.keep or Path(scratch)
        bench = Bench(node, references, directory, options.rate, options.seed, options.processes)
        results = []
        for name in wanted:
            began = time.monotonic()
            results.append(scenarios[name](bench))
            print(f"{name:8} {time.monotonic() - began:6.0f} s, {len(results[-1].problems)} differences", flush=True)
    show(results)
    sys.exit(any(result.problems for result in results))


def scenarios(options: argparse.Namespace) -> dict[str, Callable[[Bench], Result]]:
    """Return the scenarios by the name they are chosen with."""
    return {
        "kill": lambda bench: kills(bench, options.kills),
        "term": lambda bench: terms(bench, options.terms),
        "stop": lambda bench: outage(bench, options.outage, "broker stopped"),
        "freeze": lambda bench: outage(bench, options.outage, "broker frozen"),
        "absent": lambda bench: absent(bench, options.absent),
    }


def main() -> None:
    """Run the scenarios in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--outage", type=float, default=60.0, help="seconds without a broker")
    parser.add_argument("--absent", type=float, default=20.0, help="seconds without a broker at the start")
    parser.add_argument("--rate", type=float, default=1_500.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenarios, comma-separated: kill, term, stop, freeze, absent")
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    play(options, scenarios(options), references())


if __name__ == "__main__":
    main()

"""A monitor on several hosts that nobody may notice anything of in its results.

    python load_tests/hosts.py [--faults N] [--only faults,rescale]

Three network namespaces are the hosts, two processes on each, a disk (directory) each, Apache Kafka beside them. Two
models with labels joined, as in `chaos_labels.py`, under random faults: a worker, a supervisor or a whole host is
killed, a host is stopped and started, cut off, frozen, or lost for a while, a disk is lost; or the number of hosts
changes from 1 to 3 to 2 with `driftgauge state move`. Everything that is written and counted is compared with an
undisturbed run of one process on one host. Exit 1 when anything differs. `--only idle` tells what the processes take
with nothing to read. Needs root, for the namespaces.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from chaos import show
from chaos_labels_traffic import references
from chaos_monitor import kill_process
from chaos_run import Bench
from hosts_monitor import HostsRun
from namespaces import Network, broker
from patience import until
from usage import usage

if TYPE_CHECKING:
    from chaos_run import Result
    from hosts_monitor import HostsMonitor

HOSTS = 3
FAULTS = (
    "worker killed",
    "supervisor killed",
    "host killed",
    "host stopped",
    "host cut off",
    "host frozen",
    "host lost",
    "disk lost",
)
IDLE_SECONDS = 20.0
NOTICED_SECONDS = 60.0
_PAUSE = threading.Event()


def faults(bench: Bench, network: Network, number: int) -> Result:
    """One fault after the other, each at a random moment after the monitor counts again."""
    with HostsRun(bench, "faults", network, HOSTS) as run:
        run.monitor.start()
        run.monitor.until_ready()
        happened: Counter[str] = Counter()
        waits = []
        for at in range(number):
            run.progress()
            run.moment(4.0)
            fault = FAULTS[at % len(FAULTS)] if number >= len(FAULTS) else run.rng.choice(FAULTS)
            # The first host's disk has the recovery files, of which there is no second copy.
            host = run.rng.randrange(fault == "disk lost", HOSTS)
            happened[fault] += 1
            print(f"{at + 1:3} host {host}: {fault}", end="", flush=True)
            _do(run, fault, host)
            run.monitor.start()
            waits.append(run.monitor.until_ready())
            print(f", ready again {waits[-1]:.1f} s after it was over", flush=True)
            _shift(run, at, number)
        run.result.disturbances = number
        run.result.notes.append(", ".join(f"{fault} {count}x" for fault, count in sorted(happened.items())))
        run.result.notes.append(f"ready again after {sorted(waits)[len(waits) // 2]:.1f} s (most {max(waits):.1f})")
        return run.settle()


def rescale(bench: Bench, network: Network) -> Result:
    """From one host to three to two, labels waiting."""
    with HostsRun(bench, "rescale", network, 1) as run:
        run.monitor.start()
        for at, count in enumerate((3, 2)):
            run.monitor.until_ready()
            run.progress()
            run.moment(10.0)
            _shift(run, at, 2)
            began = time.monotonic()
            run.monitor.resize(count)
            run.monitor.until_ready()
            run.result.notes.append(f"{count} hosts after {time.monotonic() - began:.1f} s")
        run.progress()
        run.result.disturbances = 2
        return run.settle()


def idle(bench: Bench, network: Network) -> Result:
    """What the processes take while nothing is written: they wait for each other at the end of each epoch."""
    with HostsRun(bench, "idle", network, HOSTS) as run:
        run.monitor.start()
        run.monitor.until_ready()
        run.progress()
        run.traffic.stop()
        _PAUSE.wait(IDLE_SECONDS / 2)
        processes = [pid for host in run.monitor.hosts for pid in run.monitor.workers_of(host)]
        before = {pid: usage(pid).cpu for pid in processes}
        began = time.monotonic()
        _PAUSE.wait(IDLE_SECONDS)
        passed = time.monotonic() - began
        run.result.check(run.monitor.is_ready(), "not ready, though nothing is wrong")
        shares = sorted((usage(pid).cpu - cpu) / passed for pid, cpu in before.items())
        shown = ", ".join(f"{share:.0%}" for share in shares)
        print(f"{'idle':10} each process takes, of a core: {shown}", flush=True)
        return run.result


def _do(run: HostsRun, fault: str, host: int) -> None:
    monitor = run.monitor
    match fault:
        case "worker killed":
            kill_process(run.rng.choice(monitor.workers_of(host)))
            until(lambda: not monitor.is_ready(), NOTICED_SECONDS, "the others notice the death of a process")
        case "supervisor killed":
            monitor.kill_supervisor(host)
        case "host killed" | "host lost":
            monitor.kill_host(host)
            if fault == "host lost":
                _while(run, 5.0, 15.0)
        case "disk lost":
            monitor.lose_disk(host)
        case "host stopped":
            run.result.check(monitor.stop_host(host) == 0, f"host {host} did not end with 0 after SIGTERM")
        case "host cut off":
            monitor.network.places[host].cut()
            _while(run, 5.0, 20.0)
            monitor.network.places[host].mend()
        case "host frozen":
            _freeze(run, monitor, host)


def _freeze(run: HostsRun, monitor: HostsMonitor, host: int) -> None:
    monitor.signal_host(host, signal.SIGSTOP)
    _while(run, 2.0, 15.0)
    monitor.signal_host(host, signal.SIGCONT)


def _while(run: HostsRun, shortest: float, longest: float) -> None:
    _PAUSE.wait(run.rng.uniform(shortest, longest))


def _shift(run: HostsRun, at: int, number: int) -> None:
    """Let things go wrong in the middle third."""
    if at == number // 3:
        run.traffic.shifted.set()
    elif at == 2 * number // 3:
        run.traffic.shifted.clear()


def _scenario(name: str, bench: Bench, network: Network, number: int) -> Result:
    scenarios = {"faults": partial(faults, number=number), "rescale": rescale, "idle": idle}
    result = scenarios[name](bench, network)
    print(f"{name}: {len(result.problems)} differences", flush=True)
    return result


def main() -> None:
    """Run the scenarios in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--rate", type=float, default=500.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2, help="on each host")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="faults,rescale", help="scenarios, comma-separated")
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker, namespaces and files go with it
    machine.show()
    print(
        f"{'work':10} {options.rate:,.0f} predictions/s, {HOSTS} hosts of {options.processes} processes, labels joined"
    )
    with (
        tempfile.TemporaryDirectory(prefix="driftgauge-hosts-") as scratch,
        Network(HOSTS) as network,
        broker(network) as node,
    ):
        directory = options.keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        bench = Bench(node, references(), directory, options.rate, options.seed, options.processes)
        results = [_scenario(name, bench, network, options.faults) for name in options.only.split(",")]
    show(results)
    sys.exit(any(result.problems for result in results))


if __name__ == "__main__":
    main()

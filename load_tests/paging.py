"""From the first shifted event to the pager: how long, and where the time goes; then what must not page twice.

    python load_tests/paging.py [--runs 20] [--push]
    python load_tests/paging.py --scenario forty|flapping|killed|alertmanager_down|push|all

Real parts on this machine: Kafka, driftgauge, Prometheus and Alertmanager with what is shipped in deploy/, and a
receiver that speaks PagerDuty's Events API v2. A run: traffic shifts in one feature by KS 0.2, one page comes, traffic
is normal again, one resolve comes. In each run the shift begins at another moment of a pane, evenly spread, and
scrapes are at other moments of their interval. The processes go on from run to run. About 80 seconds a run.

Exits 1 when a page is missing, wrong, repeated or late.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import astuple
from pathlib import Path

import machine
import paging_scenarios
from kafka_node import KafkaNode
from paging_chain import Chain
from paging_run import SHIFT, TITLES, Stages, measured
from paging_traffic import narrow

LIMIT = 40.0
"""Seconds from the first shifted event to the POST."""


def figures(runs: int, bootstrap: str, directory: Path, *, push: bool) -> bool:
    """Print every run, then the whole; whether every page was in time."""
    way = "direct push" if push else "scrapes and rules 5 s"
    print(f"\n{runs} runs; panes 10 s, lateness 5 s, {way}, group_wait 0 s; 1,000 predictions a second")
    names = list(TITLES)
    print(f"{'run':>4} {'in pane':>8} {'total':>7} " + " ".join(f"{name:>9}" for name in names))
    found: list[Stages] = []
    with Chain(directory, bootstrap, narrow(10_000), [SHIFT], push=push) as chain:
        for number in range(runs):
            # Scrapes and panes both follow the clock: else each run would wait as long for its scrape as the last.
            chain.prometheus.rephase(str(number))
            # Evenly spread, in an order that does not follow the clock.
            phase = (number * 0.6180339887 + 0.05) % 1.0
            found.append(measured(chain, phase))
            each = " ".join(f"{value:9.2f}" for value in astuple(found[-1]))
            print(f"{number + 1:4} {10 * phase:7.1f}s {found[-1].total:6.2f}s {each}", flush=True)
    totals = sorted(stages.total for stages in found)
    print(f"\n{'stage':34} {'mean s':>7} {'max s':>7} {'share':>6}")
    for name, title in TITLES.items():
        values = [getattr(stages, name) for stages in found]
        print(f"{title:34} {statistics.mean(values):7.2f} {max(values):7.2f} {sum(values) / sum(totals):6.1%}")
    print(
        f"from the first shifted event to the POST: p50 {statistics.median(totals):.1f} s, max {totals[-1]:.1f} s"
        f" over {runs} runs, allowed {LIMIT:.0f} s; {runs} triggers and {runs} resolves, each as it must be"
    )
    return totals[-1] <= LIMIT


def main(arguments: list[str]) -> int:
    """Run what is asked for; 1 if something is not as it must be."""
    scenarios = paging_scenarios.SCENARIOS
    parser = argparse.ArgumentParser(description="From a shift in the traffic to the pager.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--push", action="store_true", help="driftgauge tells Alertmanager itself, for the figures")
    parser.add_argument("--scenario", choices=("figures", *scenarios, "all"), default="figures")
    given = parser.parse_args(arguments)
    machine.show()
    wanted = ("figures", *scenarios) if given.scenario == "all" else (given.scenario,)
    kept = True
    began = time.monotonic()
    with KafkaNode(heap="512m") as node, tempfile.TemporaryDirectory(prefix="driftgauge-paging-") as scratch:
        for name in wanted:
            directory = Path(scratch, name)
            directory.mkdir()
            if name == "figures":
                kept &= figures(given.runs, node.bootstrap, directory, push=given.push)
            else:
                kept &= scenarios[name](node.bootstrap, directory)
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

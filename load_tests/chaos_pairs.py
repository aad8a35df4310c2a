"""Disturbances with requests in flight that wait for their responses, which nobody may notice in any result.

    python load_tests/chaos_pairs.py [--kills N] [--terms N] [--only kill,term]

As `chaos.py`, with predictions as KServe's logger writes them: a request and its response are messages of their own, in
partitions of their own, up to a second apart, with one to three rows, late ones, some without the other half, some that
cannot be read. Everything that is written and counted (windows, alerts, dead letters, pairs and halves that stayed
alone) is compared with an undisturbed run of one process over the same topic. Exit 1 when anything differs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import kills, play, terms
from chaos_monitor import EXACT, Monitor, Setup
from chaos_pairs_traffic import PairTraffic
from chaos_run import Bench, Result, Run
from chaos_traffic import references

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = ("pairs_total", "unpaired_total", "records_skipped_total")


@dataclass(frozen=True)
class PairSetup(Setup):
    """A monitor of a topic that KServe's logger writes."""

    def config(self, directory: Path, name: str) -> dict[str, Any]:
        """Return the config whose source pairs."""
        config = super().config(directory, name)
        source = {"topic": self.topic, "preset": "kserve", "map": {"version": "endpoint"}, "pair": {"wait": "3s"}}
        return {**config, "sources": [source]}


class PairMonitor(Monitor):
    """Its counters include those of pairs."""

    exact = (*EXACT, *PAIRS)


class PairRun(Run):
    """Traffic in halves, and a monitor that pairs them."""

    setup = PairSetup
    watcher = PairMonitor
    source = PairTraffic

    def settle(self) -> Result:
        """Compare; and see that there was something to compare."""
        result = super().settle()
        counted = {name: result.count(name) for name in PAIRS}
        result.notes.append(", ".join(f"{name} {value:,.0f}" for name, value in counted.items()))
        for name, value in counted.items():
            result.check(value > 0, f"{name} is 0")
        for half in ("request", "response"):
            alone = sum(value for name, value in result.counters.items() if f'half="{half}",reason="alone"' in name)
            result.check(alone > 0, f"no {half} stayed alone")
        return result


def scenarios(options: argparse.Namespace) -> dict[str, Callable[[Bench], Result]]:
    """Return the scenarios by the name they are chosen with."""
    return {
        "kill": lambda bench: kills(bench, options.kills, PairRun),
        "term": lambda bench: terms(bench, options.terms, PairRun),
    }


def main() -> None:
    """Run the scenarios in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--terms", type=int, default=5)
    parser.add_argument("--rate", type=float, default=600.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenarios, comma-separated: kill, term")
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    work = f"{options.rate:,.0f} predictions/s on {options.processes} processes, in requests and responses"
    play(options, scenarios(options), references(), work)


if __name__ == "__main__":
    main()

"""Disturbances with labels in flight, which nobody may notice in anything that is said about performance.

    python load_tests/chaos_labels.py [--kills N] [--only kill,term,stop]

As `chaos.py`, with feedback joined: labels come seconds after their predictions or before them, twice, revised, with
the prediction in them, about nobody, unreadable, while `driftgauge run --processes 2` is killed, stopped or left
without a broker. Everything it writes and counts (windows of performance and their revisions, alerts of labels and of
predictions, dead letters, what became of every label) is compared with an undisturbed run of one process over the same
topics. Exit 1 when anything differs.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import kills, play, terms
from chaos_labels_traffic import LabelTraffic, feedback_topic, references
from chaos_monitor import EXACT, Monitor, Setup, create_topics
from chaos_run import Bench, Result, Run
from chaos_traffic import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = (
    "feedback_total",
    "labels_total",
    "duplicates_total",
    "unmatched_feedback_total",
    "old_cohorts_total",
)
"""Counters of labels that come out of exactly-once state."""
RACE = 'feedback_total{kind="delayed",model="rank"}'
"""What is said last, behind the last tick: nothing ever waits for it."""
PERFORMANCE: dict[str, dict[str, Any]] = {
    "click": {
        "windows": ["8s", "40s"],
        "label_delay": "6s",
        "negative_after": "4s",
        "keep": "5m",
        "wait": "1m",
        "accuracy": [
            {"baseline": 0.7, "max_drop": 0.15},
            {"baseline": "trailing", "trailing": "40s", "max_drop": 0.2, "window": "8s"},
        ],
        "auc": {"baseline": "version", "max_drop": 0.2, "window": "8s"},
        "concept": {"error": {"baseline": 0.3, "max_rise": 0.15, "window": "8s"}, "detectors": "evaluate"},
    },
    "rank": {
        "windows": ["8s"],
        "label_delay": "6s",
        "coverage": 0.4,
        "keep": "5m",
        "wait": "1m",
        "mae": {"baseline": "reference", "max_ratio": 2},
    },
}
SLA = {"click": {"accuracy": {"objective": ">= 0.5", "window": "8s"}}, "rank": {"mae": "< 0.2"}}


@dataclass(frozen=True)
class LabelSetup(Setup):
    """A monitor of both topics."""

    def config(self, directory: Path, name: str) -> dict[str, Any]:
        """Return the config with feedback: rules of every kind of baseline, and objectives fed from both sides."""
        config = super().config(directory, name)
        config["topics"]["feedback"] = feedback_topic(self.topic)
        for model in config["models"]:
            model["performance"] = PERFORMANCE[model["name"]]
            model["sla"] = {**model["sla"], **SLA[model["name"]]}
        return config


class LabelMonitor(Monitor):
    """Has caught up when the labels have; its counters include what became of them."""

    exact = (*EXACT, *LABELS)
    marks = ("watermark_timestamp_seconds", "labels_timestamp_seconds")

    def series(self, *names: str) -> dict[str, float]:
        """Return the series of these metrics, without the one that is a race."""
        return {name: value for name, value in super().series(*names).items() if name != RACE}


class LabelRun(Run):
    """Traffic with feedback, and a monitor of both topics."""

    setup = LabelSetup
    watcher = LabelMonitor
    source = LabelTraffic
    # A window of 40 s has to be left and held, behind labels that are waited for.
    alert_seconds = 300.0

    def __init__(self, bench: Bench, name: str, **options: Any) -> None:
        topic = f"predictions-{name.replace(' ', '-')}-{bench.seed}"
        create_topics(bench.node.bootstrap, {feedback_topic(topic): PARTITIONS})
        super().__init__(bench, name, **options)

    def quiet(self) -> bool:
        """Whether alerts have fired and none does; what predictions and labels both feed fires twice and ends once.

        What is of severity info tells that traffic is too thin to judge something by, for as long as it is.
        """
        active = self.monitor.series("alert_active").items()
        return self.alerts("firing") > 0 and not any(on for name, on in active if 'severity="info"' not in name)

    def settle(self) -> Result:
        """Compare; and see that there was something to compare."""
        result = super().settle()
        counted: Counter[str] = Counter()
        for series, value in result.counters.items():
            counted[series.partition("{")[0]] += int(value)
        result.notes.append(", ".join(f"{name} {counted[name]:,}" for name in LABELS))
        for event in ("matched", "revised"):
            total = sum(value for name, value in result.counters.items() if f'event="{event}"' in name)
            result.check(total > 0, f"no label was {event}")
        states = {} if result.found is None else result.found.alert_states()
        result.check("PerformanceDrop firing" in states, f"no alert of labels fired: {states}")
        return result


def scenarios(options: argparse.Namespace) -> dict[str, Callable[[Bench], Result]]:
    """Return the scenarios by the name they are chosen with."""
    return {
        "kill": lambda bench: kills(bench, options.kills, LabelRun),
        "term": lambda bench: terms(bench, options.terms, LabelRun),
    }


def main() -> None:
    """Run the scenarios in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--terms", type=int, default=5)
    parser.add_argument("--rate", type=float, default=1_000.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenarios, comma-separated: kill, term")
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    work = f"{options.rate:,.0f} predictions/s on {options.processes} processes, labels for most of them"
    play(options, scenarios(options), references(), work)


if __name__ == "__main__":
    main()

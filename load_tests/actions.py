"""What actions promise, each as a figure: storms, broken pipelines, flapping.

    python load_tests/actions.py

Decisions are those of the dataflow's own steps (`operators.actions`). Exit 1 when a promise is broken. That there is
one DAG run for each action is shown by tests/stream/connectors and tests/stream/workers/test_actions.py.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from acting import DAY, HOUR, MINUTE, PANE, START, Player, fact, plan

from operators.actions.event import ActionEvent
from operators.actions.govern import Govern, GovernConfig, GovernState
from operators.settings.actions import Storm

if TYPE_CHECKING:
    from operators.actions.inputs import Fact

INCIDENTS = ("null", "x1000", "constant", "swapped")


def storm(apart: int, drifting: int = 50, models: int = 50) -> tuple[str, dict[str, int]]:
    """So many models of all have drift in one shared feature, each noticing it so long (ms) after the one before."""
    names = [f"m{number:02}" for number in range(models)]
    govern = Govern(GovernConfig(frozenset(names), 5, Storm()), GovernState())
    counts: dict[str, int] = {}
    out = []
    for number, name in enumerate(names):
        player = Player(replace(plan(retrain={"drift": {"for": "1h"}}), model=name))
        drifts = [fact(HOUR + number * apart)] if number < drifting else []
        player.run(4 * HOUR, *drifts, step=MINUTE)
        out += govern([*player.events, player.decided[-1]])
    told = [one for one in out if isinstance(one, ActionEvent)]
    for one in told:
        key = f"{one.action} {one.block_reason or one.state}"
        counts[key] = counts.get(key, 0) + 1
    waited = max((one.event_time - one.requested_at for one in told if one.state == "requested"), default=0)
    text = f"{drifting} of {models} models, one shared feature, noticed {apart / 1e3:.0f} s apart: {counts}, "
    return f"{text}asked for {waited / 1e3:.0f} s after it was wanted", counts


def incidents(count: int = 40) -> tuple[str, bool]:
    """Broken pipelines: bad data and the drift that it looks like, for minutes to hours; a retraining must not come."""
    rng, asked, inside = random.Random(1), 0, 0
    for number in range(count):
        begin, lasts = HOUR, rng.randint(5, 360) * MINUTE
        retrain = {"drift": {"for": "0s"}, "training_window": "2d", "cooldown": "1h"}
        player = Player(plan(retrain=retrain))
        facts: list[Fact] = [
            fact(begin, alert="DataQuality", reason=INCIDENTS[number % 4]),
            fact(begin + MINUTE, reason="drift that it looks like"),
            fact(begin + lasts, "resolved", "DataQuality", started_at=begin),
            fact(begin + lasts + 10 * MINUTE, "resolved", started_at=begin + MINUTE),
        ]
        # A week later real drift, which is to be trained for.
        facts.append(fact(7 * DAY))
        player.run(8 * DAY, *facts, step=10 * MINUTE)
        requested = [one.event_time for one in player.events if one.state == "requested"]
        asked += len(requested)
        over = begin + lasts + 2 * DAY
        inside += sum(1 for at in requested if at - START < over)
    text = f"{count} broken pipelines: {inside} retrainings in the incident or the window after it; {asked} for the "
    return text + "drift a week later", inside == 0 and asked == count


def flapping() -> tuple[str, bool]:
    """An alert that comes and goes every five minutes for a day."""
    player = Player(plan(retrain={"drift": {"for": "0s"}}))
    facts = []
    for minute in range(10, 24 * 60, 10):
        facts += [fact(minute * MINUTE), fact((minute + 5) * MINUTE, "resolved", started_at=minute * MINUTE)]
    player.run(DAY, *facts, step=MINUTE)
    count = sum(one.state == "requested" for one in player.events)
    return f"24 h of flapping: {count} retraining, {len(player.events) - count} refused", count == 1


def main() -> int:
    """Print each figure; the exit code."""
    good = True
    for apart in (0, PANE, 2 * MINUTE):
        text, counts = storm(apart)
        sys.stdout.write(f"{text}\n")
        good &= counts.get("review requested") == 1 and "retrain requested" not in counts
    text, counts = storm(0, drifting=1)
    sys.stdout.write(f"{text}\n")
    good &= counts == {"retrain requested": 1}
    for text, holds in (incidents(), flapping()):
        sys.stdout.write(f"{text}\n")
        good &= holds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Trailing baselines: what they tell of a gradual change and of a step, what they leave out, and what they keep.

    python load_tests/trailing.py [--quick] [--ks LIMIT] [--only calm gradual step incident]

Half a year of traffic that follows the day, 500 predictions an hour, panes of an hour, the last 7 days beside the 90
before. The reference is four weeks of the same, with its season.

- gradual: the scores move by KS 0.2 within 90 days; what the reference tells, and what the trailing baseline does.
- step: KS 0.15 from one hour to the next: days until the trailing baseline tells it.
- incident: a feature is missing for three days, and the scores of these days are others; how many slices are left out.
- calm: nothing changes.

Exits 1 when a promise is broken: the reference does not tell the gradual change, or the trailing baseline does (it is
never further than KS 0.107 from it), the step is told before 4 or after 6
days, the incident is part of the baseline, or anything is told of calm traffic.
"""

from __future__ import annotations

import argparse
import copy
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from berlin_rows import WORLD, drawn, table
from columns_run import ColumnsRun
from columns_traffic import TableRows
from machine import show
from scipy.special import ndtri

from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.references.build import build
from stream.references.plan import BuildOptions, SeasonOptions
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.references.pace import DAY, HOUR
from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from windows.references.reference import Reference

BEGIN = 1_772_409_600_000
DAILY = 12_000
WARM = 100
"""Days before anything changes."""
RAMP = 90
WORLDS = ("calm", "gradual", "step", "incident")
SETTINGS: dict[str, Any] = {
    "name": "m",
    "task": "regression",
    "drift": {"windows": ["1d"], "psi": None, "ks": {"major": 0.9}},
    "prediction": {"windows": ["1d"], "psi": None, "ks": {"major": 0.15}, "trailing": {"psi": None}},
    "quality": {"windows": ["1d"]},
}
MOVED = {name: float(2 * ndtri((1 + ks) / 2)) for name, ks in (("gradual", 0.2), ("step", 0.15), ("incident", 0.5))}
"""Deviations that normal scores have to move by."""


def moved(world: str, day: float) -> float:
    """How far the scores have moved at the end of a day since the beginning."""
    since = day - WARM
    if world == "gradual":
        return MOVED[world] * min(max(since / RAMP, 0.0), 1.0)
    if world == "incident":
        return MOVED[world] * (0 <= since < 3)
    return MOVED.get(world, 0.0) * (since >= 0)


def played(reference: Reference, world: str, days: int, ks: float | None) -> tuple[list[AlertEvent], ColumnsRun]:
    """The events of so many days; `ks` is the limit of the trailing baseline, None the default."""
    given = copy.deepcopy(SETTINGS)
    if ks is not None:
        given["prediction"]["trailing"]["ks"] = {"major": ks}
    run = ColumnsRun(ModelSettings.model_validate(given), reference, TimeSettings.model_validate({"pane": "1h"}))
    binning, events = binning_of(run.plan.layout, HOUR), []
    for day in range(days):
        times, columns = drawn(BEGIN + day * DAY, 1, DAILY, 1_000 + day)
        hours = (times - BEGIN) // HOUR
        columns[-1] += np.array([moved(world, hour / 24) for hour in range((day + 1) * 24)])[hours]
        if world == "incident" and 0 <= day - WARM < 3:
            columns[0] = np.nan
        count = len(times)
        none = np.zeros((0, count), dtype=np.int64)
        batch = Columns(
            times // HOUR, ("1",), np.zeros(count, dtype=np.int64), columns, none, none, np.full(count, np.nan), None
        )
        held = {pane: vector for (pane, _, _), vector in fold(binning, batch).items()}
        for pane in range((BEGIN + day * DAY) // HOUR, (BEGIN + (day + 1) * DAY) // HOUR):
            events += run.pane(pane, {("1", WHOLE): held[pane]} if pane in held else {})
    return events, run


def main(arguments: list[str]) -> int:
    """Print what came of each world; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="Trailing baselines.")
    parser.add_argument("--quick", action="store_true", help="step and incident alone")
    parser.add_argument("--ks", type=float, help="limit of the trailing baseline, in place of the default")
    parser.add_argument("--only", nargs="*", choices=WORLDS, default=WORLDS)
    given = parser.parse_args(arguments)
    show()
    rows = table(*drawn(BEGIN - 28 * DAY, 28, 28 * DAILY, 1))
    season = SeasonOptions(WORLD.zone)
    reference = build(TableRows(rows), BuildOptions("m", task="regression", pane=HOUR, seasonal=season)).reference
    kept = True
    for world in (one for one in given.only if not given.quick or one in {"step", "incident"}):
        events, run = played(reference, world, WARM + (RAMP + 10 if world in {"calm", "gradual"} else 12), given.ks)
        fired = [event for event in events if event.state == "firing" and event.alert == "PredictionDrift"]
        after: dict[str, list[float]] = {"reference": [], "trailing": []}
        for event in fired:
            at = (event.event_time - BEGIN) / DAY - WARM
            after["trailing" if "trailing" in event.monitor else "reference"].append(at)
        state = run.trail_states()[0]
        size = len(pickle.dumps(state))
        told = ", ".join(f"{kind} after {', '.join(f'{at:.1f}' for at in ats)} d" for kind, ats in after.items() if ats)
        print(
            f"  {world:9} told by {told or 'nobody'}; left out {state.left_out} slices; kept {size / 1e3:.0f} KB",
            flush=True,
        )
        kept &= {
            "calm": not fired,
            "gradual": bool(after["reference"]) and not after["trailing"],
            "step": bool(after["trailing"]) and 4 <= after["trailing"][0] <= 6,
            "incident": state.left_out == 6,
        }[world]
    print("\nall promises kept" if kept else "\nBROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

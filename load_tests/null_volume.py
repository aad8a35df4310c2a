"""Volume invariance: single windows of null traffic from 10^2 to 10^8 predictions, measured and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from columns_traffic import MODEL, Sketcher, features_of, reference_of
from scipy.special import ndtr
from scipy.stats import binom

from operators.judging.readings import breach_level, readings_of
from operators.plans.measures import Plan
from operators.plans.model import plan_models
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from windows.panes import Window
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from operators.plans.monitors import Monitor
    from operators.tables import Measures
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

LEVEL = 0.01
SLACK = 1.2
HARMLESS = 0.08
"""Shift of z (standard deviations) that matters to nobody: PSI 0.006, KS 0.032 of thresholds 0.1 and 0.05."""
VOLUMES = tuple(10**power for power in range(2, 9))
BATCH = 75
"""Windows compared with one draw of the reference."""


@dataclass(slots=True)
class Line:
    """Counts at one volume."""

    windows: int = 0
    references: int = 0
    bounds: int = 0
    psi: int = 0
    ks: int = 0
    fired: int = 0
    fired_harmless: int = 0


def run(*, quick: bool) -> bool:
    """Print the table; whether it is kept."""
    references = 6 if quick else 40
    print(f"\nvolume: {references * BATCH:,} windows of 50 features and the prediction at each volume,", end="")
    print(f" {references} draws of the reference (200,000 rows)")
    print(f"  share of bounds above 0 without drift at level {LEVEL}: limit {SLACK} x level and chance (99.9 %,")
    print("  features of one reference count as one trial each: they share its error)")
    print(f"  fired: default config; harmless: all features shifted by KS {2 * ndtr(HARMLESS / 2) - 1:.3f}")
    print(f"  {'predictions':>13}{'psi > 0':>10}{'ks > 0':>10}{'limit':>9}{'fired':>8}{'harmless':>10}")
    rng = np.random.default_rng(3)
    features = features_of()
    first = reference_of(features, rng, lambda _: rng.standard_normal(200_000), None, 200_000)
    sketcher = Sketcher(first, features)
    kept = True
    for volume in VOLUMES:
        line = Line()
        for _ in range(references):
            windows_of(line, first, sketcher, volume, rng)
        trials = line.references * len(sketcher.columns)
        limit = float(binom.isf(1e-3, trials, SLACK * LEVEL)) / trials
        shares = line.psi / line.bounds, line.ks / line.bounds
        good = max(shares) <= limit and not line.fired and not line.fired_harmless
        kept &= good
        print(
            f"  {volume:13,}{shares[0]:10.5f}{shares[1]:10.5f}{limit:9.4f}{line.fired:8}{line.fired_harmless:10}",
            end="",
        )
        print("" if good else "  BROKEN", flush=True)
    return kept


def redrawn(reference: Reference, sketcher: Sketcher, rng: np.random.Generator) -> Reference:
    """The same bins with counts drawn anew from the population: another reference of as many rows."""
    layout = sketcher.layout
    vector = sketcher.draw(rng, reference.rows)
    profiles: dict[str, Profile] = {}
    for field in layout.columns:
        counts, profile = vector[field.start : field.stop], field.profile
        if isinstance(profile, NumericProfile):
            # No row of a reference lies outside its own range.
            inside = counts[1:-3].copy()
            inside[0] += counts[0]
            inside[-1] += counts[-3]
            profiles[field.name] = replace(profile, counts=inside, missing=int(counts[-2]), overdispersion=1.0)
        else:
            profiles[field.name] = replace(
                profile, counts=counts[:-3].copy(), other=int(counts[-3]), missing=int(counts[-2]), overdispersion=1.0
            )
    prediction = profiles.pop("prediction")
    return replace(reference, features=profiles, prediction=prediction)


def windows_of(
    line: Line, first: Reference, sketcher: Sketcher, volume: int, rng: np.random.Generator, batch: int = BATCH
) -> None:
    """Compare `batch` windows of `volume` predictions with one new draw of the reference, and count."""
    reference = redrawn(first, sketcher, rng)
    shifted = np.stack([sketcher.shares_at(row, HARMLESS) for row in range(len(sketcher.columns))])
    settings = ModelSettings(name=MODEL, task="binary")
    plan = plan_models([settings], {MODEL: reference}, TimeSettings(), AlertingSettings(), everything=False)[MODEL]
    window = Window(10_000, 10_000)
    distances = Plan(("psi", "ks"), ("psi", "ks"))
    loose = Measure(MeasureConfig(plan.layout, reference, LEVEL, {window.size: distances}))
    groups = {(f"w{i}", ""): sketcher.draw(rng, volume) for i in range(batch)}
    for table in loose(WindowTotals(MODEL, window, 0, groups, None)).tables:
        above = int(np.nansum(table.lower > 0))
        if table.metric == "psi":
            line.psi += above
            line.bounds += table.lower.size
        else:
            line.ks += above
    drifted = {(f"w{i}", ""): sketcher.draw(rng, volume, shifted) for i in range(batch)}
    usual = Measure(MeasureConfig(plan.layout, reference, plan.alpha, {window.size: replace(distances, quality=True)}))
    line.fired += _fired(plan.monitors, usual(WindowTotals(MODEL, window, 0, groups, None)))
    line.fired_harmless += _fired(plan.monitors, usual(WindowTotals(MODEL, window, 1, drifted, None)))
    line.windows += batch
    line.references += 1


def _fired(monitors: tuple[Monitor, ...], measures: Measures) -> int:
    """Bounds past a threshold."""
    fired = 0
    for table in measures.tables:
        for monitor in monitors:
            if (monitor.kind, monitor.metric) == (table.kind, table.metric):
                fired += sum(
                    int((breach_level(readings_of(monitor, table, row)) > 0).sum()) for row in range(len(table.groups))
                )
    return fired

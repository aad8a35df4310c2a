"""Headers, tables, findings and verdicts built by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from operators.findings import Finding, WindowSpan
from operators.judging.judge import Verdicts
from operators.predictions.close import Totals
from operators.predictions.slices import Header, Seen
from operators.tables import Kind, Measures, Table
from windows.panes import Window

MINUTE = Window(60_000, 10_000)

FINDING = Finding(
    alert="DataDrift",
    monitor="drift.psi",
    version="1",
    segment="",
    level=2,
    feature="age",
    metric="psi",
    value=0.5,
    lower=0.4,
    upper=0.6,
    threshold=0.25,
    falling=False,
    samples=12_345,
    window=WindowSpan(60_000, 40_000, 100_000),
)


def finding(**changes: object) -> Finding:
    """A drifted feature, with changes."""
    return replace(FINDING, **changes)  # type: ignore[arg-type]


def header(end: int, due: tuple[tuple[int, int], ...] = (), versions: tuple[str, ...] = ("1",), **more: int) -> Header:
    """A tick at `end`, with data in it, of versions that have served since time 0."""
    seen = {version: Seen(0, end, end, np.full(3, end), np.zeros(3, dtype=np.int64)) for version in versions}
    return Header(end, due, more.get("started", 0), more.get("last_data", end), seen, Totals())


def verdicts(end: int, *findings: Finding) -> Verdicts:
    """What was found at `end`."""
    return Verdicts(end, header(end), findings, (), ())


def table(
    lower: list[float],
    *,
    metric: str = "psi",
    kind: Kind = Kind.FEATURE,
    groups: tuple[tuple[str, str], ...] = (("1", ""),),
    width: float = 0.02,
    samples: int = 1_000,
    baseline: float | None = None,
) -> Table:
    """The same values for every group: lower bounds as given, values and upper bounds a little above."""
    bounds = np.tile(np.array(lower, dtype=np.float64), (len(groups), 1))
    return Table(
        kind,
        metric,
        groups,
        tuple(f"f{at}" for at in range(len(lower))),
        bounds + width / 2,
        bounds,
        bounds + width,
        np.full(bounds.shape, samples),
        None if baseline is None else np.full(bounds.shape, baseline),
        np.full(bounds.shape, 5_000),
    )


def measures(index: int, *tables: Table, window: Window = MINUTE) -> Measures:
    """The tables of a window."""
    return Measures("click", window, index, tables)

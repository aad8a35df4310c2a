"""The distances that are measured.

A new distance is a file in windows/statistics/distances/ (hellinger.py is one of shares, wasserstein.py one of numbers)
with its function, its interval and its row, and a line here: what is measured, the template and thresholds of the
config, checks, evaluations, series and what pages call it follow; `python deploy/build.py` writes the lists of the
documents anew. Tests take every distance that is named here; that of its value, beside scipy's, is to be written
(tests/windows/statistics/test_distances.py), and so are its definition on shares (load_tests/populations.py) and a
threshold at which its interval has to keep its level (test_intervals.py there, load_tests/interval_coverage.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from windows.statistics.distances import chi2, hellinger, js, ks, psi, tvd, wasserstein

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.statistics.distances.row import Distance

DISTANCES: Mapping[str, Distance] = {
    "psi": psi.ROW,
    "ks": ks.ROW,
    "js": js.ROW,
    "hellinger": hellinger.ROW,
    "tvd": tvd.ROW,
    "wasserstein": wasserstein.ROW,
    "chi2": chi2.ROW,
}

JUDGED = tuple(name for name, distance in DISTANCES.items() if distance.judged)
"""Distances that a config may name, in the order of its explanation."""

"""Second opinions on concept drift: ADWIN and Page-Hinkley on the error of one slice of cohorts after the other.

They look for a change of the mean wherever it began, without a baseline or a threshold. What they say has no interval,
so beside every answer stands how long each runs on a steady error until it raises a false alarm, as measured. River's
implementations: Bifet and Gavalda, Learning from time-changing data with adaptive windowing (2007); Page, Continuous
inspection schemes, Biometrika 41 (1954).
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from windows.statistics.welford import Welford

if TYPE_CHECKING:
    from operators.cohorts.measures import SliceError

Name = Literal["adwin", "page_hinkley"]

WARM_UP = 30
"""Slices that the mean and the deviation of the error are taken from first: detectors see deviations from that mean in
units of that deviation, so that one setting suits every metric."""

DELTA = 0.002
"""ADWIN's confidence: the authors' own."""

SLACK, LIMIT = 0.5, 12.0
"""Page-Hinkley: half of the smallest shift sought (one deviation), and the sum of evidence that is an alarm."""

RUN_LENGTH: dict[Name, int] = {"adwin": 500_000, "page_hinkley": 24_000}
"""Mean number of slices until a false alarm on a steady error, as load_tests/run_length.py measures it.

3 and 66 alarms in 1.6 million slices."""


PACKAGE = "river.drift"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a detector says after a slice.

    Attributes:
        name: of the detector.
        error: mean of the error since the last change it saw; None while it warms up.
        slices: how many slices it has seen.
        changed: whether it says so now.
    """

    name: Name
    error: float | None
    slices: int
    changed: bool


@dataclass(slots=True)
class Detectors:
    """Both detectors of one version; the state of river's is pickled with it."""

    scale: Welford = field(default_factory=Welford)
    slices: int = 0
    adwin: Any = None
    page_hinkley: Any = None
    since: Welford = field(default_factory=Welford)

    def see(self, error: float) -> tuple[Opinion, Opinion]:
        """Take the error of the next slice."""
        self.slices += 1
        if self.slices <= WARM_UP:
            self.scale.add(error)
            return Opinion("adwin", None, self.slices, False), Opinion("page_hinkley", None, self.slices, False)
        if self.adwin is None:
            self.adwin, self.page_hinkley = _make()
        deviation = self.scale.deviation or 1.0
        turned = (error - self.scale.mean) / deviation
        self.adwin.update(turned)
        self.page_hinkley.update(turned)
        self.since.add(error)
        mean = self.since.mean
        if self.page_hinkley.drift_detected:
            self.since = Welford()
        estimate = self.scale.mean + deviation * self.adwin.estimation
        return (
            Opinion("adwin", estimate, self.slices, bool(self.adwin.drift_detected)),
            Opinion("page_hinkley", mean, self.slices, bool(self.page_hinkley.drift_detected)),
        )


def load() -> tuple[Any, Any]:
    """River's classes; imported only where they are used.

    Without the package around them: it brings data sets for its manual, and with them pandas, scikit-learn and
    scipy.stats, a second and 120 MB in every process.
    """
    if PACKAGE not in sys.modules and f"{PACKAGE}.adwin" not in sys.modules:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is not None:
            sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
            try:
                return _classes()
            finally:
                del sys.modules[PACKAGE]  # whoever asks for it gets all of it
    return _classes()


def _classes() -> tuple[Any, Any]:
    return (
        importlib.import_module(f"{PACKAGE}.adwin").ADWIN,
        importlib.import_module(f"{PACKAGE}.page_hinkley").PageHinkley,
    )


def _make() -> tuple[Any, Any]:
    ADWIN, PageHinkley = load()  # noqa: N806 - classes
    return ADWIN(delta=DELTA, clock=1), PageHinkley(WARM_UP, SLACK, LIMIT, 1.0)


def opinions(known: dict[str, Detectors], errors: tuple[SliceError, ...]) -> list[tuple[SliceError, Opinion]]:
    """What the detectors of every version say of new slices; `known` is changed in place."""
    return [
        (error, opinion)
        for error in errors
        for opinion in known.setdefault(error.version, Detectors()).see(error.error)
    ]

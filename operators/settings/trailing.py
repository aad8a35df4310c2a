"""Settings of baselines in a model's own past: what came of late beside what came before."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import model_validator

from operators.settings import policy
from operators.settings.durations import UNITS, Millis, from_to, show_duration
from operators.settings.features import LevelsByDistance, bounded
from operators.settings.parts import Levels, unfit
from windows.statistics.catalog import JUDGED

Span = Annotated[Millis, from_to(1)]


class TrailingSettings(LevelsByDistance):
    """How far what came of late may be from what came before: by both baselines, where both are given.

    Attributes:
        recent: length of what is compared.
        before: length of the baseline that ends where `recent` begins; None for off.
        shift: how long ago the other baseline was, which is as long as `recent`: 364d for the same days of the week a
            year ago; None for off.
    """

    recent: Span = 7 * UNITS["d"]
    before: Span | None = 90 * UNITS["d"]
    shift: Span | None = None
    psi: Levels | None = Levels(major=policy.TRAILING_PSI)
    ks: Levels | None = Levels(major=policy.TRAILING_KS)

    @property
    def levels(self) -> dict[str, Levels]:
        """The thresholds of each distance that has some."""
        found: dict[str, Levels | None] = {name: getattr(self, name) for name in JUDGED}
        return {name: levels for name, levels in found.items() if levels is not None}

    @property
    def baselines(self) -> Iterator[tuple[str, int, int]]:
        """Of each baseline its key here, how far back it ends, and how long it is; ms."""
        if self.before is not None:
            yield "before", self.recent, self.before
        if self.shift is not None:
            yield "shift", self.shift, self.recent

    @model_validator(mode="after")
    def _judges(self) -> Self:
        if self.before is None and self.shift is None:
            raise unfit("before", "at least one baseline is needed: before, shift or both")
        if self.shift is not None and self.shift <= self.recent:
            raise unfit("shift", "more than recent ({recent}) is needed", recent=show_duration(self.recent))
        if not self.levels:
            raise unfit("ks", "levels of at least one distance are needed")
        for metric, levels in self.levels.items():
            bounded(metric, levels)
        return self

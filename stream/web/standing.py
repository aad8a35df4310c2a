"""Standing: how a model is, in a word, a sentence and a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stream.web.judged import Mover
    from stream.web.lives import AlertLife

State = Literal["critical", "warning", "no data", "blind", "waiting", "ok"]

STATES: tuple[State, ...] = ("critical", "warning", "no data", "blind", "waiting", "ok")
"""In the order in which they need a person."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One model.

    Attributes:
        model: its name.
        state: in a word.
        why: in a sentence.
        firing: lives of its alerts that have not ended, the most severe first.
        moved: what moved, the surest first; empty before anything was measured.
        version: that has most of the traffic; "" before any came.
        versions: all that are served.
        rate: predictions a second; NaN where it is not known.
        p99: ms; NaN where it is not known.
        performance: (metric, value) that its labels are judged by first; None without.
        watermark: event time up to which it is known, ms; None before any record.
        blind: streams that cannot be judged.
    """

    model: str
    state: State
    why: str
    firing: tuple[AlertLife, ...]
    moved: tuple[Mover, ...]
    version: str
    versions: tuple[str, ...]
    rate: float
    p99: float
    performance: tuple[str, float] | None
    watermark: float | None
    blind: int

    @property
    def rank(self) -> tuple[int, float, str]:
        """What models are sorted by: who needs a person first."""
        strongest = self.moved[0].strongest.lower if self.moved else 0.0
        return STATES.index(self.state), -(strongest if strongest == strongest else 0.0), self.model  # noqa: PLR0124 - NaN

"""Cohort ticks: what became known of past predictions between two moments, by cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windows.arrays import IntArray

NEVER = -1

CohortKey = tuple[int, str, str]
"""(cohort: prediction time // tick, version, segment)."""

Named = tuple[int, str]
"""(time in ms, prediction id) of a record that stands for others of its kind."""

NOBODY: Named = (NEVER, "")

Deltas = dict[CohortKey, "IntArray"]
"""Signed vectors of the task's layout: a revision takes the old pair back and adds the new one."""


@dataclass(slots=True)
class LabelTotals:
    """Counts of a model since the beginning, exactly once.

    Attributes:
        feedback: feedback records taken, by kind.
        matched: predictions that have a label, or had one that was revised.
        revised: labels that replaced another one.
        duplicates: feedback that said again what was known.
        unmatched: feedback that found no prediction, by reason.
        waiting: feedback that waits for its prediction now.
        negatives: negative labels assumed because no feedback came in time.
        early: of labels that were too early for their prediction: by how much (see `operators.join.early`) -> how many
            of those that were met. For people: it depends on the order of reading.
        prediction: the newest prediction; of those of one time the one with the greatest id.
        about: the newest feedback, and the prediction that it names.
        repeated: predictions whose id came before within the same minute; see `operators.join.twice`.
    """

    feedback: dict[str, int] = field(default_factory=dict)
    matched: int = 0
    revised: int = 0
    duplicates: int = 0
    unmatched: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    negatives: int = 0
    early: dict[int, int] = field(default_factory=dict, compare=False)
    prediction: Named = NOBODY
    about: Named = NOBODY
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class CohortTick:
    """Everything of a model that became known before `end` and had not been told yet.

    Attributes:
        end: ms.
        deltas: see Deltas.
        totals: counts so far.
        last_feedback: latest time at which a label became known for its prediction, ms; NEVER.
        last_prediction: latest time of a prediction, ms; NEVER.
        heard: feedback records, of whatever use, with an effective time before `end`.
        ended: nothing will ever follow.
        since: when watching began, ms; NEVER where everything there is was seen.
    """

    end: int
    deltas: Deltas
    totals: LabelTotals
    last_feedback: int
    last_prediction: int
    ended: bool
    heard: int = 0
    since: int = NEVER

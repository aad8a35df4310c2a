"""Unmatched: what may be behind it that labels find no prediction, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.join.early import hours_apart

if TYPE_CHECKING:
    from operators.join.ticks import LabelTotals

LONGEST = 40
"""Characters of an id that are shown."""


def why_unmatched(totals: LabelTotals) -> str:
    """What may be behind it; "" where no feedback is to be joined.

    Labels that are before their predictions say that the clocks are apart, whatever their ids look like; else an id of
    each side is shown, for mostly one look at both is enough.
    """
    hours = hours_apart(totals)
    if hours is not None:
        return (
            f"their ids do match, but they are from about {hours:g} h before the predictions that they are about, which"
            " looks like a time zone: a time without an offset is UTC unless `time.timezone`, or `timezone` of"
            " `timestamp` in a source's map, says where its clock is, such as Europe/Berlin"
        )
    if not totals.about[1]:
        return ""
    if not totals.prediction[1]:
        return f"no prediction bears a prediction_id; that of the newest feedback is {_shown(totals.about[1])}"
    return (
        f"prediction_id of the newest prediction is {_shown(totals.prediction[1])}, that of the newest feedback"
        f" {_shown(totals.about[1])}: are they the same ids?"
    )


def _shown(name: str) -> str:
    return repr(name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}...")

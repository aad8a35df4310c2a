"""Checks of `trailing:` of features and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from windows.trail import MOST_RECENT, MOST_SLICES, plan_trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from operators.settings.trailing import TrailingSettings
    from stream.config.problems import ConfigFinding, KeyPath


def trail_findings(model: ModelSettings, at: KeyPath, pane: int) -> Iterator[ConfigFinding]:
    """What is wrong between the spans and the pane (ms)."""
    for section, settings in (("drift", model.drift.trailing), ("prediction", model.prediction.trailing)):
        if settings is not None:
            yield from _spans((*at, section, "trailing"), settings, pane)


def _spans(path: KeyPath, settings: TrailingSettings, pane: int) -> Iterator[ConfigFinding]:
    given = {"recent": settings.recent, "before": settings.before, "shift": settings.shift}
    uneven = [key for key, span in given.items() if span is not None and span % pane]
    for key in uneven:
        yield (*path, key), None, f"a multiple of time.pane ({show_duration(pane)}) is needed"
    if uneven:
        return
    for key, back, length in settings.baselines:
        try:
            plan_trail(settings.recent, back, length, pane)
        except ValueError:
            recent = show_duration(settings.recent)
            most = f"{MOST_RECENT} of them in recent ({recent}) and {MOST_SLICES} in all at most"
            yield (
                (*path, key),
                None,
                f"spans that can be cut into the same slices are needed, {most}: days go with days",
            )

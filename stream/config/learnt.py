"""What `driftgauge retrain fit` wrote, for the models whose config names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from operators.settings.durations import show_duration
from windows.need.learnt import NeedFileError, learnt_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operators.settings.actions import NeedSettings
    from operators.settings.model import ModelSettings
    from stream.config.problems import ConfigFinding
    from windows.need.learnt import Learnt

LARGEST = 1 << 20
"""Bytes of such a file."""


def with_learnt(model: ModelSettings, at: int, base: Path) -> tuple[ModelSettings, ConfigFinding | None]:
    """A model with what its file says, and what is wrong with that.

    Args:
        model: the settings.
        at: its number.
        base: directory that the file's path starts at.
    """
    retrain = model.retrain
    if retrain is None or retrain.need is None or retrain.need.learnt is None:
        return model, None
    need = retrain.need.model_copy(update={"learnt": base / retrain.need.learnt})
    try:
        found = _read(need)
    except NeedFileError as error:
        allowed = "a file that `driftgauge retrain fit` wrote for this horizon is needed, or null"
        return model, (("models", at, "retrain", "need", "learnt"), str(error), allowed)
    return model.model_copy(update={"retrain": retrain.model_copy(update={"need": need.with_found(found)})}), None


def learnt_notes(model: ModelSettings) -> Iterator[str]:
    """What a user should know about a file that is not used."""
    found = None if model.retrain is None or model.retrain.need is None else model.retrain.need.found
    if found is not None and not found.used:
        yield f"retrain.need.learnt is not used, P(need) is the filter's alone: {found.why}"


def _read(need: NeedSettings) -> Learnt:
    file = need.learnt
    if file is None:
        raise NeedFileError("no file")
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        found = learnt_of(msgspec.json.decode(data))
    except OSError as error:
        raise NeedFileError(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NeedFileError(f"{file}: no JSON") from None
    except NeedFileError as error:
        raise NeedFileError(f"{file}: {error}") from None
    if found.horizon != need.horizon:
        asked, has = show_duration(need.horizon), show_duration(found.horizon)
        raise NeedFileError(f"{file}: it is of a horizon of {has}, and {asked} is asked for")
    return found

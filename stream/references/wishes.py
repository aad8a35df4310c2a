"""What the config and the command line say of columns, as readers and builders take it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream.rows.columns import Wishes

if TYPE_CHECKING:
    from operators.settings.model import ModelSettings
    from stream.references.plan import OutcomeOptions


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """What was said.

    Attributes:
        roles: our name of a special column -> its name in the rows.
        kinds: column -> "numeric" or "categorical".
        ignored: columns to leave out.
        missing: texts that stand for no value; None where nothing was said.
        threshold, positive, classes: of the predictions and labels; None where nothing was said.
    """

    roles: dict[str, str]
    kinds: dict[str, str]
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] | None = None
    threshold: float | None = None
    positive: str | None = None
    classes: tuple[str, ...] | None = None


NOTHING_SAID = ColumnOptions({}, {})


def wishes_of(settings: ModelSettings, said: ColumnOptions) -> Wishes:
    """What is asked of the readers: the command line's word counts where both speak."""
    features = settings.features or {}
    return Wishes(
        kinds={name: str(feature.kind) for name, feature in features.items()} | said.kinds,
        missing=said.missing,
        missing_in={name: feature.missing for name, feature in features.items() if feature.missing is not None},
    )


def resolutions_of(settings: ModelSettings) -> dict[str, float]:
    """What the numbers of each feature are rounded to."""
    features = settings.features or {}
    return {name: feature.resolution for name, feature in features.items() if feature.resolution is not None}


def said_outcomes(options: OutcomeOptions, said: ColumnOptions) -> OutcomeOptions:
    """How predictions are held against labels, with what the command line says."""
    return replace(
        options,
        threshold=options.threshold if said.threshold is None else said.threshold,
        positive=options.positive if said.positive is None else said.positive,
        classes=options.classes if said.classes is None else said.classes,
    )

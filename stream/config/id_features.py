"""Features that are ids: what a source's map reads as prediction_id is watched only where the config lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.records import Topic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from operators.settings.model import ModelSettings
    from operators.settings.source import SourceSettings
    from windows.references.reference import Reference


def id_features(sources: Iterable[SourceSettings], names: Iterable[str]) -> list[str]:
    """Those of the features that are where prediction_id is, or a column of a table that is called as that is."""
    maps = [source.map for source in sources if Topic.PREDICTIONS in set(source.kinds)]
    paths = [(given, place.path) for given in maps if (place := given.prediction_id) is not None and place.path]
    return [name for name in names if any(path in {(name,), given.features.steps(name)} for given, path in paths)]


def watched(sources: Sequence[SourceSettings], model: ModelSettings, reference: Reference) -> Collection[str] | None:
    """The features that are watched; None for all of the reference."""
    if model.features is not None:
        return model.features.keys()
    ids = id_features(sources, reference.features)
    return [name for name in reference.features if name not in ids] if ids else None


def id_notes(sources: Sequence[SourceSettings], model: ModelSettings) -> Iterator[str]:
    """A sentence for each id that is watched."""
    for name in id_features(sources, model.features or ()):
        yield (
            f"{model.name}: `{name}` is a feature, and what the map of a source reads as prediction_id: an id is ever"
            " new; take it out of `features:` unless it is meant"
        )

"""Edges: what the counts of a model's windows mean, whatever the reference's own counts are.

Windows are counted in the bins and categories of a reference, and moments are summed about its centers. Two references
with the same of these can stand in for each other: the counts of one may be compared with the other's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from windows.estimates.estimator_json import estimator_to_wire
from windows.joint.joint_json import joint_to_wire
from windows.references.seasons_json import seasons_to_wire
from windows.sketches.profiles import NumericProfile
from windows.values import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile


def edges_id(reference: Reference) -> str:
    """16 hex digits of all that counts of windows depend on: windows live on under a reference with the same."""
    columns = [(name, *_meaning(profile)) for name, profile in reference.features.items()]
    if reference.prediction is not None:
        columns.append(("", *_meaning(reference.prediction)))
    seasons = None if reference.seasons is None else seasons_to_wire(reference.seasons)
    parts = (
        columns,
        sorted((name, reading.missing, reading.resolution) for name, reading in reference.readings.items()),
        reference.positions,
        None if reference.estimator is None else estimator_to_wire(reference.estimator),
        seasons,
        None if reference.joint is None else joint_to_wire(reference.joint),
        *(
            []
            if reference.seasons is None or not reference.seasons.clock.tolerance
            else [reference.seasons.clock.moves]
        ),
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def edge_differences(one: Reference, other: Reference) -> Iterator[str]:
    """In what counts of the second cannot be held against counts of the first; nothing where they can."""
    if one.model != other.model:
        yield f"it is of model {other.model!r}, not of {one.model!r}"
        return
    odd = sorted(one.features.keys() ^ other.features.keys())
    if odd:
        yield f"feature {odd[0]!r} is in only one of them"
        return
    for name, profile in one.features.items():
        if _meaning(profile) != _meaning(other.features[name]):
            yield f"feature {name!r} has other edges or categories"
        elif one.readings.get(name, AS_IT_IS) != other.readings.get(name, AS_IT_IS):
            yield f"feature {name!r} is read otherwise: missing texts or resolution differ"
    if (one.prediction is None) != (other.prediction is None):
        yield "only one of them has predictions"
    elif one.prediction is not None and _meaning(one.prediction) != _meaning(other.prediction):
        yield "the prediction has other edges or categories"
    if one.positions != other.positions:
        yield "names for the positions of a list of scores differ"


def _meaning(profile: Profile | None) -> tuple[str, ...]:
    """What the slots of a column stand for, and what its moments are taken about."""
    if profile is None:
        return ()
    if not isinstance(profile, NumericProfile):
        return ("categorical", *profile.categories)
    numbers = np.concatenate((profile.edges, (profile.center, profile.scale)))
    return ("numeric", *(float(number).hex() for number in numbers))

"""What windows are compared with: the counts of the model's reference, or of the version's own, by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.predictions.seasonal import FIXED
from windows.predictions.layout import reference_vector
from windows.segments import WHOLE, segment_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Field, Layout
    from windows.references.reference import Reference
    from windows.ring import Key
    from windows.sketches.profiles import Profile


OWN = "own"
"""Of a version that is compared with its own reference; FIXED: with the model's."""


class References:
    """The counts of a model's reference and of those of its versions, all in the layout of the model's."""

    def __init__(self, layout: Layout, reference: Reference) -> None:
        """Lay out every vector, once."""
        self._layout = layout
        self._reference = reference
        self._whole = _vectors(layout, reference)
        self._own = {version: _vectors(layout, one) for version, one in reference.versions.items()}

    def counts(self, key: Key) -> IntArray | None:
        """The vector that a (version, segment) is compared with; None where its reference has none."""
        return self._own.get(key[0], self._whole).get(key[1])

    def known(self, keys: Sequence[Key]) -> list[IntArray]:
        """The vectors of those keys that have one."""
        found = (self.counts(key) for key in keys)
        return [vector for vector in found if vector is not None]

    def same(self, keys: Sequence[Key]) -> tuple[Key, ...]:
        """What tells the vectors of these keys apart: versions without a reference of their own are one."""
        return tuple((version if version in self._own else "", segment) for version, segment in keys)

    def against(self, keys: Sequence[Key]) -> tuple[str, ...]:
        """Whose counts each of these keys is compared with, in a word; nothing where all have the model's."""
        return tuple(OWN if version in self._own else FIXED for version, _ in keys) if self._own else ()

    def profile(self, version: str, field: Field) -> Profile:
        """The profile that a version's column is compared with."""
        own = self._reference.versions.get(version)
        if own is None:
            return field.profile
        predicted = self._layout.prediction
        found = own.prediction if predicted is not None and field.start == predicted.start else own.features[field.name]
        return field.profile if found is None else found

    def factors(self, version: str, fields: Sequence[Field], live: FloatArray | None) -> FloatArray:
        """How much each column varies beyond independent rows: by its reference, the model's, or as found live."""
        found: Sequence[float] = [1.0] * len(fields) if live is None else live.tolist()
        known = [
            (self.profile(version, field).overdispersion, field.profile.overdispersion, found[at])
            for at, field in enumerate(fields)
        ]
        return np.array([next(one for one in each if one is not None) for each in known], dtype=np.float64)


def _vectors(layout: Layout, reference: Reference) -> dict[str, IntArray | None]:
    """The vector of each segment of the layout."""
    found = {WHOLE: reference_vector(layout, reference)}
    for key, values in layout.segments:
        for value in values:
            found[segment_name(key, value)] = reference_vector(layout, reference, (key, value))
    return found

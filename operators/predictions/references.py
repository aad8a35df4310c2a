"""What windows are compared with: the counts of the model's reference, or of the version's own, by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from operators.predictions.seasonal import FIXED
from windows.predictions.layout import reference_vector
from windows.references.pace import DAY
from windows.segments import WHOLE, segment_name
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.predictions.stack import Stack
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Field, Layout
    from windows.references.reference import Reference
    from windows.ring import Key
    from windows.sketches.profiles import Profile


OWN = "own"
"""Of a version that is compared with its own reference; FIXED: with the model's."""


class Columns(NamedTuple):
    """Of F columns how much each varies beyond independent rows (NaN where that is not known), its mean, its deviation.

    float64[F] each; a categorical column has 0 and 1. Last the correlation of the rows of a day.
    """

    factors: FloatArray
    means: FloatArray
    deviations: FloatArray
    days: FloatArray


class References:
    """The counts of a model's reference and of those of its versions, all in the layout of the model's."""

    def __init__(self, layout: Layout, reference: Reference) -> None:
        """Lay out every vector, once."""
        self._layout = layout
        self._reference = reference
        self._whole = _vectors(layout, reference)
        self._own = {version: _vectors(layout, one) for version, one in reference.versions.items()}
        self._columns: dict[tuple[str, int, int], Columns] = {}
        self._a_day = {"": _a_day(reference), **{version: _a_day(one) for version, one in reference.versions.items()}}
        profiles = [one for known in (reference, *reference.versions.values()) for one in _profiles(known)]
        self._days_vary = any(profile.day_correlation for profile in profiles)

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

    def factors(self, stack: Stack, fields: Sequence[Field], live: Iterable[FloatArray | None]) -> FloatArray:
        """How much the columns of each group vary beyond independent rows: float64[G*F].

        By the version's reference, the model's, or as it was found `live` of each window.
        """
        each = zip(live, stack.sizes, strict=True)
        if not self._own:
            return np.concatenate([np.tile(self.factor("", fields, one), size) for one, size in each])
        of_groups = (one for one, size in each for _ in range(size))
        groups = zip(stack.keys, of_groups, strict=True)
        return np.concatenate([self.factor(version, fields, one) for (version, _), one in groups])

    def days(self, stack: Stack, fields: Sequence[Field], rows: int) -> FloatArray:
        """By how much more the distributions of each group vary since rows of a day are alike: float64[G*F].

        The correlation times the rows that share a day: all of the window, up to the reference's rows a day, and so
        many as the window has a day if that is more. `rows` is the slot of the rows.
        """
        if not self._days_vary:
            return np.zeros(len(stack.keys) * len(fields))
        alike = np.stack([self.columns(version, fields).days for version, _ in stack.keys])
        held = np.array([vector[rows] for vector in stack.vectors], dtype=np.float64)
        shares = [self._a_day[version if version in self._own else ""] for version, _ in stack.keys]
        usual = np.array([vector[rows] for vector in self.known(stack.keys)], dtype=np.float64) * shares
        sizes = np.repeat([window.window.size for window in stack.windows], stack.sizes)
        together = np.minimum(held, np.maximum(usual, held * DAY / np.maximum(sizes, DAY)))
        found: FloatArray = (alike * together[:, None]).ravel()
        return found

    def factor(self, version: str, fields: Sequence[Field], live: FloatArray | None) -> FloatArray:
        """The same of one group, float64[F]."""
        known = self.columns(version, fields).factors
        # what was found live goes on with the prediction's
        found = np.where(np.isnan(known), 1.0 if live is None else live[: len(fields)], known)
        return np.asarray(found, dtype=np.float64)

    def columns(self, version: str, fields: Sequence[Field]) -> Columns:
        """What is known of some columns by a version's reference; looked up once."""
        key = (version if version in self._own else "", fields[0].start, len(fields))
        known = self._columns.get(key)
        if known is None:
            profiles = [self.profile(version, field) for field in fields]
            factors = [
                one.overdispersion or field.profile.overdispersion for one, field in zip(profiles, fields, strict=True)
            ]
            usual = [(one.mean, one.deviation) if isinstance(one, NumericProfile) else (0.0, 1.0) for one in profiles]
            means = np.array(usual)
            alike = np.array([one.day_correlation for one in profiles])
            known = self._columns[key] = Columns(np.array(factors, dtype=np.float64), means[:, 0], means[:, 1], alike)
        return known


def _profiles(reference: Reference) -> list[Profile]:
    """Those of all columns."""
    return [*reference.features.values(), *([] if reference.prediction is None else [reference.prediction])]


def _a_day(reference: Reference) -> float:
    """The share of its rows that come in a day; 0 where they had no times, which tell no days apart."""
    return 0.0 if reference.pace is None else DAY / max(reference.pace.span, DAY)


def _vectors(layout: Layout, reference: Reference) -> dict[str, IntArray | None]:
    """The vector of each segment of the layout."""
    found = {WHOLE: reference_vector(layout, reference)}
    for key, values in layout.segments:
        for value in values:
            found[segment_name(key, value)] = reference_vector(layout, reference, (key, value))
    return found

"""Columns of simulated traffic as JSON, one object a prediction."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stream.simulate.labels import item_id
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.simulate.draws import Column
    from stream.simulate.traffic import Traffic
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

UNLISTED = "unlisted"
"""Stands for the categories that the reference folded together, and for those it never saw."""
ERROR = "simulated failure"


class _Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    prediction_id: str
    timestamp: str | int
    model: str
    version: str
    prediction: Any = msgspec.UNSET
    features: Any = msgspec.UNSET
    latency_ms: float | msgspec.UnsetType = msgspec.UNSET
    context: Any = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET


class Encoder:
    """Turns columns into JSON; each value passes through C code only.

    Args:
        reference: names of features, categories and segment values.
        version: model version that the predictions carry.
        prefix: start of every prediction_id.
        rfc3339: timestamps as text in UTC; epoch milliseconds otherwise.
    """

    def __init__(self, reference: Reference, version: str, prefix: str, *, rfc3339: bool) -> None:
        self._model = reference.model
        self._version = version
        self._prefix = prefix
        self._rfc3339 = rfc3339
        self._features = _struct("Features", list(reference.features))
        self._names = {name: _names(profile) for name, profile in reference.features.items()}
        self._classes = None if reference.prediction is None else _names(reference.prediction)
        self._context = _struct("Context", [key for key in reference.segments if key not in reference.features])
        self._values = {key: np.array(list(values), dtype=object) for key, values in reference.segments.items()}
        self._json = msgspec.json.Encoder()

    def encode(self, traffic: Traffic) -> list[bytes]:
        """Return n JSON objects."""
        rows = map(
            _Prediction,
            map(f"{self._prefix}%x".__mod__, range(traffic.first, traffic.first + len(traffic))),
            self._timestamps(traffic),
            repeat(self._model),
            repeat(self._version),
            self._prediction(traffic),
            map(self._features, *(self._feature(traffic, name) for name in traffic.features)),
            repeat(msgspec.UNSET) if traffic.latency is None else traffic.latency.tolist(),
            self._contexts(traffic),
            (ERROR if failed else msgspec.UNSET for failed in traffic.failed.tolist()),
        )
        return list(map(self._json.encode, rows))

    def _timestamps(self, traffic: Traffic) -> list[Any]:
        if not self._rfc3339:
            epoch: list[int] = traffic.timestamps.tolist()
            return epoch
        texts: list[str] = np.datetime_as_string(traffic.timestamps.astype("M8[ms]"), timezone="UTC").tolist()
        return texts

    def _prediction(self, traffic: Traffic) -> Iterable[Any]:
        if traffic.ranked is not None:
            return ([item_id(item) for item in ranked] for ranked in traffic.ranked.tolist())
        if traffic.prediction is None:
            return repeat(msgspec.UNSET)
        return _cells(traffic.prediction, self._classes)

    def _feature(self, traffic: Traffic, name: str) -> Iterable[Any]:
        cells = _cells(traffic.features[name], self._names[name])
        if name not in traffic.absent:
            return cells
        sent = np.array(cells, dtype=object)
        sent[traffic.absent[name]] = msgspec.UNSET
        values: list[Any] = sent.tolist()
        return values

    def _contexts(self, traffic: Traffic) -> Iterable[Any]:
        if not traffic.context:
            return repeat(msgspec.UNSET)
        return map(self._context, *(self._values[key][column].tolist() for key, column in traffic.context.items()))


def _struct(name: str, fields: list[str]) -> type[msgspec.Struct]:
    """Return a struct of these JSON keys, which need not be Python names, in this order."""
    keys = {f"f{i}": field for i, field in enumerate(fields)}
    return msgspec.defstruct(name, [(key, Any, msgspec.UNSET) for key in keys], rename=keys, gc=False)


def _names(profile: Profile) -> np.ndarray[tuple[int], np.dtype[np.object_]] | None:
    """Return the JSON value of each slot of a categorical column; None for a numeric one."""
    if isinstance(profile, NumericProfile):
        return None
    unlisted = UNLISTED
    while unlisted in profile.categories:
        unlisted += "'"
    return np.array([*profile.categories, unlisted, None, None], dtype=object)


def _cells(column: Column, names: np.ndarray[tuple[int], np.dtype[np.object_]] | None) -> list[Any]:
    """Return the JSON values of a column; NaN becomes null as it is encoded."""
    cells: list[Any] = column.tolist() if names is None else names[column].tolist()
    return cells

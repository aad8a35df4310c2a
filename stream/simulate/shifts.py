"""Shifts of simulated traffic: what goes wrong, in which feature, by how much, from when on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, get_args

from pydantic_core import PydanticCustomError

from operators.settings.durations import ALLOWED, parse_duration, show_duration
from stream.errors import UsageError
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

Kind = Literal["mean", "scale", "constant", "missing", "category", "stale", "latency", "errors", "concept", "stop"]

MEANINGS: dict[Kind, str] = {
    "mean": "a number moves by AMOUNT reference standard deviations",
    "scale": "a number's distance from the reference mean grows AMOUNT times",
    "constant": "a number is always AMOUNT",
    "missing": "a share AMOUNT of the values becomes null",
    "category": "a share AMOUNT of the values becomes a category the reference never saw",
    "stale": "the feature is no longer sent",
    "latency": "latency_ms grows AMOUNT times",
    "errors": "a share AMOUNT of the predictions fails",
    "concept": "a share AMOUNT of the labels contradicts the predictions, whose inputs stay as they are",
    "stop": "no predictions at all",
}
FORM = "FEATURE:KIND:AMOUNT@AFTER, such as price:mean:0.5@60s, latency:3@2m, concept:0.2@5m"
PREDICTION = "prediction"

_WHOLE_MODEL = frozenset[Kind]({"latency", "errors", "concept", "stop"})
_NO_AMOUNT = frozenset[Kind]({"stale", "stop"})
_SHARES = frozenset[Kind]({"missing", "category", "errors", "concept"})
_NUMERIC = frozenset[Kind]({"mean", "scale", "constant"})
_FORM = re.compile(
    rf"(?:(?P<feature>.+?):)?(?P<kind>{'|'.join(get_args(Kind))})(?::(?P<amount>[^:@]+))?(?:@(?P<after>[^:@]+))?"
)


class ShiftError(UsageError):
    """A shift that cannot be read or does not fit the model; the message is one line."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One thing that goes wrong.

    Attributes:
        kind: see MEANINGS.
        feature: feature name or "prediction"; None for the kinds that concern the whole model.
        amount: see MEANINGS; 0 for the kinds without one.
        after: milliseconds of event time from the first prediction.
    """

    kind: Kind
    feature: str | None = None
    amount: float = 0.0
    after: int = 0

    def __str__(self) -> str:
        """The text that `parse` reads back."""
        feature = "" if self.feature is None else f"{self.feature}:"
        amount = "" if self.kind in _NO_AMOUNT else f":{self.amount:g}"
        after = f"@{show_duration(self.after)}" if self.after else ""
        return f"{feature}{self.kind}{amount}{after}"

    @property
    def meaning(self) -> str:
        """In words."""
        words = MEANINGS[self.kind].replace("AMOUNT", f"{self.amount:g}")
        return words if self.feature is None else f"{self.feature}: {words}"


def parse(text: str) -> Shift:
    """Read one shift, written as FORM.

    Raises:
        ShiftError: it does not have the form, or the amount is out of range.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ShiftError(f"{text!r} is not {FORM}; kinds: {', '.join(get_args(Kind))}")
    kind: Kind = match["kind"]  # type: ignore[assignment]  # the pattern admits nothing else
    feature = match["feature"]
    if kind in _WHOLE_MODEL and feature not in {None, "*"}:
        raise ShiftError(f"{text!r}: {kind} concerns the whole model, not the feature {feature!r}")
    if kind not in _WHOLE_MODEL and feature is None:
        raise ShiftError(f"{text!r}: {kind} needs a feature: {FORM}")
    return Shift(kind, None if kind in _WHOLE_MODEL else feature, _amount(text, kind, match["amount"]), _after(match))


def _amount(text: str, kind: Kind, given: str | None) -> float:
    if kind in _NO_AMOUNT:
        if given is not None:
            raise ShiftError(f"{text!r}: {kind} takes no amount")
        return 0.0
    try:
        amount = float(given or "")
    except ValueError:
        raise ShiftError(f"{text!r}: {kind} needs a number as amount: {MEANINGS[kind]}") from None
    if kind in _SHARES and not 0 <= amount <= 1:
        raise ShiftError(f"{text!r}: {MEANINGS[kind]}: a share is from 0 to 1")
    if not abs(amount) <= 1e300 or (kind in {"scale", "latency"} and amount <= 0):
        raise ShiftError(f"{text!r}: {MEANINGS[kind]}: {given} is out of range")
    return amount


def _after(match: re.Match[str]) -> int:
    if match["after"] is None:
        return 0
    try:
        return parse_duration(match["after"])
    except PydanticCustomError:
        raise ShiftError(f"{match.string!r}: after the @ comes {ALLOWED}") from None


def check(shift: Shift, reference: Reference) -> None:
    """Make sure that a shift can be applied to traffic like the reference.

    Raises:
        ShiftError: there is no such feature, or it is of the wrong type.
    """
    if shift.kind == "latency" and reference.latency is None:
        raise ShiftError(f"{shift}: the reference of {reference.model} has no latency")
    if shift.feature is None:
        return
    profile = _profile(shift, reference)
    if shift.kind in _NUMERIC and not isinstance(profile, NumericProfile):
        raise ShiftError(f"{shift}: {shift.feature} is categorical; use category, missing or stale")
    if shift.kind == "category" and not isinstance(profile, CategoricalProfile):
        raise ShiftError(f"{shift}: {shift.feature} is numeric; use mean, scale, constant, missing or stale")


def _profile(shift: Shift, reference: Reference) -> Profile:
    name = shift.feature
    if name == PREDICTION and name not in reference.features:
        if shift.kind == "stale" or reference.prediction is None:
            raise ShiftError(f"{shift}: predictions of {reference.model} cannot be shifted that way")
        return reference.prediction
    if name not in reference.features:
        near = get_close_matches(name or "", reference.features, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(list(reference.features)[:8])}"
        raise ShiftError(f"{shift}: {reference.model} has no feature {name!r}{hint}")
    return reference.features[name]

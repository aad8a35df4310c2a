"""Whether driftgauge-native reads predictions: what the environment asks for, or a user's mistake in asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.intake import native
from stream.errors import UsageError

if TYPE_CHECKING:
    from operators.intake.native import Native


def chosen() -> Native | None:
    """The package, where it is installed and not refused.

    Raises:
        UsageError: it is insisted on and cannot be had, or the variable says something else.
    """
    try:
        return native.chosen()
    except native.NativeError as error:
        raise UsageError(str(error)) from None


def described() -> str:
    """Who reads predictions, in a line.

    Raises:
        UsageError: as `chosen`.
    """
    try:
        return native.described()
    except native.NativeError as error:
        raise UsageError(str(error)) from None

"""Literals: NaN and Infinity, which Python's json and JavaScript-like encoders write where a number is none.

They are no JSON, and every reader here reads null in their place: the value is missing, and the record counts. Only
bytes that were refused are looked at, so that others pay nothing for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_UP_TO_ONE = re.compile(rb'((?:[^"NI-]++|"(?:[^"\\]++|\\.)*+"|-(?!I))*+)(?:NaN|-?Infinity)', re.DOTALL)
"""What is before the next such literal, texts as a whole: within them it is a word like any other."""


def finite(text: bytes) -> bytes:
    """JSON with null for NaN, Infinity and -Infinity; the very same bytes where there is none outside of texts."""
    if b"NaN" not in text and b"Infinity" not in text:
        return text
    parts: list[bytes] = []
    at = 0
    while (found := _UP_TO_ONE.match(text, at)) is not None:
        parts += found[1], b"null"
        at = found.end()
    return b"".join((*parts, text[at:])) if parts else text


def parsed(value: bytes, decode: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
    """What JSON holds, such literals as None.

    Raises:
        msgspec.MsgspecError, UnicodeError, RecursionError: it is none.
    """
    try:
        return decode(value)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        plain = finite(value)
        if plain is value:
            raise
        return decode(plain)

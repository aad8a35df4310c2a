"""The beginning of a message, as it can be shown on a line."""

from __future__ import annotations

from stream.config.problems import one_line

LONGEST = 400
"""Bytes of a message that are shown."""

_BINARY = 40


def beginning(value: bytes | None) -> str:
    """Its text; its bytes where it is none."""
    if value is None:
        return "no value"
    cut = value[:LONGEST]
    odd = sum(not character.isprintable() and character not in "\r\n\t" for character in cut.decode("latin-1"))
    text = cut[:_BINARY].hex(" ") if odd > len(cut) // 3 else one_line(cut.decode("utf-8", "backslashreplace"))
    return text + ("…" if len(value) > LONGEST else "")

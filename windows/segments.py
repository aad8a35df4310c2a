"""Segments: the whole of a version, and the part of it that has one value of a key."""

from __future__ import annotations

WHOLE = ""
"""The segment that holds every prediction of a version."""

OTHER = "other"
"""The segment value (and version) that stands for all those beyond the known ones."""


def segment_name(key: str, value: str) -> str:
    """The label of one segment: "country=US"."""
    return f"{key}={value}"

"""What is said of the values of a segment key that have too few rows to be watched one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windows.sketches.profiles import MAX_SEGMENT_VALUES, MIN_SEGMENT_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.references.count import SegmentTally

LISTED = 10
"""Values that a note names."""


def segment_notes(key: str, tally: SegmentTally) -> Iterator[str]:
    """A note for a key of which values are left out: which, and how many rows a value needs."""
    counted = zip(tally.values[:-1], tally.rows[:-1].tolist(), strict=True)
    ranked = sorted(((value, rows) for value, rows in counted if rows), key=lambda one: (-one[1], one[0]))
    enough = sum(rows >= MIN_SEGMENT_ROWS for _, rows in ranked)
    left = ranked[min(enough, MAX_SEGMENT_VALUES) :]
    if not left and enough:
        return
    named = ", ".join(f"{value} ({rows:,})" for value, rows in left[:LISTED]) or "it has none"
    more = f" and {len(left) - LISTED:,} more" if len(left) > LISTED else ""
    needs = f"a value needs {MIN_SEGMENT_ROWS:,} rows of the reference, the {MAX_SEGMENT_VALUES} most frequent are kept"
    if enough:
        yield f"segment {key!r}: watched together as `other`: {named}{more}; {needs}"
    else:
        yield f"segment {key!r}: no value is watched: {named}{more}; {needs}: build it from more rows"

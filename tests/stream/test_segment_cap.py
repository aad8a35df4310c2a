"""Values of a segment key that the reference does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segment_cap import check, reference, run, write

if TYPE_CHECKING:
    from pathlib import Path


def test_many_values_are_one_segment_counted_and_page_nobody(tmp_path: Path) -> None:
    """20,000 of them in the place of known ones: the series of one more segment, the same page for the same drop."""
    given = reference()
    write(tmp_path, 40_000, "known", distinct=False)
    write(tmp_path, 20_000, "more", distinct=False)
    write(tmp_path, 20_000, "other", distinct=True)
    before, after = (run(tmp_path, ("known", more), given) for more in ("more", "other"))
    assert check(before, after, 20_000) == []

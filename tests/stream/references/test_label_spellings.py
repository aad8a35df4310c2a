"""Labels in odd spellings through `reference build` and `replay`: a short run of `load_tests/label_spellings.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from label_spellings import judge
from spelling_tables import table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(8))
def test_metrics_are_scikit_learns_or_labels_are_refused(seed: int, tmp_path: Path) -> None:
    """Two tables of each task: no figure differs, no label is misread, and none that is one is refused."""
    assert judge(table(seed), tmp_path).wrong == []

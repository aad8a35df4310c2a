"""Mutated messages of every format and preset: a short run of `load_tests/fuzz.py`, always the same one."""

from __future__ import annotations

import pytest
from fuzz import Form, forms, run

MESSAGES = 400
"""Of each; the script runs as many as there is time for."""


@pytest.mark.parametrize("form", tuple(forms()), ids=lambda form: form.name)
def test_whatever_comes_is_accounted_for(form: Form) -> None:
    """Nothing breaks, read = folded + late + dead, and each message is read, skipped or dead."""
    tally, why, values = run(form, MESSAGES, seed=1)
    assert (why, values) == ("", [])
    assert tally.messages >= MESSAGES
    assert tally.folded > 0 < tally.dead

"""load_tests/real_clusters.py names tests and faults: all of them are there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from faults import FAULTS
from real_clusters import FELL_SHORT, HOLDS

TESTS = Path(__file__).parent
EVERY = (*FELL_SHORT, *HOLDS)


@pytest.mark.parametrize("number", range(len(EVERY)))
def test_what_does_a_fault_again_is_there(number: int) -> None:
    """A test that was renamed, or taken out, would leave a fault to nobody."""
    one = EVERY[number]
    assert one.tests
    assert set(one.faults) <= set(FAULTS), one.what
    for test in one.tests:
        path, _, name = test.partition("::")
        functions = {
            node.name for node in ast.parse((TESTS / path).read_text()).body if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, test

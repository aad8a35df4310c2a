"""Versions as people write them."""

import pytest

from stream.web.text import versioned


@pytest.mark.parametrize(
    ("version", "shown"), [("7", "v7"), ("2025.1", "v2025.1"), ("v12", "v12"), ("canary", "canary"), ("", "")]
)
def test_a_version_has_one_v(version: str, shown: str) -> None:
    """A number gets one, and what begins with a letter is as it is."""
    assert versioned(version) == shown

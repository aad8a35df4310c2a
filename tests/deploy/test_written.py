from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from paging import DEPLOY
from waiting import GUARD

from operators.settings.alerts import ALERTS, BLOCKING, OF_FEATURES, SPOILING, UNCLEAN, listed, of_chart

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = DEPLOY.parent
BUILD = DEPLOY / "build.py"


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    """What the script has."""
    return runpy.run_path(str(BUILD))


def test_all_that_is_written_is_up_to_date() -> None:
    """Rules, dashboards, and tables of the documents; else: python deploy/build.py."""
    done = subprocess.run(
        [sys.executable, str(BUILD), "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_is_stale_is_told_and_written(build: dict[str, Any]) -> None:
    """Between its marks alone; the marks stay, so that it can be written again."""
    filled: Callable[[str, dict[str, str]], str] = build["filled"]
    text = "before <!-- kinds: written by x -->old\n|rows<!-- /kinds --> after <!-- other: -->kept<!-- /other -->"
    once = filled(text, {"kinds": "A or B"})
    assert once == "before <!-- kinds: written by x -->A or B<!-- /kinds --> after <!-- other: -->kept<!-- /other -->"
    assert filled(once, {"kinds": "A or B"}) == once


@pytest.mark.parametrize("text", ["none", "<!-- a: --><!-- /a --> and <!-- a: --><!-- /a -->"], ids=["none", "two"])
def test_a_part_without_a_place_of_its_own_is_refused(build: dict[str, Any], text: str) -> None:
    """It would be lost without a word."""
    with pytest.raises(LookupError, match=r"\d places for a: one is needed"):
        build["filled"](text, {"a": "rows"})


def test_the_readme_says_when_each_kind_fires() -> None:
    """A row for each, with what it is at the minor and at the major level."""
    section = (ROOT / "README.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| .+ \| (\S+) / (\w+) \|$", section, re.MULTILINE)
    assert [name for name, *_ in rows if name != "alert"] == [name for name, row in ALERTS.items() if row.fires]
    assert ("NoData", "-", "critical") in rows
    assert ("DataDrift", "info", "critical") in rows
    assert "{" not in section.partition("| DataDrift |")[2].partition("\n")[0]


def test_what_kinds_spoil_block_and_say_is_the_policy() -> None:
    """Another kind in one of these sets is a decision: trainings, adopted references and canaries follow it."""
    assert SPOILING == ("DataQuality", "FeatureStale")
    assert BLOCKING == ("DataQuality", "FeatureStale", "NoData", "LabelStall")
    assert set(UNCLEAN) == {
        *("DataQuality", "FeatureStale", "Anomaly"),
        *("PerformanceDrop", "ConceptDrift", "SlaBreach"),
    }
    assert set(OF_FEATURES) == {"DataDrift", "DataQuality", "FeatureStale"}
    assert of_chart("service") == {"SlaBreach", "NoData"}


def test_names_are_listed_as_a_sentence_has_them() -> None:
    """One, two and three."""
    assert [listed("ABC"[:n], "or") for n in (1, 2, 3)] == ["A", "A or B", "A, B or C"]

"""Real Prometheus and Alertmanager for tests, and a receiver that speaks PagerDuty's Events API v2.

They are those of the load tests; here a program that is not there is a skip.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import alerting_stack
import pytest
import yaml
from alerting_stack import DEPLOY, ROUTES, NoToolError
from pagerduty import Receiver
from waiting import GUARD

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEPLOY", "REQUIRED", "ROUTES", "RULES", "Alertmanager", "Prometheus", "Receiver", "run", "tool"]

RULES = DEPLOY / "prometheus" / "driftgauge.rules.yml"
REQUIRED = "DRIFTGAUGE_REQUIRE_TOOLS"


def tool(name: str) -> str:
    """The path of a tool; without it the test is skipped with the reason, or fails where tools are required."""
    try:
        return alerting_stack.tool(name)
    except NoToolError as error:
        missing(str(error))
        raise


def missing(reason: str) -> None:
    """Skip the test, or fail it where tools are required."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
    pytest.skip(reason)


class Alertmanager(alerting_stack.Alertmanager):
    """The same for tests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        tool("alertmanager")
        super().__init__(*arguments, **options)


class Prometheus(alerting_stack.Prometheus):
    """The same for tests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        tool("prometheus")
        super().__init__(*arguments, **options)


def run(name: str, *arguments: object, cwd: Path | None = None) -> str:
    """What a tool says; it must succeed."""
    done = subprocess.run(
        [tool(name), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=GUARD, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerting_rules() -> list[dict[str, Any]]:
    """The alerting rules of the default set."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]

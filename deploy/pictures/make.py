# ruff: noqa: INP001 - a script beside what it makes, no package
"""The pictures of README: the page of a running demo, and the report of a replay, as chromium shows them.

    python deploy/pictures/make.py

Needs chromium and chromium-driver, and takes a minute: the demo is looked at while its shifted feature's alert fires.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "load_tests")]

import small_shop  # noqa: E402  the path comes first
from browser import Browser  # noqa: E402  likewise
from waiting import until  # noqa: E402  likewise

ENOUGH = 4
"""Alerts by which the page has something to show, or as many seconds as SOON after the first."""
SOON = 14.0


def main() -> None:
    """Make them all."""
    with Browser(1280, 900) as browser:
        _pages(browser)
        _report(browser)


def _pages(browser: Browser) -> None:
    command = [sys.executable, "-m", "stream.cli.app", "demo", "--duration", "60", "--listen", "127.0.0.1:0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)  # noqa: S603 - ours
    try:
        found = None
        while found is None and demo.stdout is not None:
            found = re.search(r"http://127\.0\.0\.1:\d+/", demo.stdout.readline())
        address = "" if found is None else found.group()
        browser.open(address)
        until(lambda: len(_json(f"{address}api/v1/alerts")["alerts"]) >= 1, pause=0.5)
        threading.Event().wait(SOON)
        for name, path in (("overview", ""), ("feature", "models/click/features/relevance")):
            browser.open(address + path)
            until(lambda: browser.text(".live").startswith("live"))
            browser.picture(HERE / f"{name}.png")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate()


def _report(browser: Browser) -> None:
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        small_shop.made(directory, per_day=200, days=200)
        browser.open((directory / "report.html").as_uri())
        browser.picture(HERE / "report.png", whole=False)


def _json(address: str) -> Any:
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own
        return json.loads(answer.read())


if __name__ == "__main__":
    main()

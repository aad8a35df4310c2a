"""The live page in a real browser: the demo runs, and a person looks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from browser import Browser
from waiting import GUARD, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
AXE = (ROOT / "tests" / "axe" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A window."""
    with Browser() as window:
        yield window


@pytest.fixture(scope="module")
def demo(browser: Browser) -> Iterator[str]:
    """`driftgauge demo` without end; the address of its page. The browser is there first."""
    del browser
    command = [sys.executable, "-m", "stream.cli.app", "demo", "--duration", "0", "--listen", "127.0.0.1:0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found:
                break
        else:
            pytest.fail("the demo names no page")
        yield found.group()
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=GUARD)
        process.kill()


def faults(browser: Browser) -> list[str]:
    """What axe-core calls serious or critical of the page as it is, in both colour schemes."""
    found = []
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        browser.run(AXE + "\nreturn typeof axe")
        browser.run(AXE)
        result = browser.run_async(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations));"
        )
        found += [
            f"{scheme}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]}"
            for one in result
            if one["impact"] in {"serious", "critical"}
        ]
    browser.prefer("light")
    return found


def test_a_person_sees_what_moved_without_a_reload(browser: Browser, demo: str) -> None:
    """Opened before the shift: the alert appears by itself, the shifted feature is on top, its histograms differ.

    Every page is free of serious faults for who cannot see well or has only a keyboard, nothing is asked of another
    host, nothing is refused by the policy, and a phone needs no sideways scrolling.
    """
    browser.requests()
    browser.open(demo)
    browser.run("window.mark = 'never reloaded'")
    until(lambda: "relevance" in browser.text("#s-models"), pause=0.5)
    until(lambda: any("DataDrift" in text for text in browser.texts("#s-alerts li")), pause=0.5)
    assert browser.run("return window.mark") == "never reloaded"
    assert "needs a person" in until(lambda: browser.text("h1"))
    assert browser.text(".live").startswith("live")
    assert faults(browser) == []

    browser.run("document.querySelector('.models th a').click()")
    until(lambda: browser.text("h1").startswith("click"))
    until(lambda: browser.texts(".ranked tbody th")[:1] == ["relevance"], pause=0.5)  # the shift goes, and comes again
    assert faults(browser) == []

    browser.run("document.querySelector('.ranked tbody th a').click()")
    until(lambda: browser.text("h1").startswith("relevance"))
    shapes = browser.run("return [...document.querySelectorAll('#s-pictures path.area')].map(p => p.getAttribute('d'))")
    assert len(shapes) == 2
    assert shapes[0] != shapes[1]
    until(lambda: "the whole interval is above the threshold" in browser.text(".lead"), pause=0.5)
    assert faults(browser) == []

    until(lambda: any("DataDrift" in text for text in browser.texts("#s-alerts li a")), pause=0.5)
    browser.run("[...document.querySelectorAll('#s-alerts li a')].find(a => a.innerText.includes('DataDrift')).click()")
    until(lambda: browser.text("h1").startswith("DataDrift"))
    assert "false_pages_per_month" in browser.text("#s-decides")
    assert faults(browser) == []

    browser.resize(390, 844)
    for path in ("", "models/click", "models/click/features/relevance", "models/click/features/country"):
        browser.open(demo + path)
        assert browser.run("return document.documentElement.scrollWidth") <= 390
    asked = [address for address in browser.requests() if address.startswith("http")]
    assert {urlsplit(address).hostname for address in asked} == {"127.0.0.1"}
    assert len(asked) > 10
    assert [said for said in browser.complaints() if "axe" not in said] == []


def test_a_keyboard_reaches_everything(browser: Browser, demo: str) -> None:
    """The first stop skips to the content, links follow in the order of the page, and Enter opens the model."""
    browser.resize(1280, 900)
    browser.open(demo)
    until(lambda: browser.texts(".models th a"), pause=0.5)
    stops = []
    for _ in range(8):
        browser.press("\ue004")
        stops.append(browser.run("return document.activeElement.innerText"))
        if stops[-1] == "click":
            break
    assert stops[0] == "To the content"
    assert stops[-1] == "click"
    browser.press("\ue007")
    until(lambda: browser.text("h1").startswith("click"))

"""A real browser for tests: Debian's chromium, driven by chromium-driver over the W3C WebDriver protocol.

The protocol is JSON over HTTP: two dozen lines here, and no package that would bring a browser of its own.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Self

import pytest
from waiting import GUARD, until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

NEEDED = "DRIFTGAUGE_REQUIRE_TOOLS"
"""Set where a missing browser is a failure, as in CI."""

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")


def needed_browser() -> str:
    """The driver's path; where there is none, the test is skipped, or fails if it must not be."""
    driver = shutil.which("chromedriver")
    if driver is None or not (shutil.which("chromium") or shutil.which("google-chrome")):
        if os.environ.get(NEEDED):
            pytest.fail("chromium and chromedriver are needed: apt-get install chromium chromium-driver")
        pytest.skip("no chromium with chromedriver on this machine")
    return driver


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


class Browser:
    """One window. A context manager.

    Args:
        width: of the window, pixels.
        height: likewise.
        dark: whether dark colours are preferred.
    """

    def __init__(self, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
        self._port = _free_port()
        self._home = tempfile.mkdtemp(prefix="browser-")
        self._driver = subprocess.Popen(
            [needed_browser(), f"--port={self._port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._home},
        )
        until(self._ready)
        arguments = [*ARGUMENTS, f"--window-size={width},{height}", f"--user-data-dir={self._home}/profile"]
        if dark:
            arguments.append("--force-dark-mode")
        options = {"args": arguments, "binary": shutil.which("chromium") or shutil.which("google-chrome")}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }
        self._session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return bool(self._ask("GET", "/status")["ready"])
        return False

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=GUARD)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            found = json.loads(connection.getresponse().read())["value"]
        assert not (isinstance(found, dict) and "error" in found), found
        return found

    def _do(self, command: str, **body: Any) -> Any:
        return self._ask("POST", f"/session/{self._session}/{command}", body)

    def open(self, address: str) -> None:
        """Go to a page; returns once it is loaded."""
        self._do("url", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self._do("execute/sync", script=script, args=list(arguments))

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What a script hands to the function that is its last argument."""
        self._do("timeouts", script=int(GUARD * 1e3))
        return self._do("execute/async", script=script, args=list(arguments))

    def text(self, selector: str) -> str:
        """The text of the first element; empty where there is none."""
        return str(self.run("const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", selector))

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector))

    def press(self, keys: str) -> None:
        """Keys, one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._do("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def resize(self, width: int, height: int) -> None:
        """Another window size, in CSS pixels of the page."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def prefer(self, scheme: str) -> None:
        """Light or dark."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._do("goog/cdp/execute", cmd=name, params=parameters)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page, or of what is seen of it."""
        found = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(found["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        width, height = self.run("return [document.documentElement.clientWidth, document.body.scrollHeight]")
        return {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}

    def requests(self) -> list[str]:
        """Addresses that were asked for since this was asked last."""
        entries = (json.loads(entry["message"])["message"] for entry in self._do("se/log", type="performance"))
        return [one["params"]["request"]["url"] for one in entries if one["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the browser wrote to its console since this was asked last: errors, and what the policy refused."""
        return [entry["message"] for entry in self._do("se/log", type="browser")]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Exception):
            self._ask("DELETE", f"/session/{self._session}")
        self._driver.terminate()
        self._driver.wait(GUARD)
        shutil.rmtree(self._home, ignore_errors=True)

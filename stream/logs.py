"""Logs: one line an event on stderr, `key=value`, without secrets."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CLEAR = "\r\x1b[2K"
"""To the beginning of the line, and nothing on it: `run` shows a status line on a terminal."""

LEVELS = ("debug", "info", "warning", "error")
ROOT = "driftgauge"


class LineFormatter(logging.Formatter):
    """`ts=... level=... process=... logger=... msg="..."`, and `trace="..."` where there was an exception.

    Args:
        process: which of our processes writes.
        redact: takes secrets out of a text.
        before: stands before each line: what clears a status line from a terminal.
    """

    def __init__(self, process: str, redact: Callable[[str], str], before: str = "") -> None:
        super().__init__()
        self._process = process
        self._redact = redact
        self._before = before

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        name = record.name.removeprefix(f"{ROOT}.")
        line = (
            f"{self._before}ts={stamp}.{int(record.msecs):03d}Z level={record.levelname.lower()}"
            f" process={self._process} "
            f"logger={name} msg={self._quote(record.getMessage())}"
        )
        if record.exc_info:
            line += f" trace={self._quote(self.formatException(record.exc_info))}"
        return line

    def _quote(self, text: str) -> str:
        # Redacted before it is quoted: quoting could alter a secret beyond recognition.
        return json.dumps(self._redact(text), ensure_ascii=False)


def configure(level: str, redact: Callable[[str], str] = str, *, process: str = "main") -> None:
    """Send what driftgauge logs at `level` or above to stderr; other libraries' from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(process, redact, CLEAR if sys.stderr.isatty() else ""))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(ROOT).setLevel(level.upper())

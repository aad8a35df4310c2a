"""What the log says about the work: each alert event, and now and then what was rejected and why."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from stream.throttle import Throttle

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from operators.dead_letters import DeadLetter

_LOG = logging.getLogger("driftgauge.monitor")


def log_alert(event: AlertEvent) -> None:
    """One line for an alert event that the broker has."""
    urgent = event.state == "firing" and event.severity == "critical"
    what = f"{event.alert} model={event.model} version={event.version} segment={event.segment}"
    _LOG.log(
        logging.WARNING if urgent else logging.INFO,
        "alert %s: %s %s: %s",
        event.state,
        event.severity,
        what,
        event.reason,
    )


class DeadLetterJournal:
    """Counts dead letters by reason, and logs the counts once in a while."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._throttle = Throttle()

    def count(self, letter: DeadLetter, _: int) -> None:
        """The broker has this one."""
        self._counts[letter.reason.value] += 1

    def tell(self) -> None:
        """Log what came since the last line, unless that was a moment ago."""
        if self._counts and self._throttle.due():
            self.tell_all()

    def tell_all(self) -> None:
        """Log what came since the last line, if anything."""
        if self._counts:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self._counts.items()))
            _LOG.warning("dead letters since the last such line: %s", reasons)
            self._counts.clear()

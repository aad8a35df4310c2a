"""One run of the chain: traffic shifts, a page comes, traffic is normal again, a resolve comes; where the time went."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from paging_chain import FIRING, GAUGE, stamp, wrong_with
from patience import until

from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from paging_chain import Chain

SHIFT = Shift("mean", "age", 0.5)
"""Half a standard deviation of a bell: KS 0.2."""
PATIENCE = 600.0


@dataclass(frozen=True)
class Stages:
    """One run, in seconds: where the time from the first shifted event to the POST went."""

    window: float
    told: float
    scraped: float
    fired: float
    received: float
    posted: float

    @property
    def total(self) -> float:
        """From the first shifted event to the POST."""
        return sum(astuple(self))


TITLES = {
    "window": "event -> window end + lateness",
    "told": "-> alert in topic",
    "scraped": "-> gauge scraped",
    "fired": "-> rule fires",
    "received": "-> Alertmanager has it",
    "posted": "-> POST",
}


def measured(chain: Chain, phase: float) -> Stages:
    """One run, with the shift beginning at this share of a pane.

    Raises:
        AssertionError: what came is not one right page and one resolve.
        TimeoutError: something did not come.
    """
    before, pane = chain.counts(), chain.pace.pane / 1e3
    begin = ((time.time() + 0.5) // pane + 1 + phase) * pane
    chain.traffic.shift(begin)
    until(lambda: chain.counts()[0] > before[0], begin - time.time() + PATIENCE, "a trigger")
    (alert,) = chain.alertmanager.alerts(alertname="DataDrift", severity="critical")
    stages = _stages(chain, stamp(alert["updatedAt"]))
    problems = wrong_with(chain.pages("trigger")[-1], "age")
    chain.traffic.calm()
    until(lambda: chain.counts()[1] > before[1], PATIENCE, "a resolve")
    until(lambda: not chain.rows(FIRING), PATIENCE, "silence")
    if problems or chain.counts() != (before[0] + 1, before[1] + 1) or chain.receiver.refused:
        raise AssertionError(f"{problems or ''} triggers and resolves {chain.counts()} after {before}")
    return stages


def _stages(chain: Chain, received: float) -> Stages:
    first = (chain.traffic.first_shifted or 0) / 1e3
    page = chain.receiver.events("DataDrift", "trigger")[-1]
    # A push may be there before the event is in the topic.
    told, written = until(lambda: _critical(chain, first), PATIENCE, "the event of the page")
    closed = stamp(told["event_time"]) + chain.pace.lateness / 1e3
    if chain.push:
        scraped = fired = written
    else:
        scraped, fired = (next(at for at in chain.prometheus.samples(s) if at >= first) for s in (GAUGE, FIRING))
    marks = [first, closed, written, scraped, fired, received, page.at]
    return Stages(*(later - earlier for earlier, later in pairwise(marks)))


def _critical(chain: Chain, since: float) -> tuple[dict[str, Any], float] | None:
    """The first critical event after a moment, and when it was written; None while there is none."""
    found = (
        (event, at / 1e3)
        for event, at in chain.events()
        if event["state"] != "resolved" and event["severity"] == "critical" and stamp(event["event_time"]) > since
    )
    return next(found, None)

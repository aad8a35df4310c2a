"""The end of the demo: what was shifted, what fired, what did not, and whether that is as it ought to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.demo_scenario import SHIFT, SHIFT_TEXT

if TYPE_CHECKING:
    from stream.demo_alerts import Announced
    from stream.view_state import Readings

EXPECTED = "DataDrift"
TOO_EARLY = 10.0
"""Seconds after the shift until which a Ctrl-C leaves open whether the alert would have come."""


@dataclass(frozen=True, slots=True)
class Played:
    """A demo that is over. Times in ms since the epoch, unless they are named seconds.

    Attributes:
        began: event time of the first prediction.
        seconds: how long predictions were written.
        written: how many.
        changes: when the shift came or went, with whether it came.
        alerts: events as they were read from the alerts topic.
        readings: the last metrics.
        features: how many the model has.
        restarts: of the monitor, by a failure.
        interrupted: ended by a signal, not by its duration.
        ready_seconds: from the start of the demo to the monitor reading the topic.
        metrics: where they were served.
    """

    began: int
    seconds: float
    written: int
    changes: tuple[tuple[int, bool], ...]
    alerts: tuple[Announced, ...]
    readings: Readings
    features: int
    restarts: int
    interrupted: bool
    ready_seconds: float
    metrics: str

    def at(self, ms: int) -> float:
        """Seconds since the first prediction."""
        return (ms - self.began) / 1e3

    @property
    def shifted_at(self) -> int | None:
        """When the first shift came."""
        return next((at for at, came in self.changes if came), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of it.

    Attributes:
        detected: the first alert of the shifted feature.
        surprises: what ought not to have fired.
        early: it was stopped before it could be said.
    """

    detected: Announced | None
    surprises: tuple[Announced, ...]
    early: bool

    @property
    def good(self) -> bool:
        """Nothing ought to have been different."""
        return not self.surprises and (self.detected is not None or self.early)


def verdict_of(played: Played) -> Verdict:
    """Whether the shifted feature's alert fired, and nothing else did."""
    shifted_at = played.shifted_at
    ours = [event for event in played.alerts if _ours(event) and shifted_at is not None and event.at >= shifted_at]
    detected = next((event for event in ours if event.state == "firing"), None)
    since = 0.0 if shifted_at is None else played.seconds - played.at(shifted_at)
    early = played.interrupted and since < TOO_EARLY
    return Verdict(detected, tuple(event for event in played.alerts if event not in ours), early)


def _ours(event: Announced) -> bool:
    return event.alert == EXPECTED and event.segment == "" and event.features == (SHIFT.feature,)


def summary(played: Played, verdict: Verdict) -> list[tuple[str, list[str]]]:
    """Headings, each with its lines."""
    return [
        ("What was shifted", _shifts(played)),
        ("What fired", _fired(played, verdict)),
        ("What did not", _quiet(played, verdict)),
        ("Figures", _figures(played)),
        ("Next", _next()),
        *([("Result", _failures(verdict))] if not verdict.good else []),
    ]


def _shifts(played: Played) -> list[str]:
    texts = {True: f"{SHIFT.feature} {SHIFT_TEXT}", False: f"{SHIFT.feature} is back to normal"}
    lines = [f"at {played.at(at):.1f} s  {texts[came]}" for at, came in played.changes]
    return lines or ["nothing yet: it ended before the shift"]


def _fired(played: Played, verdict: Verdict) -> list[str]:
    lines = []
    for event in played.alerts:
        after = ""
        if event is verdict.detected and played.shifted_at is not None:
            after = f", {(event.at - played.shifted_at) / 1e3:.1f} s after the shift"
        named = ", ".join(event.features) or event.metric
        said = f"{event.alert} {event.state} ({event.severity}): {named}{after}"
        lines += [f"at {played.at(event.at):.1f} s  {said}", f"  {event.reason}"]
    return lines or ["nothing"]


def _quiet(played: Played, verdict: Verdict) -> list[str]:
    if verdict.surprises:
        return ["see above: something fired that was not shifted"]
    others = f"the other {played.features - 1}" if verdict.detected is not None else f"the {played.features}"
    return [f"{others} features, the predictions, data quality, latency and availability"]


def _figures(played: Played) -> list[str]:
    rate = played.written / played.seconds if played.seconds else 0.0
    readings = played.readings
    closed = f"{readings.predictions:,} of them in closed panes"
    lines = [
        f"{played.written:,} predictions written in {played.seconds:.1f} s ({rate:,.0f}/s), {closed}",
        f"{readings.late:,} late and {readings.dead:,} broken records, sent on purpose, were counted and set aside",
        f"the monitor was running {played.ready_seconds:.1f} s after the start; metrics were on {played.metrics}",
    ]
    if played.restarts:
        lines.append(f"the monitor failed and was started again {played.restarts} times")
    return lines


def _next() -> list[str]:
    return [
        "driftgauge init --from train.parquet --model NAME   a config and a reference from rows of your own",
        "driftgauge check driftgauge.yaml --connect          is it right, and are brokers and topics there",
        "driftgauge run --config driftgauge.yaml             the monitor on your predictions topic",
    ]


def _failures(verdict: Verdict) -> list[str]:
    lines = [
        f"FAILED: {event.alert} {event.state} for {', '.join(event.features) or event.metric}, which was not shifted"
        for event in verdict.surprises
    ]
    if verdict.detected is None and not verdict.early:
        lines.append(f"FAILED: {EXPECTED} of {SHIFT.feature} did not fire although it was shifted")
    return lines

"""The end of the demo: what was shifted, what fired, what did not, and whether that is as it ought to be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.demo.scenario import SHIFT, SHIFT_TEXT, WATCHED

if TYPE_CHECKING:
    from stream.demo.actions import Asked
    from stream.demo.alerts import Announced
    from stream.view.spans import Interval
    from stream.view.state import Readings


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that follows from the shift.

    Attributes:
        alert: its name.
        feature: the feature that it names; "" for none.
        what: in words.
        within: seconds of traffic after the shift that are enough for it, wherever panes begin.
    """

    alert: str
    feature: str
    what: str
    within: float


EXPECTED = (
    # Up to 2 s until a pane begins, 2 s of it, and up to 2 s until the watermark, 1 s behind, is past it.
    Expected("DataDrift", SHIFT.feature or "", f"of {SHIFT.feature}", 6.5),
    Expected("PredictionDrift", "", "of the scores", 6.5),
    # The same with a window of 10 s, and 3 s for its labels; mostly 8 s of the window are enough.
    Expected("PerformanceDrop", "", f"of {WATCHED.metric}", 18.0),
)
SLACK = 4.0
"""Seconds that a monitor may be behind: a demo that is interrupted does not wait for it."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The moment from which the estimate alone was surely below the limit.

    Attributes:
        at: ms since the epoch.
        estimated: the estimate then.
        realised: what the labels said then; None for nothing yet.
    """

    at: int
    estimated: Interval
    realised: Interval | None


@dataclass(frozen=True, slots=True)
class Played:
    """A demo that is over. Times in ms since the epoch, unless they are named seconds.

    Attributes:
        began: event time of the first prediction.
        seconds: how long predictions were written.
        written: how many.
        changes: when the shift came or went, with whether it came.
        alerts: events as they were read from the alerts topic.
        foreseen: when the estimate fell; None when it did not.
        readings: the last metrics.
        features: how many the model has.
        restarts: of the monitor, by a failure.
        interrupted: ended by a signal, not by its duration.
        ready_seconds: from the start of the demo to the monitor reading the topic.
        metrics: where they were served.
        asked: actions that were asked for, in dry run.
    """

    began: int
    seconds: float
    written: int
    changes: tuple[tuple[int, bool], ...]
    alerts: tuple[Announced, ...]
    foreseen: Foreseen | None
    readings: Readings
    features: int
    restarts: int
    interrupted: bool
    ready_seconds: float
    metrics: str
    asked: tuple[Asked, ...] = ()

    def at(self, ms: int) -> float:
        """Seconds since the first prediction."""
        return (ms - self.began) / 1e3

    @property
    def shifted_at(self) -> int | None:
        """When the first shift came."""
        return next((at for at, came in self.changes if came), None)

    def after(self, ms: int) -> float:
        """Seconds since the first shift."""
        return (ms - (self.shifted_at or self.began)) / 1e3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of it.

    Attributes:
        detected: the first alert of each kind that ought to fire.
        missing: what ought to have fired and did not.
        open: what had no time to fire.
        surprises: what ought not to have fired.
    """

    detected: dict[str, Announced]
    missing: tuple[Expected, ...]
    open: tuple[Expected, ...]
    surprises: tuple[Announced, ...]

    @property
    def good(self) -> bool:
        """Nothing ought to have been different."""
        return not self.surprises and not self.missing


def verdict_of(played: Played) -> Verdict:
    """Whether what follows from the shift fired after it, and nothing else did."""
    shifted_at = played.shifted_at
    since = 0.0 if shifted_at is None else played.seconds - played.at(shifted_at)
    detected: dict[str, Announced] = {}
    surprises = []
    for event in played.alerts:
        if shifted_at is None or event.at < shifted_at or not any(_is(event, one) for one in EXPECTED):
            surprises.append(event)
        elif event.state == "firing":
            detected.setdefault(event.alert, event)
    absent = [one for one in EXPECTED if one.alert not in detected]
    slack = SLACK if played.interrupted else 0.0
    early = [one for one in absent if since < one.within + slack]
    return Verdict(detected, tuple(one for one in absent if one not in early), tuple(early), tuple(surprises))


def _is(event: Announced, one: Expected) -> bool:
    """Whether an event is the expected alert, of all the traffic; an alert of drift must name the feature alone."""
    named = event.features == (one.feature,) if one.feature else set(event.features) <= {SHIFT.feature}
    return event.alert == one.alert and event.segment == "" and named


def summary(played: Played, verdict: Verdict) -> list[tuple[str, list[str]]]:
    """Headings, each with its lines."""
    return [
        ("What was shifted", _shifts(played)),
        ("What fired", _fired(played, verdict)),
        ("What did not", _quiet(played, verdict)),
        ("What was asked for", _asked(played)),
        ("How good the predictions were", _quality(played, verdict)),
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
        first = event is verdict.detected.get(event.alert)
        after = f", {played.after(event.at):.1f} s after the shift" if first else ""
        named = ", ".join(event.features) or event.metric
        said = f"{event.alert} {event.state} ({event.severity}): {named}{after}"
        lines += [f"at {played.at(event.at):.1f} s  {said}", f"  {event.reason}"]
    return lines or ["nothing"]


def _asked(played: Played) -> list[str]:
    """Actions in dry run: what they say, and that nobody is told."""
    lines = []
    for one in played.asked:
        tried = ", in dry run: written to driftgauge.actions and sent to nobody" if one.dry_run else ""
        when = f"at {played.at(one.at):.1f} s of the traffic ({_clock(one.at)})"
        lines += [f"{when}  {one.action} {one.state} (by {one.trigger}){tried}", f"  {one.reason}"]
    return lines or ["nothing"]


def _clock(ms: int) -> str:
    """The time of day, UTC."""
    return dt.datetime.fromtimestamp(ms / 1e3, dt.UTC).strftime("%H:%M:%S UTC")


def _quiet(played: Played, verdict: Verdict) -> list[str]:
    if verdict.surprises:
        return ["see above: something fired that was not shifted"]
    others = f"the other {played.features - 1}" if "DataDrift" in verdict.detected else f"the {played.features}"
    lines = [f"{others} features, data quality, latency and availability"]
    if verdict.open and played.shifted_at is not None:
        names = ", ".join(one.alert for one in verdict.open)
        lines.append(f"{names}: it ended too early to say; a demo of 30 s or more shows them all")
    return lines


def _quality(played: Played, verdict: Verdict) -> list[str]:
    quality, metric, foreseen = played.readings.quality, WATCHED.metric, played.foreseen
    lines = []
    if foreseen is not None and played.shifted_at is not None:
        said = "" if foreseen.realised is None else f", while labels still said {foreseen.realised.value:.3f}"
        when = f"{played.after(foreseen.at):.1f} s after the shift"
        lines.append(f"{when} the estimate without labels had fallen to {_show(foreseen.estimated)}{said}")
    drop = verdict.detected.get("PerformanceDrop")
    if drop is not None and quality.realised is not None:
        lines.append(f"{played.after(drop.at):.1f} s after the shift enough labels had come to say so too")
    if quality.realised is not None and quality.baseline is not None:
        lines.append(f"last {metric} by labels {_show(quality.realised)}, in the reference {quality.baseline:.3f}")
    if quality.coverage is not None and quality.delay is not None:
        share, delay = f"{quality.coverage:.0%} of the predictions", f"{quality.delay:.1f} s later in the median"
        lines.append(
            f"{quality.labels:,} labels for {share}, {delay}; {quality.revised:,} were corrected and"
            f" {quality.duplicates:,} came twice, on purpose"
        )
    return lines or ["no labels yet"]


def _show(interval: Interval) -> str:
    return f"{interval.value:.3f} (interval {interval.lower:.3f} to {interval.upper:.3f})"


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
        "driftgauge topics create --config driftgauge.yaml   the topics that are missing",
        "driftgauge check driftgauge.yaml --connect          is it right, and are brokers and topics there",
        "driftgauge run --config driftgauge.yaml             the monitor on your predictions topic",
    ]


def _failures(verdict: Verdict) -> list[str]:
    return [
        *(
            f"FAILED: {event.alert} {event.state} for {', '.join(event.features) or event.metric}, "
            "which does not follow from the shift"
            for event in verdict.surprises
        ),
        *(f"FAILED: {one.alert} {one.what} did not fire although there was a shift" for one in verdict.missing),
    ]

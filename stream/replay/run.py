"""Replay: the monitor's own dataflow over what is already written, in event time, without a state to recover."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from operators.plans.model import plan_models
from operators.records import Topic
from stream.config.inputs import sources_of
from stream.dataflow import Edges, build
from stream.engine.garbage import spared
from stream.engine.run import run_alone
from stream.engine.witness import Witness
from stream.errors import UsageError
from stream.kafka.messages import rfc3339
from stream.kafka.registry import registry_of
from stream.metrics import catalog
from stream.replay.lanes import LaneSource
from stream.replay.pictures import Pictures
from stream.replay.results import EVALUATIONS, CallSink, Results
from stream.replay.store import replay_stores
from stream.replay.summary import Summary, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from operators.judging.changes import Rows
    from stream.config.load import Config
    from stream.replay.lanes import Lane, Progress
    from windows.references.reference import Reference

ONE_EPOCH = dt.timedelta(days=365)
"""Nothing is recovered, so no snapshot is wanted before the end."""


class InterruptedReplay(UsageError):  # noqa: N818 - named for what it says
    """It was ended before it was complete."""

    exit_code = 1


class UnbalancedError(RuntimeError):
    """Records disappeared: a defect of the dataflow."""


def replay(
    config: Config,
    references: Mapping[str, Reference],
    lanes: Sequence[Lane],
    out: Path,
    *,
    evaluations: Rows = "all",
    progress: Progress = lambda *_: None,
    stop: threading.Event | None = None,
    pictures: bool = False,
) -> Summary:
    """Run the dataflow over the lanes to their ends and write what it finds to `out`.

    Args:
        config: as for the monitor; brokers, state and HTTP are not used.
        references: by model.
        lanes: at least one.
        out: a directory; see Results.
        evaluations: which are written. For all of them every metric is measured, else what monitors need.
        progress: told the share that is read, and how many records that is.
        stop: may be set to end early: what was found by then is written.
        pictures: whether what a report shows is written, too; see stream/replay/pictures.py.

    Raises:
        UsageError: something cannot be read or written.
        InterruptedReplay: it was ended early.
        UnbalancedError: read = folded + late + dead letters + feedback does not hold.
    """
    began, now = time.monotonic(), int(time.time() * 1e3)
    models = plan_models(
        config.models,
        references,
        config.time,
        config.alerting,
        everything=evaluations == "all",
        jumps=evaluations != "all",
        moments=evaluations != "none",
    )
    stop = stop or threading.Event()
    halves = [number for number, one in enumerate(config.sources) if one.in_halves]
    tally, source = Tally(), LaneSource(lanes, now, progress, stop, halves)
    feedback = any(lane.holds == Topic.FEEDBACK for lane in lanes)
    drawn = Pictures(out, models, tally) if pictures else contextlib.nullcontext(tally)
    with Results(out, list(models)) as results, replay_stores(out) as stores, drawn as drawing:
        edges = Edges(
            source=source,
            alerts=CallSink(results.alert),
            dead_letters=CallSink(results.dead_letter),
            evaluations=None if evaluations == "none" else CallSink(results.evaluation),
            reporter=drawing,
            looks=pictures,
            scraped=False,
            moved=source.moved,
            open_store=stores if feedback else None,
            changes=evaluations == "changes",
            sources=replace(sources_of(config.sources, config.models), schemas=registry_of(config)),
            actions=CallSink(results.action),
            controlled=any(lane.holds == Topic.CONTROL for lane in lanes),
            final=True,
        )
        flow = build(models, config.time, config.alerting, edges, config.actions)
        with spared(), Witness() as witness:
            run_alone(witness.over(flow), ONE_EPOCH)
        if source.error is not None:
            raise source.error
        if stop.is_set():
            raise InterruptedReplay(_interrupted(tally, results))
        summary = _summary(tally, results, time.monotonic() - began)
        if not summary.balanced:
            raise UnbalancedError(next(summary.lines()))
        results.finish()
    return summary


def _interrupted(tally: Tally, results: Results) -> str:
    """Put what was found so far in place; what to say of it."""
    if tally.last is None:
        return f"interrupted: {results.directory} is as it was before"
    results.finish()
    return f"interrupted: {results.directory} holds what was found up to {rfc3339(round(tally.last * 1e3))}"


def _summary(tally: Tally, results: Results, seconds: float) -> Summary:
    alerts = tally.by(catalog.ALERTS_TOTAL, "state")
    return Summary(
        read=tally.total(catalog.RECORDS_READ_TOTAL),
        folded=tally.total(catalog.RECORDS_FOLDED_TOTAL),
        late=tally.total(catalog.LATE_RECORDS_TOTAL),
        dead=tally.by(catalog.DEAD_LETTERS_TOTAL, "reason"),
        feedback=tally.total(catalog.FEEDBACK_TOTAL),
        matched=tally.by(catalog.LABELS_TOTAL, "event").get("matched", 0),
        revised=tally.by(catalog.LABELS_TOTAL, "event").get("revised", 0),
        duplicates=tally.by(catalog.DUPLICATES_TOTAL, "reason").get("feedback", 0),
        skipped=tally.total(catalog.RECORDS_SKIPPED_TOTAL),
        waiting=tally.waiting,
        unmatched=tally.by(catalog.UNMATCHED_FEEDBACK_TOTAL, "reason"),
        windows=tally.windows,
        evaluations=results.counts[EVALUATIONS],
        alerts=alerts,
        fired=results.fired(),
        actions=results.requested(),
        firing=tally.active,
        start=tally.first,
        end=tally.last,
        seconds=seconds,
        why_unmatched=tally.why_unmatched,
    )

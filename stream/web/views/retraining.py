"""Whether a model will need to be trained anew, when it was, and what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from operators.settings.metrics import ERROR_OF
from stream.web.html import Html, tag
from stream.web.retraining import Retraining
from stream.web.text import count, metric_name, number, percent, versioned
from stream.web.views.parts import section, tile, tiles, time_tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.settings.model import ModelSettings
    from stream.web.knowledge import Knowledge

BY = {"default": "by the filter", "learnt": "learnt"}
"""What a probability is from, in words."""


def retraining_section(knowledge: Knowledge, model: str) -> Html:
    """P(need) and how good it was, the last retraining and the next, what is under way; nothing without any of it."""
    settings = knowledge.plans[model].settings
    known = Retraining() if knowledge.live is None else knowledge.live.retraining(model)
    wanted = settings.retrain is not None and settings.retrain.need is not None and knowledge.live is not None
    if known == Retraining() and not wanted:
        return Html("")
    found = [*_forecasts(known, settings), *_times(known, settings), *_counts(known)]
    return section("Retraining", tiles(*found), _words(known, settings) if wanted else "", name="retraining")


def _forecasts(known: Retraining, settings: ModelSettings) -> Iterator[Html]:
    trigger = None if settings.retrain is None else settings.retrain.probability
    for one in known.forecasts:
        bad = trigger is not None and one.probability >= trigger.above
        name = f"Need of {versioned(one.version)}" if one.version else "Need"
        yield tile(name, percent(one.probability), BY.get(one.source, one.source), "bad" if bad else "")
    for score in known.scores:
        name = "Brier score" if len(known.scores) == 1 else f"Brier score, {BY.get(score.source, score.source)}"
        yield tile(name, number(score.brier), f"{number(score.base)} for the base rate, {count(known.decided)} decided")


def _times(known: Retraining, settings: ModelSettings) -> Iterator[Html]:
    if known.last is not None or settings.retrain is not None:
        yield time_tile("Last retraining", known.last)
    if known.following is not None:
        yield time_tile("Next by the schedule", known.following)


def _counts(known: Retraining) -> Iterator[Html]:
    for name, rows, style in (
        ("Retrainings this month", known.in_month, ""),
        ("Under way", known.open, ""),
        ("Overdue", known.overdue, "bad"),
    ):
        if rows:
            yield tile(name, count(sum(number_ for _, number_ in rows)), _listed(rows), style)


def _listed(rows: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number_}" for name, number_ in rows)


def _words(known: Retraining, settings: ModelSettings) -> Html:
    """What the probability is of, and what comes of it."""
    retrain = settings.retrain
    if retrain is None or retrain.need is None:
        return Html("")
    need, trigger = retrain.need, retrain.probability
    metric, over = need.metric or ERROR_OF[settings.task][0], show_duration(need.horizon)
    said = (
        f"Need: the probability that {metric_name(metric)} over the {over} to come, with all its labels, will be worse"
        f" by {number(need.loss)} or more than when the version was new."
    )
    if not known.forecasts:
        said += f" Nothing is forecast yet: a version has to have {over} of labels first that are mature."
    if trigger is not None:
        lasts = f" for {show_duration(trigger.lasts)}" if trigger.lasts else ""
        said += (
            f" A retraining is asked for once that of the newest version has stood at {percent(trigger.above)} or more"
            f"{lasts}."
        )
    return tag("p", said, class_="note")

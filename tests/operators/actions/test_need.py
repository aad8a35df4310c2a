"""The forecast of need: what it is of, how it is scored, when it asks for a retraining, and what is kept."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from acting import DAY, HOUR, PANE, START, Player, fact, plan
from scipy import stats
from sklearn.metrics import brier_score_loss

from operators.actions.act import Act
from operators.actions.forecast_state import MAX_FORECASTS, MAX_TRACKS, NeedPlan, NeedState, Score, Track
from operators.actions.inputs import AlertTick, MetricSlice, NeedReading
from operators.actions.need import DEFAULT, LEARNT, Need
from operators.actions.need_inputs import slope_of
from operators.actions.state import ActState
from operators.findings import Source
from operators.step import read_snapshot, snapshot_of
from windows.need.learnt import INPUTS, Learnt
from windows.need.level import Level, usual_prior

if TYPE_CHECKING:
    from operators.actions.event import ActionEvent
    from operators.actions.inputs import Fact

T0 = -(-START // DAY) * DAY
"""The first midnight after START."""
LOSS = 0.02
OF = NeedPlan("accuracy", rises=False, loss=LOSS, slice=DAY, slices=7, delay=DAY, above=0.8, lasts=DAY)


def reading(day: int, *, rows: int = 10_000, **values: float) -> NeedReading:
    """The accuracy of each version (`v7`) over the day that has just become mature."""
    slices = [
        MetricSlice(name[1:], T0 + day * DAY, value, value * (1 - value) / rows, rows, 0.9)
        for name, value in sorted(values.items())
    ]
    return NeedReading(T0 + (day + 1) * DAY, tuple(slices))


def day_after(day: int) -> int:
    """When labels of a day are mature: a day after its end."""
    return T0 + (day + 2) * DAY


def played(values: list[float], of: NeedPlan = OF) -> Need:
    """Forecasts of a version over these days."""
    need = Need(of, NeedState())
    for day, value in enumerate(values):
        need.take(reading(day, v7=value), day_after(day))
    return need


def walk(days: int, seed: int = 1, step: float = 0.004) -> list[float]:
    """An accuracy that wanders."""
    rng = np.random.default_rng(seed)
    return (0.95 - np.abs(np.cumsum(rng.normal(0, step, days)))).tolist()


def test_the_forecast_is_what_the_level_says_of_the_horizon_to_come() -> None:
    """Of the seven days after now, against the mean of the first seven; nothing before those are mature."""
    values, level = walk(12), Level()
    need = Need(OF, NeedState())
    for day, value in enumerate(values):
        need.take(reading(day, v7=value), day_after(day))
        level.take(OF.moves, -value, value * (1 - value) / 10_000)
        if day < 6:
            assert need.told().latest == ()
            continue
        base = -float(np.mean(values[:7]))
        # The labels of the day before now are not mature: one day is between what is known and what is forecast.
        expected = level.beyond(OF.moves, base + LOSS, base, gap=1, slices=7)
        (chance,) = need.told().latest
        assert (chance.version, chance.source, chance.at) == ("7", DEFAULT, day_after(day))
        assert chance.value == pytest.approx(expected, abs=1e-12)


def test_every_forecast_is_scored_by_what_came() -> None:
    """Brier score by scikit-learn, base rate and calibration, of outcomes that plain loops find."""
    values = walk(80, step=0.008)
    need, said = Need(OF, NeedState()), []
    for day, value in enumerate(values):
        need.take(reading(day, v7=value), day_after(day))
        said += [(day + 2, one.value) for one in need.told().latest]
    base = float(np.mean(values[:7]))
    decided = [(chance, np.mean(values[start : start + 7]) <= base - LOSS) for start, chance in said if start + 7 <= 80]
    chances, came = [np.array(column) for column in zip(*decided, strict=True)]
    told = need.told()
    score = told.scores[DEFAULT]
    assert (score.count, score.happened) == (len(decided), came.sum())
    assert 0 < came.sum() < len(came)
    assert score.brier == pytest.approx(brier_score_loss(came, chances), abs=1e-12)
    assert score.base == pytest.approx(came.mean() * (1 - came.mean()), abs=1e-12)
    tenths = np.minimum((chances * 10).astype(int), 9)
    apart = sum(abs((chances - came)[tenths == one].sum()) for one in range(10)) / len(came)
    assert score.miscalibrated == pytest.approx(apart, abs=1e-12)
    assert (told.censored, told.waiting) == (0, len(said) - len(decided))


def test_a_score_without_forecasts_says_nothing() -> None:
    """NaN, not zero: a Brier score of 0 would be perfect."""
    assert all(math.isnan(one) for one in (Score().brier, Score().base, Score().miscalibrated))


def test_forecasts_of_a_version_that_serves_no_more_are_censored() -> None:
    """Nobody knows what it would have become; the new version starts a level and a baseline of its own."""
    need = played([0.95] * 20)
    waiting, scored = need.told().waiting, need.told().scores[DEFAULT].count
    assert (waiting, scored) == (8, 6)
    for day in range(20, 40):
        need.take(reading(day, v8=0.80), day_after(day))
        if day < 26:
            assert [one.version for one in need.told().latest] == ["7"]
    told = need.told()
    assert told.censored == 8 + 6  # those that waited, and those that were made while it might have come back
    (chance,) = told.latest
    assert (chance.version, chance.value < 0.2) == ("8", True)  # bad from the beginning is no loss
    assert need.state.tracks["8"].baseline(7) == pytest.approx(-0.80)


def test_what_is_kept_is_bounded() -> None:
    """Forecasts, tracks and days, however many versions come and however late labels are."""
    slow = replace(OF, slice=HOUR, slices=24, delay=60 * DAY)
    assert slow.stride > 1
    need = Need(slow, NeedState())
    for hour in range(2_000):
        start = T0 + hour * HOUR
        slices = tuple(MetricSlice(str(one), start, 0.9, 1e-4, 900, 0.9) for one in range(hour % 7, hour % 7 + 4))
        need.take(NeedReading(start + HOUR, slices), start + HOUR + slow.delay)
    state = need.state
    assert len(state.waiting) <= MAX_FORECASTS
    assert len(state.tracks) == MAX_TRACKS
    assert all(len(track.recent) <= 24 for track in state.tracks.values())
    assert len(pickle.dumps(state)) < 64_000


def test_a_silent_label_topic_makes_no_forecast_forever() -> None:
    """With no mature slice over a horizon, nothing is said any more."""
    need = played([0.95] * 10)
    for day in range(10, 30):
        need.take(NeedReading(T0 + (day + 1) * DAY, ()), day_after(day))
    assert need.told().latest == ()


def test_another_horizon_starts_anew() -> None:
    """Scores of one forecast are none of another; the same plan goes on."""
    state = played([0.95] * 30).state
    assert Need(OF, state).state.scores[DEFAULT].count > 0
    assert Need(replace(OF, above=0.5), state).state.scores[DEFAULT].count > 0
    assert Need(replace(OF, loss=0.03), state).state.scores == {}


def test_metrics_that_are_bad_when_high_are_turned() -> None:
    """An error that rises is as bad as an accuracy that falls by the same."""
    values = walk(30)
    rises = Need(replace(OF, metric="mae", rises=True), NeedState())
    for day, value in enumerate(values):
        one = reading(day, v7=value)
        rises.take(
            NeedReading(one.end, tuple(replace(part, value=1 - part.value) for part in one.slices)), day_after(day)
        )
    falls = played(values)
    assert rises.told().latest[0].value == pytest.approx(falls.told().latest[0].value, abs=1e-9)


def learnt(*, used: bool) -> Learnt:
    """Twice the odds for each logarithm of the strength of drift, half of them in general."""
    return Learnt(("drift",), (0.0,), (1.0,), (math.log(2),), -math.log(2), 7 * DAY, used, "so be it", 0.2, {})


def drifting(strength: float, **changes: Any) -> Fact:
    """A drift that fires, of so much evidence."""
    return replace(fact(0), strength=strength, **changes)


def test_what_was_learnt_corrects_the_filter() -> None:
    """Odds written out; both are scored, and alerts of other versions and of segments count for nothing."""
    need, values = Need(replace(OF, learnt=learnt(used=True)), NeedState()), walk(40, step=0.008)
    facts = [drifting(3.0), drifting(9.0, version="8"), drifting(9.0, segment="country=US"), drifting(2.0, version="")]
    for day, value in enumerate(values):
        need.take(reading(day, v7=value), day_after(day), facts)
    told = need.told()
    forecast = need.state.waiting[-1]
    default, corrected = (dict(forecast.chances)[name] for name in (DEFAULT, LEARNT))
    odds = default / (1 - default) / 2 * 2 ** math.log1p(3.0)
    assert corrected == pytest.approx(odds / (1 + odds), rel=1e-6)
    assert (told.latest[0].source, told.latest[0].value) == (LEARNT, corrected)
    assert told.scores[DEFAULT].count == told.scores[LEARNT].count > 0
    assert told.scores[DEFAULT].brier != told.scores[LEARNT].brier


def test_what_did_not_pass_the_gate_is_not_used() -> None:
    """The filter speaks alone; how far levels usually walk is taken from the file all the same."""
    need = Need(replace(OF, learnt=learnt(used=False)), NeedState())
    for day, value in enumerate(walk(10)):
        need.take(reading(day, v7=value), day_after(day), [drifting(3.0)])
    assert [one.source for one in need.told().latest] == [DEFAULT]
    np.testing.assert_allclose(np.exp(need.moves.prior), usual_prior(0.2), rtol=1e-12)


def test_evaluations_are_told_what_was_said_and_what_came() -> None:
    """All inputs of a forecast, its probability with a sentence; its outcome under the same horizon, with the delay."""
    need, rows = Need(OF, NeedState(), "click"), []
    for day, value in enumerate([0.95] * 12 + [0.90] * 12):
        rows += need.take(reading(day, v7=value), day_after(day))
    first = [one for one in rows if one.start == rows[0].start]
    assert rows[0].start == T0 + 8 * DAY
    assert {(one.model, one.version, one.end - one.start) for one in rows} == {("click", "7", 7 * DAY)}
    given = {one.name for one in first if one.metric == "retrain_input"}
    assert given == {*INPUTS, "walk"}
    (said,) = (one for one in first if one.metric == "retrain_probability")
    assert said.name == DEFAULT
    assert "accuracy is 0.95, give or take" in said.reason
    assert "than the 0.95 that the version had when it was new, and a loss of 0.02 matters" in said.reason
    assert "labels of the 1 slices of 1d before are not mature" in said.reason
    outcomes = {one.start: one.value for one in rows if one.metric == "retrain_outcome"}
    values = [0.95] * 12 + [0.90] * 12
    expected = {T0 + day * DAY: float(np.mean(values[day : day + 7]) <= 0.93) for day in range(8, 18)}
    assert outcomes == expected
    assert {one.value for one in rows if one.metric == "retrain_outcome_delay_s"} == {DAY / 1e3}


def test_a_slope_is_as_sure_as_scipys() -> None:
    """In standard errors; of three slices there is none, and a straight line is held to ten."""
    track = Track(recent=[(day, value, 1) for day, value in enumerate([0.1, 0.12, 0.11, 0.15, 0.16])])
    fitted = stats.linregress([0, 1, 2, 3, 4], [0.1, 0.12, 0.11, 0.15, 0.16])
    assert slope_of(track) == pytest.approx(fitted.slope / fitted.stderr)
    assert slope_of(Track(recent=track.recent[:3])) == 0.0
    assert slope_of(Track(recent=[(0, 0.0, 1), (1, 0.1, 1), (2, 0.2, 1), (3, 0.3001, 1)])) == 10.0


class Days(Player):
    """Plays days to the actions of a model."""

    def day(self, day: int, **values: float) -> list[ActionEvent]:
        """The labels of a day become mature; the events of that and of the predictions' tick of the same moment."""
        at = day_after(day)
        told = AlertTick(Source.LABELS, at, (), need=reading(day, **values))
        return [*self.take(told), *self.tick(at - START)]


def player(**changes: Any) -> Days:
    """A model that asks for a retraining by probability."""
    settings = plan(labels=True, retrain={"drift": None, "complete_within": "30d", **changes.pop("retrain", {})})
    return Days(replace(settings, need=replace(OF, **changes)), versions={"7": -DAY})


def falling(days: Days, count: int = 15) -> list[ActionEvent]:
    """Ten good days, then it is six points worse."""
    return [event for day in range(count) for event in days.day(day, v7=0.95 if day < 10 else 0.89)]


def test_a_probability_that_stands_asks_for_a_retraining() -> None:
    """Once, a day after it went above 0.8, with the probability in the event and in words."""
    days = player()
    (event,) = falling(days)
    assert (event.action, event.state, event.trigger, event.version) == ("retrain", "requested", "probability", "7")
    chances = {one.need.latest[0].at: one.need.latest[0].value for one in days.decided if one.need and one.need.latest}
    above = min(at for at, value in chances.items() if value >= 0.8)
    assert above in {day_after(10), day_after(11)}
    assert event.event_time == above + DAY
    assert event.probability == chances[above + DAY]
    assert f"a probability of {event.probability:.2f} (default) its accuracy over the 7d to come" in event.reason
    assert event.data is not None


def test_without_a_limit_it_is_shown_and_asks_for_nothing() -> None:
    """Off by default."""
    days = player(above=None)
    assert falling(days) == []
    assert days.decided[-1].need.latest[0].value > 0.8


@pytest.mark.parametrize(("approval", "state"), [("never", "requested"), ("drift", "awaiting_approval")])
def test_who_wants_to_agree_to_drift_agrees_to_probabilities(approval: str, state: str) -> None:
    """Neither has been seen in labels yet."""
    (event,) = falling(player(retrain={"approval": approval}))
    assert event.state == state


def test_a_new_version_ends_what_stood() -> None:
    """It has no baseline yet, so nothing is asked for because of the old one."""
    days = player(lasts=3 * DAY)
    for day in range(13):
        assert days.day(day, v7=0.95 if day < 10 else 0.89) == []
    days.versions["8"] = day_after(12) - START
    assert [event for day in range(13, 22) for event in days.day(day, v8=0.89)] == []


def test_it_is_the_same_after_a_crash_at_any_tick() -> None:
    """Events and probabilities."""
    plain, saved = player(), player()
    falling(plain)
    for day in range(15):
        kept = snapshot_of("act", "click", saved.act.state)
        saved.act = Act(saved.plan, read_snapshot("act", kept)[1])
        saved.day(day, v7=0.95 if day < 10 else 0.89)
    assert saved.events == plain.events
    assert [one.need for one in saved.decided] == [one.need for one in plain.decided]


def test_a_state_of_a_release_that_knew_no_forecast_is_read() -> None:
    """It begins with the next slice."""
    state = ActState()
    delattr(state, "need")
    _, read = read_snapshot("act", snapshot_of("act", "click", state))
    days = player()
    days.act = Act(days.plan, read)
    days.tick(PANE)
    assert len(falling(days)) == 1

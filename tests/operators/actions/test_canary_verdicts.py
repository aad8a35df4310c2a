"""What a new version beside its champion asks for: once for each pair, by what is sure, where that is valid."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from acting import DAY, HOUR, MINUTE, START, Player, fact, plan, since
from scipy import stats

from operators.actions.act import Act
from operators.actions.canary import BEYOND, verdict
from operators.actions.inputs import AlertTick, CanaryReading
from operators.actions.state import ActState
from operators.findings import Source
from operators.former import completed
from operators.settings.actions import CanarySettings
from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from operators.actions.event import ActionEvent

CANARY: dict[str, Any] = {"metric": "accuracy", "margin": 0.005, "share": 0.05}
PERFORMANCE: dict[str, Any] = {"accuracy": {"baseline": 0.9, "max_drop": 0.1}}


def reading(gain: float, half: float = 0.001, hours: float = 12, **changes: Any) -> CanaryReading:
    """A reading so many hours after START."""
    given = {
        "candidate": "8",
        "champion": "7",
        "metric": "accuracy",
        "since": START,
        "end": START + round(hours * HOUR),
        "slices": 200,
        "samples": (5_000, 95_000),
        "served": (5_000, 95_000),
        "over": False,
        **changes,
    }
    return CanaryReading(gain=gain, lower=gain - half, upper=gain + half, **given)


@pytest.mark.parametrize(
    ("given", "different", "action"),
    [
        (reading(-0.0070), "", "rollback"),
        (reading(-0.0070, hours=1), "", "rollback"),
        (reading(-0.0059), "", None),
        (reading(-0.0059, over=True), "", "review"),
        (reading(-0.0039), "", "promote"),
        (reading(0.02), "", "promote"),
        (reading(0.02, hours=5), "", None),
        (reading(0.02), "SlaBreach", None),
        (reading(0.02, over=True), "SlaBreach", "review"),
        (reading(-0.02), "SlaBreach", "rollback"),
        (reading(-0.02), "DataDrift", "review"),
        (reading(-0.02, slices=49), "", None),
        (reading(-0.02, slices=49, over=True), "", "review"),
        (reading(0.02, served=(6_000, 94_000)), "", "review"),
        (reading(0.02, served=(0, 0), slices=0, over=True), "", "review"),
    ],
)
def test_what_is_sure_decides(given: CanaryReading, different: str, action: str | None) -> None:
    """By the margin, after the least time, where traffic and slices make the comparison valid; else somebody looks."""
    found = verdict(CanarySettings.model_validate(CANARY), given, different)
    assert (None if found is None else found.action) == action


@pytest.mark.parametrize("mine", [4_500, 4_700, 5_300, 5_500])
def test_the_share_is_judged_by_chi_squared(mine: int) -> None:
    """As scipy has it for one degree of freedom, at one in a million; any share where none is set."""
    served = (mine, 100_000 - mine)
    p = float(stats.chisquare(served, (5_000, 95_000)).pvalue)
    found = verdict(CanarySettings.model_validate(CANARY), reading(0.02, served=served), "")
    assert (found is not None and found.action == "review") == (p < 1e-6)
    assert pytest.approx(stats.chi2.isf(1e-6, 1)) == BEYOND**2
    anyhow = verdict(CanarySettings.model_validate({**CANARY, "share": None}), reading(0.02, served=served), "")
    assert anyhow is not None
    assert anyhow.action == "promote"


def player(**changes: Any) -> Player:
    """A model whose versions are compared, 8 beside 7."""
    made = Player(plan(canary={**CANARY, **changes}, performance=PERFORMANCE))
    made.versions = {"7": -DAY, "8": -MINUTE}
    return made


def tell(made: Player, at: int, one: CanaryReading) -> list[ActionEvent]:
    """A reading that comes at a time, and the pane after it."""
    versions = tuple((name, START + first) for name, first in made.versions.items())
    events = made.take(AlertTick(Source.PREDICTIONS, START + at, (), versions, canary=one))
    made.at = at
    return events


def test_a_worse_version_is_rolled_back_to_its_champion_once() -> None:
    """With gain and interval as the outcome so far, in a sentence; further readings of the pair ask for nothing."""
    made = player(via=["registry"])
    (action,) = tell(made, HOUR, reading(-0.02))
    assert (action.action, action.trigger, action.state) == ("rollback", "canary", "requested")
    assert (action.version, action.target_version, action.via) == ("8", "7", ("registry",))
    assert (since(action), action.complete_by - action.requested_at) == (HOUR, HOUR)
    assert action.outcome is not None
    assert (action.outcome.gain, action.outcome.lower, action.outcome.upper) == (-0.02, -0.021, -0.019)
    assert action.reason.startswith("click version 8 beside 7: accuracy is better by -0.02 (interval -0.021 to -0.019)")
    assert tell(made, 2 * HOUR, reading(-0.03)) == []
    assert tell(made, 3 * HOUR, reading(0.03)) == []


def test_a_better_version_is_promoted_once_it_has_no_alert_of_its_own() -> None:
    """An alert of both is the world's; one of the new version alone waits, and what waits is taken when it is over."""
    made = player(approval="always")
    both = [fact(MINUTE, alert="PerformanceDrop", version=version) for version in ("7", "8")]
    own = fact(MINUTE, alert="SlaBreach", version="8", features=(), metrics=("latency_p99_ms",))
    made.run(MINUTE, *both, own)
    assert tell(made, 12 * HOUR, reading(0.02)) == []
    (action,) = made.run(13 * HOUR, replace(own, at=START + 13 * HOUR, state="resolved"), step=HOUR)
    assert (action.action, action.state, action.target_version) == ("promote", "awaiting_approval", "8")
    assert since(action) == 13 * HOUR


def test_a_second_rollback_waits_for_the_cooldown() -> None:
    """One a day: what was wrong twice within it is told, and asked for when the day is over."""
    made = player()
    tell(made, HOUR, reading(-0.02))
    state = made.act.state
    state.past.append(state.actions.popitem()[1])  # done
    events = tell(made, 3 * HOUR, reading(-0.02, candidate="9", since=START + 2 * HOUR))
    assert [(one.state, one.block_reason) for one in events] == [("blocked", "cooldown")]
    assert [(one.action, one.version, since(one)) for one in made.run(2 * DAY, step=HOUR)] == [
        ("rollback", "9", HOUR + DAY)
    ]


def test_ids_do_not_depend_on_when_it_was_noticed() -> None:
    """The pair is what is decided on."""
    first, second = (tell(player(), at, reading(-0.02, end=START + at))[0] for at in (HOUR, 5 * HOUR))
    assert first.id == second.id


def test_a_state_of_a_release_without_canaries_goes_on() -> None:
    """Also one that was saved by this one."""
    state, made = ActState(), ActState.__new__(ActState)
    for field in fields(ActState):
        if field.name not in {"canary", "judged"}:
            setattr(made, field.name, getattr(state, field.name))
    assert completed(made) == state == completed(pickle.loads(pickle.dumps(state)))
    assert Act(plan(canary=CANARY, performance=PERFORMANCE), made)([]) == []


@pytest.mark.parametrize(
    ("canary", "changes", "told"),
    [
        ({"metric": "auc"}, {}, "a mean over rows is needed: accuracy"),
        ({"metric": "mae"}, {}, "for a binary model one of accuracy, precision"),
        ({"metric": "accuracy", "min": "2d", "max": "1d"}, {}, "at least `min` is needed"),
        ({"metric": "accuracy", "by": "country"}, {}, "it has none"),
        ({"metric": "accuracy"}, {"performance": None}, "`performance:` is needed"),
        (
            {"metric": "within_tolerance"},
            {"task": "regression", "performance": {}},
            "`performance.tolerance` is needed",
        ),
        ({"metric": "accuracy", "share": 1.0}, {}, "less than 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(canary: dict[str, Any], changes: dict[str, Any], told: str) -> None:
    """With what would do."""
    given = {"name": "m", "task": "binary", "performance": PERFORMANCE, "canary": canary, **changes}
    with pytest.raises(ValueError, match=told):
        ModelSettings.model_validate(given)

"""What the page of a running monitor says of retraining: the probability of need, its score, what is under way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from monitored import reference
from pictured import CONFIG, Pictured, pictured

from operators.actions.forecast_state import Chance, NeedTold, Score
from operators.actions.govern import Governed
from operators.actions.state import Counts, Decided
from operators.plans.model import plan_models
from stream.config.load import load
from stream.metrics.action_exports import of_decided
from stream.metrics.registry import Registry
from stream.web.monitor import RegistryLive
from stream.web.site import Site
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from operators.plans.model import ModelPlan

SEPTEMBER, OCTOBER = 1_790_000_000_000, 1_792_000_000_000
"""2026-09-21 14:13:20 and 2026-10-14 17:46:40, UTC."""
NEED = """
    performance: {label_delay: 2d}
    retrain:
      need: {horizon: 7d, loss: 0.02}
      probability: {above: 0.5, for: 24h}
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A replay with its history."""
    return pictured(tmp_path_factory.mktemp("retraining"))


def plans(directory: Path) -> dict[str, ModelPlan]:
    """The model, and when it is to be trained anew."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text(f"{CONFIG.rstrip()}{NEED}")
    config = load(path, {})
    return plan_models(config.models, {"click": reference()}, config.time, config.alerting, everything=True)


def told() -> NeedTold:
    """Three forecasts are decided: 0.9 that came, 0.2 and 0.4 that did not; two more stand."""
    score = Score()
    for chance, came in [(0.9, True), (0.2, False), (0.4, False)]:
        score.take(chance, happened=came)
    return NeedTold((Chance("7", 0.25, "default", 5), Chance("8", 0.625, "learnt", 5)), {"default": score}, 4, 2)


def site(shown: Pictured, plans: dict[str, ModelPlan], decided: Decided | None) -> Site:
    """The pages of a monitor that has decided this."""
    registry = Registry(1)
    for report in () if decided is None else of_decided(Governed(decided, (), {})):
        registry.apply(report)
    return Site(replace(shown.knowledge, plans=plans, live=RegistryLive(registry, str)), lambda: 1)


def page(site: Site) -> str:
    """The part of the model's page; "" where there is none."""
    answer = site("/models/click")
    assert answer is not None
    _, _, rest = answer.body.decode().partition('id="s-retraining"')
    return rest.partition("</section>")[0]


def asked(site: Site) -> Any:
    """The same as JSON."""
    answer = site("/api/v1/models/click")
    assert answer is not None
    return json.loads(answer.body)["retraining"]


def test_probabilities_their_scores_and_what_is_under_way(shown: Pictured, tmp_path: Path) -> None:
    """Of each version, with where it is from; Brier's score beside that of the base rate; times and counts."""
    counts = replace(Counts(), last_retrain=SEPTEMBER, in_month={"drift": 2, "probability": 1})
    decided = replace(Decided("click", 1_000, (), (), OCTOBER, counts), open=("retrain",), need=told())
    seen = site(shown, plans(tmp_path), decided)
    text = page(seen)
    for words in ("Need of v7", "25 %", "by the filter", "Need of v8", "62 %", "learnt"):
        assert words in text
    assert "0.07" in text  # (0.01 + 0.04 + 0.16) / 3
    assert "0.222 for the base rate, 3 decided" in text  # one of three: 2 / 9
    assert "14:13:20" in text
    assert "2026-09-21 UTC" in text
    assert "17:46:40" in text
    assert "drift 2, probability 1" in text
    assert "retrain 1" in text
    assert "Accuracy over the 7d to come" in text
    assert "stood at 50 % or more for 1d" in text
    assert text.count('class="tile bad"') == 1  # of the two only v8 is above the limit
    found = asked(seen)
    assert found["need"] == [
        {"version": "7", "probability": 0.25, "source": "default"},
        {"version": "8", "probability": 0.625, "source": "learnt"},
    ]
    (score,) = found["scores"]
    assert score == {
        "source": "default",
        "brier": pytest.approx(0.07),
        "base_rate_brier": pytest.approx(2 / 9),
    }
    assert (found["decided"], found["last"], found["next"]) == (3, SEPTEMBER, OCTOBER)
    assert found["this_month"] == {"drift": 2, "probability": 1}
    assert (found["open"], found["overdue"]) == ({"retrain": 1}, {})


def test_before_the_first_forecast_it_says_what_is_missing(shown: Pictured, tmp_path: Path) -> None:
    """No zero that could be taken for a probability."""
    seen = site(shown, plans(tmp_path), None)
    text = page(seen)
    assert "Nothing is forecast yet" in text
    assert "Need of" not in text
    assert asked(seen)["need"] == []


def test_who_wants_no_retraining_sees_no_part_of_it(shown: Pictured) -> None:
    """Nor does who reads a report, in which nothing is known of it."""
    plans = dict(shown.knowledge.plans)
    assert page(site(shown, plans, None)) == ""
    report = Site(shown.knowledge, lambda: 1)
    assert page(report) == ""
    assert asked(report) is None


def test_another_models_numbers_are_not_this_ones(shown: Pictured, tmp_path: Path) -> None:
    """Rows of all models are in the same series."""
    other = replace(Decided("rank", 1_000, ("retrain",), (), OCTOBER, Counts()), need=told())
    assert asked(site(shown, plans(tmp_path), other))["need"] == []

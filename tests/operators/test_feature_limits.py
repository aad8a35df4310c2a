"""Thresholds of a feature's own, and what its values may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from chain import Chain
from factories import START, batch, click, plan_of, record
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binomtest

from operators.settings.model import ModelSettings
from stream.state.directory import _fingerprint
from windows.allowed import Allowed, NameCodes, matcher

if TYPE_CHECKING:
    from operators.judging.evaluations import Evaluation

NAMES = {"age": "numeric", "clicks": "numeric", "fixed": "numeric", "country": "categorical", "member": "categorical"}
COUNTRIES = ("de", "fr", "at", "DE", "xx", "", None)


def features(**own: dict[str, Any]) -> dict[str, Any]:
    """The features of `click`, some with settings of their own."""
    return {name: {"kind": kind, **own.get(name, {})} for name, kind in NAMES.items()}


def run(rows: list[dict[str, Any]], panes: int = 3, **settings: Any) -> Chain:
    """Rows in each of some panes, and what comes of them."""
    plan = plan_of(click(), everything=True, segments=["country"], **settings)
    chain = Chain({"click": plan})
    for pane in range(panes + 2):
        at = START + pane * 10_000
        values = [record(at, features={"fixed": 7, "member": True, **row}) for row in rows] if pane < panes else []
        chain.feed(batch(values, written=at, silent_until=at, ended=pane > panes))
    return chain


def whole(chain: Chain, metric: str, feature: str) -> Evaluation:
    """The last row of a metric over a minute of the whole version."""
    rows = [row for row in chain.evaluations if (row.metric, row.feature, row.segment) == (metric, feature, "")]
    return [row for row in rows if row.window.size == "1m"][-1]


def test_shares_of_what_may_not_be_are_counted_exactly() -> None:
    """Below, above, no member, of another pattern: as numpy and `re` count them; missing values count for nothing."""
    rng = np.random.default_rng(1)
    ages = [None if rng.random() < 0.1 else float(rng.integers(0, 100)) for _ in range(400)]
    countries = [COUNTRIES[at] for at in rng.integers(0, len(COUNTRIES), 400)]
    rows = [{"age": age, "country": country} for age, country in zip(ages, countries, strict=True)]
    own = features(
        age={"allowed": {"min": 18, "max": 80}},
        country={"allowed": {"values": ["de", "fr", "DE"], "pattern": "[a-z]*"}},
    )
    chain = run(rows, features=own)
    known = np.array([age for age in ages if age is not None])
    named = [country for country in countries if country is not None]
    strange = [name for name in named if name not in {"de", "fr", "DE"}]
    upper = [name for name in named if name not in strange and re.fullmatch("[a-z]*", name) is None]
    for metric, feature, hits, count in (
        ("below_allowed_ratio", "age", int((known < 18).sum()), len(known)),
        ("above_allowed_ratio", "age", int((known > 80).sum()), len(known)),
        ("not_in_set_ratio", "country", len(strange), len(named)),
        ("off_pattern_ratio", "country", len(upper), len(named)),
    ):
        row = whole(chain, metric, feature)
        assert (row.value, row.samples, row.threshold) == (hits / count, 3 * count, 0.01)
        exact = binomtest(3 * hits, 3 * count).proportion_ci(0.9)
        assert row.lower is not None
        assert row.upper is not None
        assert row.lower <= exact.low <= exact.high <= row.upper
    below = [row for row in chain.evaluations if row.metric == "below_allowed_ratio" and row.value is not None]
    assert {row.feature for row in below} == {"age"}


def test_an_alert_says_what_may_not_be() -> None:
    """The feature, the share and how its values miss; segments too; what is tolerated is."""
    rows = [{"age": 95 if at % 4 == 0 else 40, "clicks": 0, "country": "de"} for at in range(400)]
    chain = run(rows, panes=8, features=features(age={"allowed": {"max": 90}}))
    told = [event.reason for event in chain.events if event.monitor == "quality.above_allowed"]
    assert any("25.0% of the values of age of click version 1 were above what is allowed" in reason for reason in told)
    segment = [row for row in chain.evaluations if (row.metric, row.segment) == ("above_allowed_ratio", "country=de")]
    assert {row.value for row in segment if row.feature == "age" and row.samples} == {0.25}
    fine = run(rows, panes=8, features=features(age={"allowed": {"max": 90, "tolerated": 0.4}}))
    assert not [event for event in fine.events if event.monitor == "quality.above_allowed"]


def test_thresholds_of_a_feature_stand_in_place_of_the_models() -> None:
    """Features move alike: of those that tolerate it nobody hears; the other's own, lower limit is the one told."""
    rows = [{"age": 70 + at % 29, "clicks": 5 + at % 5, "country": "de"} for at in range(400)]
    lax, off = {"drift": {"psi": None, "ks": None}}, {"drift": {"psi": None}}
    strict = {"drift": {"psi": {"minor": 0.01, "major": 0.02}}}
    chain = run(rows, panes=6, features=features(age=lax, clicks=strict, country=off, member=off))
    drift = [event for event in chain.events if event.alert == "DataDrift" and not event.segment]
    assert {cause.feature for event in drift for cause in event.causes} == {"clicks"}
    assert whole(chain, "psi", "clicks").threshold == 0.01
    assert whole(chain, "psi", "age").threshold is None
    assert whole(chain, "psi", "fixed").threshold == 0.1


def test_a_distance_may_be_judged_of_one_feature_alone() -> None:
    """Off for the model, on for a feature; the promise on false pages is divided among what is judged."""
    own = features(age={"drift": {"psi": {"major": 0.25}}})
    off = {"drift": {"psi": None, "ks": None}}
    alone, general = plan_of(click(), features=own, **off), plan_of(click())
    assert alone.alpha > general.alpha
    rows = [{"age": 95, "clicks": 9, "country": "de"} for _ in range(400)]
    chain = run(rows, panes=6, features=own, **off)
    drift = [event for event in chain.events if event.alert == "DataDrift"]
    assert {cause.feature for event in drift for cause in event.causes} == {"age"}


def test_limits_of_quality_of_a_feature() -> None:
    """A feature that is missing by design is let be; its neighbour is not."""
    rows = [{"clicks": 0, "country": None} for _ in range(400)]
    own = features(age={"quality": {"missing": None}})
    chain = run(rows, panes=8, features=own)
    told = {cause.feature for event in chain.events if event.alert == "DataQuality" for cause in event.causes}
    assert told == {"country"}


def test_state_of_other_slots_is_not_taken_for_ours() -> None:
    """What may be has slots of its own: with another rule old windows would be misread."""
    plain, ruled = plan_of(click()), plan_of(click(), features=features(age={"allowed": {"max": 90}}))
    other = plan_of(click(), features=features(age={"allowed": {"min": 1, "max": 90}}))
    assert len({_fingerprint(plan)["columns"] for plan in (plain, ruled, other)}) == 3
    assert _fingerprint(plain) == _fingerprint(plan_of(click(), features=features(age={"drift": {"psi": None}})))


@pytest.mark.parametrize(
    ("feature", "own", "said"),
    [
        ("age", {"allowed": {}}, "at least one of min, max, values and pattern"),
        ("age", {"allowed": {"min": 3, "max": 2}}, r"at most max \(2"),
        ("age", {"allowed": {"values": ["a"]}}, "the kind categorical is needed"),
        ("country", {"allowed": {"max": 2}}, "the kind numeric is needed"),
        ("country", {"allowed": {"pattern": "["}}, "a regular expression"),
        ("country", {"allowed": {"pattern": r"(a)\1"}}, "a regular expression as RE2 reads it"),
        ("country", {"allowed": {"values": ["1", 1]}}, "each entry only once"),
        ("country", {"drift": {"ks": {"major": 0.1}}}, "the kind numeric is needed"),
        ("country", {"quality": {"out_of_range": 0.1}}, "the kind numeric is needed"),
        ("age", {"quality": {"unseen": 0.1}}, "the kind categorical is needed"),
        ("age", {"drift": {"ks": {"major": 1}}}, "never exceeds 1"),
        ("age", {"allowed": {"max": 2, "tolerated": 0}}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(feature: str, own: dict[str, Any], said: str) -> None:
    """With a word on what is needed instead."""
    with pytest.raises(ValidationError, match=said):
        ModelSettings.model_validate({"name": "m", "task": "binary", "features": features(**{feature: own})})


@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.text(max_size=2))))
def test_codes_of_names_do_not_depend_on_what_came_before(values: list[Any]) -> None:
    """1, 1.0 and "1" are one name; looked up again, or in a look-up of their own, values have the same code."""
    rule = Allowed(names=frozenset({"1", "2", "true", "a"}), pattern="[a-z]+|1")
    codes = NameCodes(rule)
    found = [codes[value] for value in values]
    assert found == [codes[value] for value in values] == [NameCodes(rule)[value] for value in values]
    assert [NameCodes(rule)[value] for value in (None, 1, 1.0, "1", True, "2", "b")] == [0, 0, 0, 0, 0, 2, 1]


def test_names_are_matched_in_linear_time_and_long_ones_not_remembered() -> None:
    """A pattern that takes Python's engine four times as long for every two characters; names of any length."""
    codes = NameCodes(Allowed(pattern="([a-z]+-?)+"))
    before = len(codes)
    assert [codes["a" * 5_000 + end] for end in ("", "!")] == [0, 1]
    assert codes["\ud800"] == 1
    assert len(codes) == before + 1


@given(st.text(max_size=12), st.sampled_from(["[a-z]*", "a|bc", "\\d{2,3}-x?", "(ab)+", ".*é"]))
def test_patterns_mean_what_they_mean_in_python(name: str, pattern: str) -> None:
    """The whole of the name, for what both engines have."""
    wanted = re.fullmatch(pattern, name, re.ASCII) is not None if "\n" not in name else None
    assert wanted is None or matcher(pattern)(name) == wanted

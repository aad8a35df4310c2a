import math

import numpy as np
import pytest
from scipy import stats
from verdicts import header

from operators.judging.freshness import FreshnessConfig, fresh_findings, surprising
from operators.judging.patience import SilenceConfig
from operators.predictions.close import NEVER
from operators.predictions.slices import Header, Seen
from windows.statistics.gaps import Gaps

CONFIG = FreshnessConfig(("age", "country"), 600_000, SilenceConfig(120_000))


def seen(served: int, *values: int, last: int | None = None, lacking: int = 10_000) -> Seen:
    """A version that last served at `served`, and had values at these times and in none of the last predictions."""
    since = np.full(len(values), lacking, dtype=np.int64)
    return Seen(0, served if last is None else last, served, np.array(values, dtype=np.int64), since)


def found(one: Header) -> list[tuple[str, str, str, float]]:
    """(alert, version, feature, seconds) of each finding."""
    return [(f.alert, f.version, f.feature, f.value) for f in fresh_findings(CONFIG, Gaps(), one)]


@pytest.mark.parametrize(("end", "silence"), [(219_999, None), (220_000, 120.0), (1_000_000, 900.0)])
def test_no_data_after_the_limit(end: int, silence: float | None) -> None:
    """The limit itself is reached; the finding is about the model, not a version."""
    one = header(end, last_data=100_000, versions=())
    assert found(one) == ([] if silence is None else [("NoData", "", "", silence)])


def test_no_data_counts_from_the_start_when_there_never_was_any() -> None:
    """A model that is configured and never predicts is silent from when it was first watched."""
    assert found(header(219_000, started=100_000, last_data=NEVER, versions=())) == []
    assert found(header(220_000, started=100_000, last_data=NEVER, versions=())) == [("NoData", "", "", 120.0)]


def test_a_feature_is_stale_while_predictions_go_on() -> None:
    """Age is from its last value to the last that was served; each version has its own."""
    one = header(1_000_000, versions=())
    one.seen.update({"1": seen(1_000_000, 400_000, 1_000_000), "2": seen(1_000_000, 400_001, 990_000)})
    assert found(one) == [("FeatureStale", "1", "age", 600.0)]


def test_a_version_that_serves_no_more_has_no_stale_features() -> None:
    """Its features stay as old as they were when it stopped."""
    one = header(90_000_000, versions=())
    one.seen["1"] = seen(1_000_000, 900_000, 1_000_000)
    assert found(one) == []


def test_failed_predictions_make_no_feature_stale() -> None:
    """They have no features: an hour of failures is a matter of availability."""
    one = header(9_000_000, versions=())
    one.seen["1"] = seen(1_000_000, 900_000, 1_000_000, last=9_000_000)
    one.seen["2"] = seen(NEVER, 5_000_000, 5_000_000, last=9_000_000)
    assert found(one) == []


def test_findings_hold_limit_and_window() -> None:
    """In seconds, at the major level, over the time that was waited."""
    (one,) = fresh_findings(CONFIG, Gaps(), header(300_000, last_data=100_000, versions=()))
    assert (one.threshold, one.level, one.metric, one.falling) == (120.0, 2, "no_data_s", False)
    assert (one.window.start, one.window.end) == (180_000, 300_000)


def test_a_rare_feature_is_not_stale_by_chance() -> None:
    """A feature that one prediction in a thousand has is waited for until its absence is beyond chance."""
    rare = FreshnessConfig(
        ("age", "country"), 600_000, SilenceConfig(120_000), (surprising(999_000, 1_000_000, 1e-6), 0.0)
    )
    for lacking, stale in ((13_000, []), (14_000, ["age"])):
        one = header(1_000_000, versions=())
        one.seen["1"] = seen(1_000_000, 400_000, 1_000_000, lacking=lacking)
        assert [finding.feature for finding in fresh_findings(rare, Gaps(), one)] == stale


@pytest.mark.parametrize(("missing", "alpha"), [(0, 1e-7), (5_000, 1e-4), (9_990, 1e-3)])
def test_how_many_lacking_values_are_a_surprise(missing: int, alpha: float) -> None:
    """The binomial probability of so many in a row is just under alpha."""
    count = math.ceil(surprising(missing, 10_000, alpha))
    share = (missing + 1) / 10_002
    assert stats.binom.pmf(count, count, share) <= alpha * (1 + 1e-9)
    assert count == 1 or stats.binom.pmf(count - 1, count - 1, share) > alpha

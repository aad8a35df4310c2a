import numpy as np
import pytest
from verdicts import header

from operators.freshness import FreshnessConfig, fresh_findings
from operators.slices import NEVER, Header, Seen

CONFIG = FreshnessConfig(("age", "country"), stale_after=600_000, no_data_after=120_000)


def seen(served: int, *values: int, last: int | None = None) -> Seen:
    """A version that last served at `served` and had values at these times."""
    return Seen(0, served if last is None else last, served, np.array(values, dtype=np.int64))


def found(one: Header) -> list[tuple[str, str, str, float]]:
    """(alert, version, feature, seconds) of each finding."""
    return [(f.alert, f.version, f.feature, f.value) for f in fresh_findings(CONFIG, one)]


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
    (one,) = fresh_findings(CONFIG, header(300_000, last_data=100_000, versions=()))
    assert (one.threshold, one.level, one.metric, one.falling) == (120.0, 2, "no_data_s", False)
    assert (one.window.start, one.window.end) == (180_000, 300_000)

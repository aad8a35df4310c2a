import hashlib

import pytest
from verdicts import finding

from operators.alerts.event import MAX_CAUSES, causes_of, fingerprint_of, id_of, leading, reason_of
from operators.findings import Finding, WindowSpan

FORTY = [finding(feature=f"f{at:02}", lower=0.26 + at / 100) for at in range(40)]


def reason(*findings: Finding) -> str:
    """The sentence about these findings."""
    first = leading(list(findings))
    return reason_of("click", first, causes_of(list(findings)), len({one.feature for one in findings}))


def test_ids_follow_from_the_input_alone() -> None:
    """The first digits of a SHA-256 over what identifies them, as anyone can recompute."""
    fingerprint = hashlib.sha256(b"click\x1f1\x1fcountry=de\x1fDataDrift").hexdigest()[:16]
    assert fingerprint_of("click", "1", "country=de", "DataDrift") == fingerprint
    event = hashlib.sha256(f"{fingerprint}\x1f100\x1f3\x1fupdated".encode()).hexdigest()[:32]
    assert id_of(fingerprint, 100, 3, "updated") == event


def test_names_that_join_to_the_same_text_are_told_apart() -> None:
    """Model "a", version "bc" is not model "ab", version "c"."""
    assert fingerprint_of("a", "bc", "", "X") != fingerprint_of("ab", "c", "", "X")


def test_causes_are_ranked_by_level_then_evidence() -> None:
    """Major before minor; within a level the one whose bound is furthest past its threshold, as a ratio."""
    causes = causes_of(
        [
            finding(feature="minor", level=1, threshold=0.1, lower=0.24),
            finding(feature="strong", lower=0.9),
            finding(feature="weak", lower=0.26),
        ]
    )
    assert [cause.feature for cause in causes] == ["strong", "weak", "minor"]


def test_a_feature_is_one_cause_by_its_strongest_finding() -> None:
    """However many windows and metrics found it."""
    causes = causes_of(
        [
            finding(lower=0.3, value=0.4),
            finding(lower=0.8, value=0.9, window=WindowSpan(3_600_000, 0, 1)),
            finding(metric="ks", monitor="drift.ks", threshold=0.1, lower=0.11, value=0.2),
        ]
    )
    assert [(cause.feature, cause.metric, cause.value) for cause in causes] == [("age", "psi", 0.9)]
    assert causes[0].share == 1.0


def test_shares_are_of_the_evidence() -> None:
    """Three times the evidence, three times the share; all shares together are one."""
    causes = causes_of([finding(feature="a", lower=0.75), finding(feature="b", lower=0.25 + 1e-12)])
    assert [cause.share for cause in causes] == [0.75, 0.25]
    assert sum(cause.share for cause in causes_of(FORTY[:20])) == pytest.approx(1.0, abs=0.01)


def test_equal_evidence_is_ranked_by_name() -> None:
    """The same findings in any order give the same causes."""
    findings = [finding(feature=name) for name in "cab"]
    assert [cause.feature for cause in causes_of(findings)] == ["a", "b", "c"]
    assert causes_of(findings) == causes_of(findings[::-1])


def test_falling_evidence_is_ranked_by_the_upper_bound() -> None:
    """Half the objective is worse than nine tenths of it."""
    worse = finding(feature="", falling=True, threshold=10.0, upper=5.0)
    better = finding(feature="", falling=True, threshold=10.0, upper=9.0, monitor="a")
    assert leading([better, worse]) is worse
    assert worse.strength == 2.0


def test_no_bound_at_all_is_endless_evidence_but_a_finite_share() -> None:
    """A threshold of nothing, or a rate of zero, does not break the shares."""
    causes = causes_of([finding(feature="a", falling=True, threshold=1.0, upper=0.0), finding(feature="b")])
    assert causes[0].share + causes[1].share == pytest.approx(1.0, abs=1e-3)


def test_the_sentence_on_drift() -> None:
    """Which feature of what, how far, how sure, over which window, on how many predictions."""
    assert reason(finding()) == (
        "Feature age of click version 1 moved away from the reference: psi 0.5 (interval 0.4 to 0.6),"
        " above 0.25 over 1m and 12345 predictions."
    )


def test_the_sentence_on_forty_features_names_the_first_four_and_counts_the_rest() -> None:
    """A person woken at night reads one line."""
    text = reason(*FORTY)
    assert text.startswith("Feature f39 of click version 1 moved away")
    assert text.endswith("; also f38, f37, f36 and 36 more.")
    assert len(causes_of(FORTY)) == min(40, MAX_CAUSES)


def test_the_sentence_on_predictions_and_segments() -> None:
    """The output moved, and where."""
    text = reason(finding(alert="PredictionDrift", feature="", metric="ks", segment="country=de"))
    assert text.startswith("The predictions of click version 1 for country=de moved away from the reference: ks 0.5")


def test_the_sentence_on_an_objective_says_its_direction() -> None:
    """Below for what must stay above, above for what must stay below."""
    low = finding(
        alert="SlaBreach", feature="", metric="availability", falling=True, value=0.98, lower=0.97, upper=0.985,
        threshold=0.99,
    )  # fmt: skip
    assert reason(low) == (
        "availability of click version 1 is 0.98 (interval 0.97 to 0.985), below 0.99 over 1m and 12345 predictions:"
        " the objective is not met."
    )
    high = finding(
        alert="SlaBreach", feature="", metric="latency_p99_ms", value=250, lower=240, upper=260, threshold=100
    )
    assert "latency_p99_ms of click version 1 is 250 (interval 240 to 260), above 100 over 1m" in reason(high)


def test_the_sentence_on_quality_speaks_of_shares() -> None:
    """In percent, with the limit."""
    text = reason(finding(alert="DataQuality", metric="missing_ratio", value=0.372, threshold=0.01))
    assert text == "37.2% of the values of age of click version 1 were missing over 1m (limit 1.0%, 12345 predictions)."
    ranged = reason(finding(alert="DataQuality", metric="out_of_range_ratio", value=0.5, threshold=0.05))
    assert "were out of range" in ranged


def test_the_sentence_on_staleness_speaks_of_minutes() -> None:
    """And says that predictions go on."""
    text = reason(finding(alert="FeatureStale", metric="age_s", value=2_400.0, threshold=1_800.0))
    assert text == "Feature age of click version 1 has had no value for 40 min while predictions go on (limit 30 min)."


def test_the_sentence_on_silence_tells_it_from_a_broken_broker() -> None:
    """No predictions, and none waiting."""
    text = reason(finding(alert="NoData", version="", feature="", metric="no_data_s", value=130.0, threshold=120.0))
    assert text == "click has had no predictions for 130 s (limit 120 s), and none is waiting to be read."


def test_a_kind_without_a_sentence_of_its_own_is_told_by_its_row() -> None:
    """What happened as in the catalogue, then the measure with its interval and limit."""
    one = finding(alert="Anomaly", feature="", metric="surprise", value=0.5, lower=0.4, upper=0.6, threshold=0.3)
    said = reason(one)
    assert said.startswith(
        "click version 1 behaves unlike before: surprise is 0.5 (interval 0.4 to 0.6), above 0.3 over"
    )

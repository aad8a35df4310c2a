from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from operators.plans.model import _plan
from operators.plans.monitors import monitors_of
from operators.settings.alerts import ALERTS, Watch, watches_of
from operators.settings.features import FeatureSettings, value_of
from operators.settings.model import ModelSettings, QualitySettings
from operators.settings.parts import Levels
from operators.tables import Kind
from stream.config.template import NewModel, config_text
from windows.predictions.compare import Counts
from windows.shares import SHARES

LIMITS = [watch for _, watch in watches_of("quality")]


def test_each_limit_is_a_key_at_what_is_usual_and_is_explained() -> None:
    """In the settings, of a feature and in the file that `init` writes: none can be forgotten."""
    text = config_text(NewModel("m", "binary", "m.json", (), {"x": "numeric"}))
    written = yaml.safe_load(text)["models"][0]["quality"]
    for watch in LIMITS:
        assert getattr(QualitySettings(), watch.key) == written[watch.key] == watch.usual
        assert watch.meaning
        assert f"# {watch.meaning}" in text
    feature = FeatureSettings.model_validate({"kind": "numeric", "quality": {"missing": 0.2}})
    assert feature.quality is not None
    assert set(type(feature.quality).model_fields) == {watch.key for watch in LIMITS}


@pytest.mark.parametrize("watch", LIMITS, ids=lambda watch: watch.key)
def test_a_limit_is_off_for_a_model_only_where_its_row_says_so(watch: Watch) -> None:
    """What is always judged is refused as null by its key; a share is between 0 and 1."""
    if watch.always:
        with pytest.raises(ValidationError, match=watch.key):
            QualitySettings.model_validate({watch.key: None})
    else:
        assert getattr(QualitySettings.model_validate({watch.key: None}), watch.key) is None
    with pytest.raises(ValidationError, match=watch.key):
        QualitySettings.model_validate({watch.key: 1.0})


def test_every_limit_that_is_on_has_a_monitor_that_feeds_its_kind() -> None:
    """All sections: distances, shares, and how features go together."""
    asked = ModelSettings.model_validate({"name": "m", "task": "binary", "multivariate": "conditional"})
    found = {one.name: (one.alert, one.kind, one.metric, one.whole_only) for one in monitors_of(asked, 10_000)}
    for alert, row in ALERTS.items():
        for watch in row.watches:
            name = f"{watch.section}.{watch.key}"
            on = getattr(getattr(asked, watch.section), watch.key) is not None
            assert (name in found) == on
            if on:
                assert found[name] == (alert, watch.table, watch.metric, watch.whole_only)


def test_a_limit_on_anything_but_a_share_has_levels() -> None:
    """As distances have, so that it may warn before it pages."""
    assert value_of(Watch("quality", "x", Kind.FEATURE, "mean")) is Levels


def test_a_limit_on_the_mean_of_features_has_it_measured() -> None:
    """Moments are measured where nothing else asks for them, if a monitor reads one."""
    (drift, *_) = monitors_of(ModelSettings(name="m", task="binary"), 10_000)
    mean = type(drift)("quality.x", "DataQuality", Kind.FEATURE, "mean", drift.windows, None, 1.0, relative=True)
    asked = [_plan(drift.windows[0], found, everything=False, moments=False) for found in ([drift], [drift, mean])]
    assert [plan.moments for plan in asked] == [False, True]


@pytest.mark.parametrize("name", SHARES)
def test_a_share_is_counted(name: str) -> None:
    """Where its row says: in the counts of a window as in the reference's."""
    assert {SHARES[name].hits, SHARES[name].among} <= set(Counts.__dataclass_fields__) | {"rows"}
    assert not SHARES[name].of_predictions or SHARES[name].among == "rows"

"""`trailing:` in a config: what is refused, by which key, and what `check` says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from factories import click

from operators.settings.model import ModelSettings
from operators.settings.trailing import TrailingSettings
from stream.config.load import ConfigError, load
from stream.config.summary import model_lines

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000
CONFIG = """\
time: {{pane: {pane}}}
models:
  - name: click
    task: binary
    reference: click.json
    prediction:
      trailing: {trailing}
    {more}
"""


def loaded(directory: Path, trailing: str, pane: str = "10s", more: str = "segments: []") -> Any:
    """The config with this `trailing:`."""
    file = directory / "driftgauge.yaml"
    file.write_text(CONFIG.format(trailing=trailing, pane=pane, more=more))
    return load(file, {})


def test_an_empty_mapping_is_a_week_beside_a_quarter() -> None:
    """With the major levels of drift."""
    settings = TrailingSettings()
    assert list(settings.baselines) == [("before", 7 * DAY, 90 * DAY)]
    assert {metric: levels.major for metric, levels in settings.levels.items()} == {"psi": 0.25, "ks": 0.1}
    assert ModelSettings(name="click", task="binary").prediction.trailing is None


@pytest.mark.parametrize(
    ("trailing", "pane", "key", "said"),
    [
        ("{before: null}", "10s", "trailing.before", "at least one baseline is needed"),
        ("{shift: 7d}", "10s", "trailing.shift", "more than recent (7d) is needed"),
        ("{recent: 7d, before: 1000s}", "1m", "trailing.before", "a multiple of time.pane (1m) is needed"),
        ("{recent: 90s, before: 1d}", "1m", "trailing.recent", "a multiple of time.pane (1m) is needed"),
        ("{recent: 7m, before: 90d}", "10s", "trailing.before", "days go with days"),
        ("{before: null, shift: 365d, recent: 1h}", "10s", "trailing.shift", "days go with days"),
        ("{ks: null, psi: null}", "10s", "trailing.ks", "levels of at least one distance"),
        ("{ks: {major: 1}}", "10s", "trailing.ks", "levels below 1 are needed"),
        ("{behind: 90d}", "10s", "trailing.behind", "before"),
        ("[{before: 90d}]", "10s", "prediction.trailing", "a mapping is needed"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(
    tmp_path: Path, trailing: str, pane: str, key: str, said: str
) -> None:
    """With what is needed instead."""
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, trailing, pane)
    assert f"models.0.prediction.{key}".replace("prediction.prediction", "prediction") in str(refused.value)
    assert said in str(refused.value)


def test_check_says_what_is_compared(tmp_path: Path) -> None:
    """One line for each section."""
    config = loaded(tmp_path, "{shift: 364d}", more="drift: {trailing: {recent: 1d, before: 14d, psi: null}}")
    lines = list(model_lines(config, config.models[0], click()))
    assert (
        "  prediction: the last 7d beside the 90d before and the same span 364d earlier: psi 0.25 (major); "
        "ks 0.1 (major)" in lines
    )
    assert "  drift: the last 1d beside the 14d before: ks 0.1 (major)" in lines

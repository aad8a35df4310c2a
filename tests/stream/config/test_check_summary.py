"""What `check` says of a model's labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from estimated import binary_rows, built
from sklearn.metrics import accuracy_score

from stream.cli.check import notes_of
from stream.config.load import load
from stream.config.summary import model_lines

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models: [{name: click, task: binary%s}]\n"
ROWS = binary_rows(5_000)


def summary(tmp_path: Path, text: str) -> list[str]:
    """The lines after the first, of a model whose reference has labels."""
    file = tmp_path / "c.yaml"
    file.write_text(text)
    config = load(file, {})
    lines = list(model_lines(config, config.models[0], built(ROWS, "binary").reference))
    assert lines[0].startswith("model click: binary, ")
    return lines[1:]


def test_what_performance_is_judged_by(tmp_path: Path) -> None:
    """Windows, label_delay and coverage; then every rule and objective with its limit, baseline and windows."""
    accuracy = accuracy_score(ROWS["label"], ROWS["prediction"] >= 0.5)
    performance = """{
      windows: [1h, 14d], label_delay: 2h, coverage: 0.98, min_coverage: 0.05, sample: 0.5,
      accuracy: {max_drop: {minor: 0.02, major: 0.05}},
      f1: {baseline: trailing, max_drop: 0.1, min_coverage: 0.2},
      recall: {baseline: 0.9, max_drop: 0.1, window: 14d, segments: true},
      concept: {error: {max_ratio: 1.5, window: 1h}, curve: {recent: 14d, before: 28d}}}"""
    sla = "{recall: '>= 0.8', drift: '< 0.1'}"
    labels, *judged = summary(tmp_path, MODEL % f", segments: [country], performance: {performance}, sla: {sla}")
    assert labels == (
        "  labels: windows of 1h and 14d, judged when their predictions are 2h old (label_delay), or earlier once 98 %"
        " have a label, where 5 % or more of them have one; 50 % of the predictions are joined"
    )
    assert all(line.startswith("  performance: ") for line in judged)
    assert [line.removeprefix("  performance: ") for line in judged] == [
        f"accuracy: max_drop 0.02 (minor), 0.05 (major) against the reference ({accuracy:.4g}), over 1h and 14d",
        "recall: max_drop 0.1 (major) against 0.9, over 14d, segments too",
        "f1: max_drop 0.1 (major) against the 14d before, over 1h, segments too, from a label coverage of 20 %",
        "f1: max_drop 0.1 (major) against the 28d before, over 14d, segments too, from a label coverage of 20 %",
        f"error_rate: max_ratio 1.5 (major) against the reference ({1 - accuracy:.4g}), over 1h",
        "curve_shift: max_shift 0.05 (minor), 0.1 (major), 14d against the 28d before",
        "recall: >= 0.8 (sla), over 1h",
    ]


def test_labels_that_nothing_judges(tmp_path: Path) -> None:
    """Performance without a rule says so."""
    labels, judged = summary(tmp_path, MODEL % ", performance: {}")
    assert labels.endswith("judged when their predictions are 1h old (label_delay), however few of them have one")
    assert judged == "  performance: measured, and judged by nothing: no metric has a rule or an objective"


def test_feedback_that_is_not_joined(tmp_path: Path) -> None:
    """Where the config names a topic of feedback, the model says that it does not read it; else nothing is said."""
    assert summary(tmp_path, MODEL % "") == []
    topics = "topics: {feedback: labels}\n"
    for given, lack in (("", "missing"), (", performance: null", "null")):
        assert summary(tmp_path, topics + MODEL % given) == [
            "  labels: not joined: topics.feedback (labels) is given, but the model's `performance:` is " + lack
        ]


def test_a_note_of_many_models_is_one_line() -> None:
    """It names the first of them; up to four all; a note of one model alone stands by itself."""
    plain = replace(built(ROWS, "binary").reference, notes=("same",))
    own = replace(plain, notes=("same", "its own"))

    def told(count: int) -> list[str]:
        lines = list(notes_of({f"m{at}": own if at == 1 else plain for at in range(count)}))
        return [line for line in lines if line.endswith((": same", ": its own"))]

    assert told(1) == ["note: m0: same"]
    assert told(4) == ["note: m0, m1, m2, m3: same", "note: m1: its own"]
    assert told(400) == ["note: m0, m1, m2, 397 more: same", "note: m1: its own"]

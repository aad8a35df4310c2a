"""A replay with pictures: twelve seconds of the click model, of which the age of users shifts in the second half."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitored import PANE, reference

from operators.plans.model import plan_models
from stream.config.load import load
from stream.history.archive import HISTORY, Archive
from stream.history.history import Stands
from stream.history.tiles import bins_of
from stream.replay.files import FileLane
from stream.replay.run import replay
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from stream.web.knowledge import Knowledge
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config
    from stream.simulate.traffic import Traffic

START = 1_780_000_000_000
RATE, SECONDS = 300, 12
SHIFTED = Shift("mean", "age", 1.0, 6 * PANE)
CONFIG = """
time: {pane: 1s, lateness: 500ms, idle_after: 1s}
alerting: {resolve_after: 5s}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {windows: ["1s", "5s"]}
    prediction: {windows: ["1s", "5s"]}
    quality: {windows: ["1s"], no_data_after: 30s}
    sla: {latency_p99_ms: {objective: "< 1000", window: 5s}}
"""


@dataclass(frozen=True)
class Pictured:
    """What was replayed, and what is known of it.

    Attributes:
        directory: of the results.
        config: that was replayed with.
        traffic: the predictions as columns.
        knowledge: as a report has it.
        archive: the history that was kept.
    """

    directory: Path
    config: Config
    traffic: Traffic
    knowledge: Knowledge
    archive: Archive

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of one of the files."""
        return [json.loads(line) for line in (self.directory / f"{name}.jsonl").read_text().splitlines()]


def pictured(directory: Path) -> Pictured:
    """Replay it, every evaluation written."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text(CONFIG)
    config = load(path, {})
    generator = Generator(reference(), seed=5, shifts=(SHIFTED,), error_rate=0.01)
    traffic = generator.batch(SECONDS * RATE, START, START + SECONDS * PANE)
    lines = directory / "predictions.jsonl"
    lines.write_bytes(b"".join(line + b"\n" for line in generator.encode(traffic)))
    out = directory / "out"
    replay(config, {"click": reference()}, [FileLane(lines)], out, evaluations="all", pictures=True)
    plans = plan_models(config.models, {"click": reference()}, config.time, config.alerting, everything=True)
    archive = Archive(out / HISTORY)
    past = Stands(archive, {name: bins_of(plan.reference) for name, plan in plans.items()})
    return Pictured(out, config, traffic, Knowledge(plans, past), archive)

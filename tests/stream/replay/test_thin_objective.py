"""An objective on thin traffic: it is breached, it is met again, and its alert ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from monitored import reference

from stream.config.load import load
from stream.replay.files import FileLane
from stream.replay.run import replay
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

START, SECOND = 1_790_000_000_000, 1_000
FINE, SLOW, AGAIN = range(40), range(40, 80), range(80, 160)
CONFIG = """
time: {pane: 2s, lateness: 1s, idle_after: 2s}
alerting: {resolve_after: 6s}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {windows: ["20s"]}
    prediction: {windows: ["20s"]}
    quality: {windows: ["20s"], no_data_after: 30s}
    sla: {latency_p99_ms: {objective: "< 200", window: 20s}}
"""


@pytest.mark.parametrize("rate", [20, 50, 400])
def test_latency_that_is_met_again_ends_its_alert(tmp_path: Path, rate: int) -> None:
    """With 400, 1,000 and 8,000 rows in the window. Of fewer than some 2,000 a p99 has no upper bound at all."""
    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    generators = {
        name: Generator(reference(), seed=3 + number, shifts=shifts, error_rate=0.0, prefix=name)
        for number, (name, shifts) in enumerate({"fine": (), "slow": (Shift("latency", amount=20.0),)}.items())
    }
    lines: list[bytes] = []
    for second in (*FINE, *SLOW, *AGAIN):
        generator = generators["slow" if second in SLOW else "fine"]
        begin = START + second * SECOND
        lines += generator.encode(generator.batch(rate, begin, begin + SECOND))
    rows = tmp_path / "predictions.jsonl"
    rows.write_bytes(b"\n".join(lines) + b"\n")
    out = tmp_path / "out"
    replay(load(path, {}), {"click": reference()}, [FileLane(rows)], out, evaluations="none")
    told = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
    assert [one["state"] for one in told if one["alert"] == "SlaBreach"] == ["firing", "resolved"]

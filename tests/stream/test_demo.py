from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats
from waiting import until

from stream.click_model import MODEL, click_rows
from stream.demo_alerts import Announced, announced
from stream.demo_reference import click_reference
from stream.demo_scenario import BROKEN_EVERY, SHIFT, DemoTraffic, Schedule
from stream.demo_summary import Played, summary, verdict_of
from stream.reference_build import BuildOptions, build
from stream.rows import open_rows
from stream.view_state import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.reference import Reference

ROOT = Path(__file__).resolve().parents[2]
START = 1_700_000_000_000


class Running:
    """`driftgauge demo` in a process group of its own, its output read line by line."""

    def __init__(self, process: subprocess.Popen[str], stdout: IO[str]) -> None:
        self.process, self._stdout = process, stdout
        self.lines: list[str] = []

    def until(self, pattern: str) -> re.Match[str]:
        """The first match in the lines to come; fails if there is none."""
        for line in self._stdout:
            self.lines.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"{pattern!r} is not in\n{''.join(self.lines)}")

    def rest(self) -> str:
        """Everything it wrote, at its end."""
        self.lines += self._stdout
        return "".join(self.lines)


@contextmanager
def demo(*arguments: str, **environment: str) -> Iterator[Running]:
    """Start it; what is left of it is killed afterwards."""
    command = [sys.executable, "-m", "stream.cli", "demo", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Running(process, process.stdout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def page(url: str) -> str:
    """The body of a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own on the loopback
        body: bytes = answer.read()
    return body.decode()


def test_the_shifted_feature_fires_and_nothing_else() -> None:
    """End to end: a user sees the alert, /metrics shows it, the summary names it, the exit code is 0."""
    with demo("--duration", "18", "--listen", "127.0.0.1:0") as running:
        metrics = running.until(r"metrics (http://127\.0\.0\.1:\d+/metrics)")[1]
        running.until(r"shifted: price is up")
        assert "driftgauge_alert_active{" not in page(metrics)
        running.until(r"ALERT firing \w+ DataDrift: Feature price of click version 7 moved away")
        active = until(lambda: re.findall(r"^driftgauge_alert_active\{(.*)\} 1\.0$", page(metrics), re.MULTILINE))
        text = running.rest()
        assert running.process.wait(20) == 0, text
    assert all(re.search(r'segment="",alert="DataDrift"', row) for row in active)
    assert len(active) == 1
    assert re.search(r"What was shifted\n  at 7\.\d s  price is up by 0\.2 standard deviations.*\nWhat fired\n", text)
    alerts = re.findall(r"^  at \d+\.\d s  (\w+) (\w+) \(\w+\): (\w+)", text, re.MULTILINE)
    assert alerts[0] == ("DataDrift", "firing", "price")
    assert set(alerts[1:]) <= {("DataDrift", "updated", "price")}
    assert re.search(r"DataDrift firing \(\w+\): price, \d+\.\d s after the shift$", text, re.MULTILINE)
    assert "What did not\n  the other 9 features" in text
    written = re.search(r"([\d,]+) predictions written in 1[78]\.\d s", text)
    assert written is not None
    assert int(written[1].replace(",", "")) >= 0.9 * 18 * 4_000
    assert "driftgauge init --from" in text
    assert "\x1b" not in text


def test_it_stops_when_it_is_told_to_and_finds_another_port(tmp_path: Path) -> None:
    """Ctrl-C before the shift is no failure; a taken port is a note; nothing stays behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with demo("--duration", "0", "--listen", listen, TMPDIR=str(tmp_path)) as running:
            running.until(f"^note: {listen} cannot be listened on, metrics are on 127.0.0.1:")
            running.until("normal traffic")
            os.killpg(running.process.pid, signal.SIGINT)
            text = running.rest()
            assert running.process.wait(20) == 0, text
            assert running.process.stderr is not None
            assert running.process.stderr.read() == ""
    until(lambda: not alive(running.process.pid))
    assert list(tmp_path.iterdir()) == []
    assert "it ended before the shift" in text
    assert listen not in text.partition("What was shifted")[2]


def test_a_duration_too_short_to_see_anything_is_refused() -> None:
    """One line, and exit code 2."""
    with demo("--duration", "3") as running:
        assert running.process.wait(20) == 2
        assert running.process.stderr is not None
        assert running.process.stderr.read() == (
            "--duration 3: at least 10 s are needed to see a shift, or 0 for no end\n"
        )


@pytest.fixture(scope="module")
def reference() -> Reference:
    """The demo's reference, of fewer rows."""
    return click_reference(2_000, 30_000)


def test_the_reference_is_the_one_that_init_would_build(tmp_path: Path, reference: Reference) -> None:
    """Rows in memory and the same rows in a file give the same reference, to the last bit."""
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(click_rows(30_000)), path)
    assert build(open_rows(path, {}), BuildOptions(MODEL, task="binary", pane=2_000)).reference.id == reference.id


def test_the_schedule_comes_and_goes() -> None:
    """Shifted for `lasts` out of every `period`, from `first` on."""
    schedule = Schedule(10.0, 20.0, 80.0)
    assert [schedule.shifted(at) for at in (0.0, 9.9, 10.0, 29.9, 30.0, 89.9, 90.0, 109.9, 110.0)] == [
        *(False, False, True, True, False),
        *(False, True, True, False),
    ]
    assert [schedule.next_change(at) for at in (0.0, 10.0, 29.0, 30.0, 95.0)] == [10.0, 30.0, 30.0, 90.0, 110.0]


@pytest.mark.parametrize(("duration", "first"), [(None, 10.0), (60.0, 10.0), (25.0, 10.0), (15.0, 6.0)])
def test_a_short_demo_shifts_early(duration: float | None, first: float) -> None:
    """So that more than half of it is left to notice."""
    assert Schedule.within(duration).first == pytest.approx(first)


def test_only_the_one_feature_is_shifted_and_only_meanwhile(reference: Reference) -> None:
    """Before and after, and in all other columns, traffic is drawn from the reference."""
    traffic = DemoTraffic(reference, Schedule(1.0, 1.0, 10.0))
    drawn = [traffic.batch(20_000, START + at, START + at + 1_000) for at in (0, 1_000, 2_000)]
    assert traffic.changes == ((START + 1_000, True), (START + 2_000, False))
    for name in reference.features:
        before, during, after = (batch.features[name][~np.isnan(batch.features[name])] for batch in drawn)
        assert stats.ks_2samp(before, after).pvalue > 1e-4, name
        assert (stats.ks_2samp(before, during).pvalue < 1e-12) == (name == SHIFT.feature), name


def test_broken_records_are_as_many_as_announced(reference: Reference) -> None:
    """One of `BROKEN_EVERY`, wherever batches begin and end."""
    traffic = DemoTraffic(reference, Schedule())
    broken = 0
    for size in (1, 4_999, 7, 9_993, 5_000):
        for value in traffic.encode(traffic.batch(size, START, START + 1)):
            try:
                msgspec.json.decode(value)
            except msgspec.DecodeError:
                broken += 1
    assert broken == 20_000 // BROKEN_EVERY


EVENT = Announced(START + 13_900, "DataDrift", "firing", "critical", "", "ks", ("price",), "It moved.")
PLAYED = Played(
    began=START,
    seconds=25.0,
    written=100_000,
    changes=((START + 10_000, True),),
    alerts=(EVENT,),
    readings=Readings(),
    features=10,
    restarts=0,
    interrupted=False,
    ready_seconds=1.5,
    metrics="http://127.0.0.1:9108/metrics",
)


@pytest.mark.parametrize(
    ("played", "good", "said"),
    [
        (PLAYED, True, "DataDrift firing (critical): price, 3.9 s after the shift"),
        (
            replace(PLAYED, alerts=(EVENT, replace(EVENT, state="updated"), replace(EVENT, state="resolved"))),
            True,
            "DataDrift resolved (critical): price",
        ),
        (replace(PLAYED, alerts=()), False, "FAILED: DataDrift of price did not fire although it was shifted"),
        (replace(PLAYED, alerts=(replace(EVENT, at=START + 9_000),)), False, "FAILED: DataDrift firing for price"),
        (
            replace(PLAYED, alerts=(EVENT, replace(EVENT, features=("age",)))),
            False,
            "FAILED: DataDrift firing for age, which was not shifted",
        ),
        (
            replace(PLAYED, alerts=(replace(EVENT, features=("price", "age")),)),
            False,
            "FAILED: DataDrift firing for price, age, which",
        ),
        (
            replace(PLAYED, alerts=(EVENT, replace(EVENT, alert="SlaBreach", features=(), metric="availability"))),
            False,
            "FAILED: SlaBreach firing for availability, which was not shifted",
        ),
        (replace(PLAYED, alerts=(), interrupted=True, seconds=15.0), True, "nothing"),
        (replace(PLAYED, alerts=(), interrupted=True, seconds=21.0), False, "FAILED: DataDrift of price did not fire"),
        (replace(PLAYED, alerts=(), interrupted=True, changes=(), seconds=5.0), True, "it ended before the shift"),
    ],
)
def test_the_verdict_is_about_the_shifted_feature_alone(played: Played, good: bool, said: str) -> None:
    """It must fire after the shift, nothing else may, and a demo that was stopped early proves nothing."""
    verdict = verdict_of(played)
    text = "\n".join(line for _, lines in summary(played, verdict) for line in lines)
    assert verdict.good == good
    assert said in text
    assert ("FAILED" in text) != good


def test_an_alert_event_is_read_with_its_causes() -> None:
    """Only what the demo needs of it; a cause without a feature names none."""
    event = {
        "id": "a",
        "alert": "DataDrift",
        "state": "firing",
        "severity": "critical",
        "segment": "",
        "metric": "ks",
        "causes": [{"feature": "price", "metric": "ks", "value": 0.2, "share": 1.0}, {"feature": "", "metric": "x"}],
        "reason": "It moved.",
    }
    assert announced(msgspec.json.encode(event), START + 13_900) == EVENT

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
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
from waiting import GUARD, until

from stream.demo.actions import Asked
from stream.demo.alerts import Announced, announced
from stream.demo.click_model import MODEL, click_probability, click_rows
from stream.demo.reference import click_reference
from stream.demo.scenario import BROKEN_EVERY, SHIFT, DemoTraffic, Schedule, feedback_of
from stream.demo.summary import Foreseen, Played, summary, verdict_of
from stream.references.build import BuildOptions, build
from stream.rows.open import open_rows
from stream.view.quality import Quality
from stream.view.spans import Interval
from stream.view.state import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.references.reference import Reference

ROOT = Path(__file__).resolve().parents[3]
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
    command = [sys.executable, "-m", "stream.cli.app", "demo", *arguments]
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
    with urllib.request.urlopen(url, timeout=GUARD) as answer:  # noqa: S310 - our own on the loopback
        body: bytes = answer.read()
    return body.decode()


def _active(shown: str) -> list[str]:
    """The alerts that a page of metrics says are firing."""
    return sorted(re.findall(r'^driftgauge_alert_active\{.*segment="",alert="(\w+)".*\} 1\.0$', shown, re.MULTILINE))


def test_what_follows_from_the_shift_fires_and_nothing_else() -> None:
    """End to end: a user sees the alerts, /metrics shows them, the summary names them, the exit code is 0.

    It has the time that it needs: a length of its own is tried by the test of the image.
    """
    with demo("--duration", "0", "--listen", "127.0.0.1:0") as running:
        metrics = running.until(r"metrics (http://127\.0\.0\.1:\d+/metrics)")[1]
        running.until(r"shifted: relevance is up")
        assert "driftgauge_alert_active{" not in page(metrics)
        running.until(r"ALERT firing \w+ DataDrift: Feature relevance of click version 7 moved away")
        running.until(r"ALERT firing \w+ PerformanceDrop: Accuracy of click version 7 is 0\.7")
        active = until(lambda: _active(page(metrics)) if "PerformanceDrop" in _active(page(metrics)) else None)
        os.killpg(running.process.pid, signal.SIGINT)
        text = running.rest()
        assert running.process.wait(GUARD) == 0, text
    assert active == ["DataDrift", "PerformanceDrop", "PredictionDrift"]
    # On a crowded machine the shift may be over, and come again, before all has fired.
    ends = r"(?:  at \d+\.\d s  relevance is .*\n)*What fired\n"
    assert re.search(rf"What was shifted\n  at \d+\.\d s  relevance is up by 0\.8 standard.*\n{ends}", text), text
    alerts = re.findall(r"^  at \d+\.\d s  (\w+) (\w+) \(\w+\): (\w+)", text, re.MULTILINE)
    fired = list(dict.fromkeys(alert for alert, state, _ in alerts if state == "firing"))
    assert sorted(fired[:2]) == ["DataDrift", "PredictionDrift"]
    assert fired[2:] == ["PerformanceDrop"]
    assert ("DataDrift", "firing", "relevance") in alerts
    assert len(re.findall(r" firing \(\w+\): \w+, \d+\.\d s after the shift$", text, re.MULTILINE)) == 3
    assert "What did not\n  the other 9 features" in text
    seen, known = (
        float(re.search(pattern, text)[1])  # type: ignore[index]
        for pattern in (r"(\d+\.\d) s after the shift the estimate", r"(\d+\.\d) s after the shift enough labels")
    )
    assert seen < known
    assert re.search(r"[\d,]+ predictions written in \d+\.\d s", text)
    assert re.search(r"[\d,]+ labels for \d+% of the predictions, \d\.\d s later", text)
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
            assert running.process.wait(GUARD) == 0, text
            assert running.process.stderr is not None
            assert running.process.stderr.read() == ""
    until(lambda: not alive(running.process.pid))
    assert list(tmp_path.iterdir()) == []
    assert "it ended before the shift" in text
    assert listen not in text.partition("What was shifted")[2]


def test_a_duration_too_short_to_see_anything_is_refused() -> None:
    """One line, and exit code 2."""
    with demo("--duration", "3") as running:
        assert running.process.wait(GUARD) == 2
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


@pytest.mark.parametrize(("duration", "first"), [(None, 10.0), (60.0, 10.0), (30.0, 10.0), (15.0, 5.0)])
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


def test_the_model_stays_calibrated_and_gets_less_accurate(reference: Reference) -> None:
    """Scores are the click model's of the features that are sent, and labels come as often as scores say, always."""
    traffic = DemoTraffic(reference, Schedule(1.0, 1.0, 10.0))
    right = []
    for at in (0, 1_000):
        batch = traffic.batch(100_000, START + at, START + at + 1_000)
        assert batch.prediction is not None
        assert batch.labels is not None
        np.testing.assert_array_equal(batch.prediction, click_probability(batch.features))
        tenth = np.minimum((batch.prediction * 10).astype(np.int64), 9)
        for one in range(8):
            scores, labels = batch.prediction[tenth == one], batch.labels[tenth == one]
            assert stats.binomtest(int(labels.sum()), len(labels), float(scores.mean())).pvalue > 1e-6
        right.append(((batch.prediction >= 0.5) == batch.labels).mean())
    assert right[0] == pytest.approx(click_accuracy(), abs=0.006)
    assert right[1] == pytest.approx(right[0] - 0.058, abs=0.01)


def click_accuracy() -> float:
    """How often the click model is right, from rows of another seed."""
    rows = click_rows(400_000, seed=9)
    return float(((rows["prediction"] >= 0.5) == rows["label"]).mean())


def test_labels_of_the_demo_come_as_announced(reference: Reference) -> None:
    """Four in ten predictions get one, nearly all within the 3 s that the config waits; some twice, some corrected."""
    traffic = DemoTraffic(reference, Schedule())
    feedback = feedback_of(traffic)
    feedback.add(traffic.batch(50_000, START, START + 1))
    found = [msgspec.json.decode(value) for value in feedback.due(START + 3_000)]
    ids = Counter(one["prediction_id"] for one in found)
    assert len(ids) == pytest.approx(20_000, rel=0.03)
    assert feedback.waiting < 0.02 * len(found)
    assert sum(count > 1 for count in ids.values()) == pytest.approx(0.01 * len(ids), rel=0.3)


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


EVENT = Announced(START + 13_900, "DataDrift", "firing", "critical", "", "ks", ("relevance",), "It moved.")
SCORES = Announced(START + 13_900, "PredictionDrift", "firing", "critical", "", "ks", (), "They moved.")
DROP = Announced(START + 23_900, "PerformanceDrop", "firing", "critical", "", "accuracy", (), "It fell.")
ALL = (EVENT, SCORES, DROP)
QUALITY = Quality(
    estimated=Interval(0.771, 0.76, 0.785),
    realised=Interval(0.77, 0.75, 0.79),
    baseline=0.828,
    coverage=0.4,
    delay=1.2,
    labels=45_000,
    duplicates=220,
    revised=230,
)
PLAYED = Played(
    began=START,
    seconds=30.0,
    written=120_000,
    changes=((START + 10_000, True),),
    alerts=ALL,
    foreseen=Foreseen(START + 17_600, Interval(0.79, 0.78, 0.807), Interval(0.82, 0.8, 0.84)),
    readings=Readings(quality=QUALITY),
    features=10,
    restarts=0,
    interrupted=False,
    ready_seconds=1.5,
    metrics="http://127.0.0.1:9108/metrics",
)


def test_an_action_is_told_by_the_time_of_the_traffic_and_of_day() -> None:
    """When it was decided, in event time; not when the summary was made."""
    one = Asked(START + 17_300, "retrain", "requested", "drift", dry_run=True, reason="relevance drifts")
    told = dict(summary(replace(PLAYED, asked=(one,)), verdict_of(PLAYED)))["What was asked for"]
    clock = time.strftime("%H:%M:%S", time.gmtime((START + 17_300) // 1000))
    tried = "in dry run: written to driftgauge.actions and sent to nobody"
    when = f"at 17.3 s of the traffic ({clock} UTC)"
    assert told == [f"{when}  retrain requested (by drift), {tried}", "  relevance drifts"]


@pytest.mark.parametrize(
    ("played", "good", "said"),
    [
        (PLAYED, True, "DataDrift firing (critical): relevance, 3.9 s after the shift"),
        (PLAYED, True, "PerformanceDrop firing (critical): accuracy, 13.9 s after the shift"),
        (
            PLAYED,
            True,
            "7.6 s after the shift the estimate without labels had fallen to 0.790 (interval 0.780 to 0.807), while",
        ),
        (PLAYED, True, "13.9 s after the shift enough labels had come to say so too"),
        (PLAYED, True, "last accuracy by labels 0.770 (interval 0.750 to 0.790), in the reference 0.828"),
        (PLAYED, True, "45,000 labels for 40% of the predictions, 1.2 s later in the median"),
        (
            replace(
                PLAYED, alerts=(*ALL, *(replace(one, state=state) for one in ALL for state in ("updated", "resolved")))
            ),
            True,
            "DataDrift resolved (critical): relevance",
        ),
        (
            replace(PLAYED, alerts=(SCORES, DROP)),
            False,
            "FAILED: DataDrift of relevance did not fire although there was a shift",
        ),
        (replace(PLAYED, alerts=(EVENT, SCORES)), False, "FAILED: PerformanceDrop of accuracy did not fire"),
        (replace(PLAYED, alerts=(EVENT, DROP)), False, "FAILED: PredictionDrift of the scores did not fire"),
        (
            replace(PLAYED, alerts=(*ALL, replace(EVENT, at=START + 9_000))),
            False,
            "FAILED: DataDrift firing for relevance",
        ),
        (
            replace(PLAYED, alerts=(*ALL, replace(EVENT, features=("age",)))),
            False,
            "FAILED: DataDrift firing for age, which does not follow from the shift",
        ),
        (
            replace(PLAYED, alerts=(SCORES, DROP, replace(EVENT, features=("relevance", "age")))),
            False,
            "FAILED: DataDrift firing for relevance, age, which",
        ),
        (
            replace(PLAYED, alerts=(*ALL, replace(DROP, alert="SlaBreach", metric="availability"))),
            False,
            "FAILED: SlaBreach firing for availability, which does not follow from the shift",
        ),
        (replace(PLAYED, alerts=(EVENT, SCORES), seconds=27.9), True, "PerformanceDrop: it ended too early to say"),
        (replace(PLAYED, alerts=(EVENT, SCORES), seconds=28.1), False, "FAILED: PerformanceDrop of accuracy"),
        (replace(PLAYED, alerts=(), seconds=16.7), False, "FAILED: DataDrift of relevance did not fire"),
        (replace(PLAYED, alerts=(), interrupted=True, seconds=20.0), True, "nothing"),
        (replace(PLAYED, alerts=(), interrupted=True, seconds=21.0), False, "FAILED: DataDrift of relevance did not"),
        (
            replace(PLAYED, alerts=(), interrupted=True, changes=(), seconds=5.0, foreseen=None),
            True,
            "it ended before the shift",
        ),
    ],
)
def test_the_verdict_is_about_what_follows_from_the_shift(played: Played, good: bool, said: str) -> None:
    """It must fire after the shift, nothing else may, and a demo that ended early proves nothing."""
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
        "causes": [
            {"feature": "relevance", "metric": "ks", "value": 0.2, "share": 1.0},
            {"feature": "", "metric": "x"},
        ],
        "reason": "It moved.",
    }
    assert announced(msgspec.json.encode(event), START + 13_900) == EVENT

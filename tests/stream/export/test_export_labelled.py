"""`export labelled`: what pandas would merge out of the same messages, whatever their order, in bounded memory."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer
from monitored import reference
from typer.testing import CliRunner
from waiting import GUARD

from stream.cli.app import app
from stream.config.load import load
from stream.export import spill
from stream.export.columns import Column, arrays_of
from stream.export.incidents import Period, periods_of
from stream.simulate.generator import Generator
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result

MINUTE, HOUR = 60_000, 3_600_000
START = round(time.time() * 1e3) // HOUR * HOUR - 24 * HOUR
"""A day ago: a broker throws away what was written long before."""
COUNT = 3_000
Row = dict[str, Any]


def text(ms: int) -> str:
    """A time as RFC 3339."""
    return dt.datetime.fromtimestamp(ms / 1e3, dt.UTC).isoformat()


def traffic(seed: int = 3) -> list[Row]:
    """Predictions of six hours, some of which failed, some without an id, some twice, some of another model."""
    generator = Generator(reference(), seed=seed, error_rate=0.02, rfc3339=False)
    found = [json.loads(line) for line in generator.encode(generator.batch(COUNT, START, START + 6 * HOUR))]
    rng = random.Random(seed)
    for row in found:
        row["version"] = rng.choice(["7", "8"])
        row["features"]["note"] = rng.choice(["a", 3, None])
    del found[5]["prediction_id"]
    found += [dict(found[10]), {**found[11], "timestamp": found[11]["timestamp"] + 5_000}]
    return [*found, {**found[12], "model": "other"}]


def feedback(rows: list[Row], seed: int = 4) -> list[Row]:
    """Labels of most: some revised, some said twice, some before their prediction, some about nothing."""
    rng = random.Random(seed)
    found: list[Row] = []
    for row in rows:
        if "prediction_id" not in row or rng.random() < 0.3:
            continue
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            at = row["timestamp"] + rng.randrange(-MINUTE, 8 * HOUR)
            said: Row = {"model": row["model"], "prediction_id": row["prediction_id"], "timestamp": at}
            found.append(said | {"label": rng.choice([0, 1, True]), "kind": rng.choice(["explicit", "delayed"])})
            if rng.random() < 0.2:
                found.append(said | {"value": rng.random()})
    found += [dict(found[0]), {**found[1], "prediction_id": "nobody"}, {**found[2], "label": "maybe"}]
    rng.shuffle(found)
    return found


def merged(rows: list[Row], said: list[Row], since: int, until: int) -> pd.DataFrame:
    """The oracle: pandas over the whole of it."""
    made = pd.DataFrame([row | row["features"] for row in rows if row["model"] == "click" and not row.get("error")])
    made = made[(made.timestamp >= since) & (made.timestamp < until) & made.prediction_id.notna()]
    made = made.sort_values("timestamp", kind="stable").drop_duplicates("prediction_id")
    words = pd.DataFrame([one for one in said if one["model"] == "click" and one.get("label") != "maybe"])
    words = words.sort_values("timestamp", kind="stable")
    labels = words[words.label.notna()].drop_duplicates("prediction_id", keep="last").set_index("prediction_id")
    values = words[words.value.notna()].drop_duplicates("prediction_id", keep="last").set_index("prediction_id")
    made["label"] = made.prediction_id.map(labels.label)
    made["label_timestamp"] = made.prediction_id.map(labels.timestamp)
    made["value"] = made.prediction_id.map(values.value)
    return made[made.label.notna() | made.value.notna()].set_index("prediction_id").sort_index()


def site(directory: Path, broker: Broker, rows: list[Row], said: list[Row], more: str = "") -> Path:
    """A config, and topics that hold these messages over several partitions."""
    topics = {name: broker.topic(name) for name in ("predictions", "feedback", "alerts")}
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for name, values in (("predictions", rows), ("feedback", said)):
        for number, value in enumerate(values):  # as if each were written when it happened
            at = value["timestamp"]
            producer.produce(topics[name], json.dumps(value).encode(), partition=number % 4, timestamp=at)
    producer.produce(topics["predictions"], b"{broken", partition=0, timestamp=START + 2 * HOUR)
    assert producer.flush(GUARD) == 0
    (directory / "r.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text(f"""
kafka: {{brokers: "{broker.bootstrap}", properties: {{log_level: 0}}}}
topics: {json.dumps(topics)}
models: [{{name: click, task: binary, reference: r.json, performance: {{windows: [1h], label_delay: 1h{more}}}}}]
""")
    return path


def run(path: Path, *more: object, since: int = START + HOUR, until: int = START + 5 * HOUR) -> Result:
    """The command."""
    place = ("--from", text(since), "--until", text(until), "-o", path.with_name("set.parquet"))
    return CliRunner().invoke(app, list(map(str, ("export", "labelled", "-c", path, "-m", "click", *place, *more))))


def table(path: Path) -> pd.DataFrame:
    """What was written, by id."""
    found = pq.read_table(path.with_name("set.parquet")).to_pandas()
    assert found.prediction_id.is_unique
    return found.set_index("prediction_id").sort_index()


ROWS = traffic()
SAID = feedback(ROWS)


def test_it_is_what_pandas_merges(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row and column by column: features, prediction, the latest label and value; over several buckets."""
    monkeypatch.setattr(spill, "ROWS_A_BUCKET", 500)
    path = site(tmp_path, broker, ROWS, SAID)
    done = run(path)
    assert done.exit_code == 0, (done.output, done.exception)
    found, expected = table(path), merged(ROWS, SAID, START + HOUR, START + 5 * HOUR)
    assert found.index.tolist() == expected.index.tolist()
    assert len(found) > 1_000
    for name in ("age", "prediction", "value", "latency_ms"):
        pd.testing.assert_series_equal(found[name], expected[name].astype(float), check_names=False)
    for name in ("country", "version"):
        assert found[name].tolist() == expected[name].tolist()
    assert found.label.tolist() == [None if pd.isna(one) else float(one) for one in expected.label] or (
        found.label.astype(float).fillna(-1).tolist() == expected.label.astype(float).fillna(-1).tolist()
    )
    for name in ("timestamp", "label_timestamp"):
        stamps = expected[name].astype("Float64")
        mine = found[name].astype("int64").where(found[name].notna())
        assert mine.fillna(-1).tolist() == stamps.fillna(-1).tolist()
    assert set(found.note.dropna()) == {"a", "3"}
    assert (found.weight == 1.0).all()
    assert "records that cannot be read, broken_json: 1" in done.output
    assert "1 labels are none of the model's" in done.output
    assert "left out, they failed" in done.output
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".driftgauge")]


def test_every_prediction_of_the_period_is_accounted_for(tmp_path: Path, embedded_broker: Broker) -> None:
    """Written, or left out for a reason that is told."""
    path = site(tmp_path, embedded_broker, ROWS, SAID)
    lines = run(path, "--version", "8", "--sample", "0.5").output.splitlines()
    seen = int(lines[0].split()[0].replace(",", ""))
    left = sum(int(line.rsplit(" ", 1)[1].replace(",", "")) for line in lines if line.startswith("left out"))
    found = table(path)
    assert seen == len(found) + left
    assert set(found.version) == {"8"}
    assert (found.weight == 2.0).all()
    since, until = START + HOUR, START + 5 * HOUR
    of_version = [row for row in ROWS if row["version"] == "8" and row["model"] == "click"]
    assert seen == sum(since <= row["timestamp"] < until for row in of_version)


def test_half_a_sample_is_half_of_the_whole(tmp_path: Path, embedded_broker: Broker) -> None:
    """By the id: the same predictions each time, about half of them, and all of those in the larger set."""
    path = site(tmp_path, embedded_broker, ROWS, SAID)
    sets = []
    for share in ("0.3", "0.6", "0.6"):
        assert run(path, "--sample", share).exit_code == 0
        sets.append(set(table(path).index))
    assert sets[0] < sets[1] == sets[2]
    whole = len(merged(ROWS, SAID, START + HOUR, START + 5 * HOUR))
    assert abs(len(sets[1]) - 0.6 * whole) < 5 * (0.24 * whole) ** 0.5


def alert(state: str, at: int, alert: str = "DataQuality", model: str = "click", metric: str = "missing_ratio") -> Row:
    """An event of the alerts topic."""
    return {
        "model": model, "alert": alert, "state": state, "fingerprint": f"{alert}{model}", "event_time": text(at),
        "started_at": text(START + 2 * HOUR), "window": {"size": "1h", "start": text(START + 2 * HOUR - MINUTE)},
        "causes": [{"feature": "age", "metric": metric}],
    }  # fmt: skip


def test_incidents_are_left_out(tmp_path: Path, embedded_broker: Broker) -> None:
    """From where the evidence of bad data begins to its end, of this model; a period that is named, too."""
    path = site(tmp_path, embedded_broker, ROWS, SAID)
    from stream.config.load import load  # noqa: PLC0415 - beside its only use

    events = [
        alert("firing", START + 2 * HOUR),
        alert("resolved", START + 3 * HOUR),
        alert("firing", START, "DataDrift"),
    ]
    events += [alert("firing", START, model="other"), alert("firing", START, "FeatureStale", metric="blind_ratio")]
    embedded_broker.produce(load(path, {}).topics.alerts, [json.dumps(one).encode() for one in events])
    gap = f"{text(START + 4 * HOUR)}/{text(START + 4 * HOUR + MINUTE)}"
    done = run(path, "--exclude-incidents", "--exclude", gap)
    assert done.exit_code == 0, (done.output, done.exception)
    expected = merged(ROWS, SAID, START + HOUR, START + 5 * HOUR)
    bad = expected.timestamp.between(START + 2 * HOUR - MINUTE, START + 3 * HOUR - 1)
    bad |= expected.timestamp.between(START + 4 * HOUR, START + 4 * HOUR + MINUTE - 1)
    assert table(path).index.tolist() == expected[~bad].index.tolist()
    assert "left out, within DataQuality: age" in done.output


def test_silence_that_counts_as_a_negative_label_is_one(tmp_path: Path, embedded_broker: Broker) -> None:
    """Where `negative_after` says so; `--unlabelled` has all of them without."""
    path = site(tmp_path, embedded_broker, ROWS, SAID, more=", negative_after: 1h")
    assert run(path).exit_code == 0
    assumed = table(path)
    known = merged(ROWS, SAID, START + HOUR, START + 5 * HOUR)
    silent = assumed[~assumed.index.isin(known[known.label.notna()].index)]
    assert len(silent) > 100
    assert set(silent.label) == {0}
    assert set(silent.label_kind) == {"assumed"}
    path = site(tmp_path, embedded_broker, ROWS, SAID)
    assert run(path, "--unlabelled").exit_code == 0
    assert table(path).index.tolist() == assumed.index.tolist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--exclude", "2026-01-01T00:00:00Z"), "--exclude 2026-01-01T00:00:00Z: FROM/TO"),
        (("--from", "yesterday"), "--from yesterday: a time such as"),
        (("--until", "2020-01-01T00:00:00Z"), "a time after --from"),
        (("--sample", "0"), "--sample 0.0: a share above 0"),
        (("--late", "soon"), "--late soon: a duration"),
        (("--model", "nobody"), "no model 'nobody'"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """No broker is asked."""
    (tmp_path / "r.json").write_bytes(to_json(reference()))
    path = tmp_path / "c.yaml"
    path.write_text('kafka: {brokers: "localhost:1"}\nmodels: [{name: click, task: binary, reference: r.json}]\n')
    assert said in str(run(path, *options).exception)


def test_what_was_written_long_after_it_happened_needs_to_be_asked_for(tmp_path: Path, real_broker: Broker) -> None:
    """As of a topic that was filled from elsewhere: the error says how."""
    path = site(tmp_path, real_broker, ROWS, SAID)
    topic = load(path, {}).topics.predictions
    late = [{**row, "timestamp": row["timestamp"] - 100 * 24 * HOUR} for row in ROWS[:50]]
    real_broker.produce(topic, [json.dumps(row).encode() for row in late])
    asked = {"since": START - 101 * 24 * HOUR, "until": START - 99 * 24 * HOUR}
    assert "--late takes what was written later" in str(run(path, "--unlabelled", **asked).exception)
    done = run(path, "--unlabelled", "--late", "200d", **asked)
    assert done.exit_code == 0, (done.output, done.exception)
    assert done.output.startswith("50 predictions")


def test_nothing_to_write_is_said(tmp_path: Path, embedded_broker: Broker) -> None:
    """With what was read; no file is left behind."""
    path = site(tmp_path, embedded_broker, ROWS, SAID)
    done = run(path, since=START - 9 * HOUR, until=START - 8 * HOUR)
    assert "nothing to write: 0 predictions of the period" in str(done.exception)
    assert not path.with_name("set.parquet").exists()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2, None], None, [1, 2, None]),
        ([1, 2.5], None, [1.0, 2.5]),
        ([2**60, 1], None, [float(2**60), 1.0]),
        ([True, None], None, [True, None]),
        ([True, 0], None, [1, 0]),
        ([1, "a", True], None, ["1", "a", "true"]),
        ([[0.1, 0.9], [1, 0]], None, [[0.1, 0.9], [1.0, 0.0]]),
        ([["a", 7]], None, [["a", "7"]]),
        ([{"a": 1}, 2], None, ['{"a":1}', "2"]),
        ([1, "2.5", "x", [1], True], "numeric", [1.0, 2.5, None, None, 1.0]),
        ([1, 1.0, "a", False], "categorical", ["1", "1", "a", "false"]),
    ],
)
def test_columns_have_the_type_that_all_their_values_have(values: list[Any], kind: Any, expected: list[Any]) -> None:
    """Found while reading; a feature of the reference has the one that it has there."""
    column = Column(kind)
    for value in values:
        column.see(value)
    (array,) = arrays_of([{"x": value} for value in values], {"x": column.typed()})
    assert array.to_pylist() == expected


def test_periods_that_touch_are_one() -> None:
    """And one that goes on ends where the set does."""
    events = [alert("firing", START + 2 * HOUR), alert("firing", START + 2 * HOUR, "FeatureStale")]
    events.append(alert("resolved", START + 3 * HOUR))
    assert periods_of(events, START + 9 * HOUR) == [
        Period(START + 2 * HOUR - MINUTE, START + 9 * HOUR, "DataQuality: age; FeatureStale: age")
    ]

"""`reference adopt`: the last clean days of a version, counted as the rows themselves would be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import Given
from typer.testing import CliRunner

from operators.alerts.event import AlertEvent, EventWindow
from stream.cli.app import app
from stream.config.load import load, load_reference, load_references
from stream.errors import UsageError
from stream.history.archive import HISTORY, Archive, Slot, Stored
from stream.history.frame import Column, Frame
from stream.references.adopt import DAY, Adoption, Kept, adopt
from stream.references.build import build
from stream.references.like import asked_like
from stream.references.plan import BuildOptions
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import Layout, layout_of
from windows.references.edges import edge_differences, edges_id
from windows.references.reference import from_json, to_json
from windows.sketches.profiles import NumericProfile, slots

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

START = 20_700 * DAY
HOUR = DAY // 24


def rows(count: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    """A number, sometimes missing, a category, a score, a latency."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, count)
    x[rng.random(count) < 0.02] = np.nan
    colour = rng.choice(["r", "g", "b", "new"] if shift else ["r", "g", "b"], count).tolist()
    return {"x": x, "colour": colour, "prediction": rng.random(count), "latency_ms": rng.lognormal(2, 1, count)}


OPTIONS = BuildOptions("m", task="binary")
BASE = build(Given(rows(20_000, 0)), OPTIONS).reference
LAYOUT = layout_of(BASE)
DAYS = {day: rows(3_000, day, shift=1.0) for day in range(1, 6)}


def counted(layout: Layout, given: dict[str, Any]) -> np.ndarray:
    """The counts of a window that holds these rows, as the history keeps them."""
    count = len(given["x"])
    names = {name: code for code, name in enumerate(BASE.features["colour"].categories)}  # type: ignore[union-attr]
    columns = Columns(
        panes=np.zeros(count, dtype=np.int64),
        versions=("8",),
        version=np.zeros(count, dtype=np.int64),
        numeric=np.stack([given[field.name] for field in layout.numeric]),
        categorical=np.array([[names.get(name, len(names)) for name in given["colour"]]]),
        segments=np.zeros((0, count), dtype=np.int64),
        latency=given["latency_ms"],
        failed=None,
    )
    (vector,) = fold(binning_of(layout), columns).values()
    return np.concatenate((vector[: layout.rows + 1], vector[layout.latency :]))


def kept(days: dict[int, dict[str, Any]] = DAYS) -> list[Kept]:
    """A histogram an hour of each day, of two hours."""
    found = []
    for day, given in days.items():
        for hour, part in enumerate((slice(1_000), slice(1_000, None))):
            since = START + day * DAY + hour * HOUR
            found.append(Kept(since, since + HOUR, counted(LAYOUT, {name: one[part] for name, one in given.items()})))
    return found


def event(day: float, state: str = "firing", alert: str = "DataQuality", version: str = "8") -> AlertEvent:
    """A change of an alert."""
    at = round(START + day * DAY)
    window = EventWindow("1m", at - 60_000, at)
    return AlertEvent(
        f"{alert}{state}{day}", f"{alert}{version}", alert, state, "critical", "m", version, "", "r", "psi", 1, 1, 1, 1,
        10, window, [], "it is", at, None, at, None, "",
    )  # fmt: skip


NOW = START + 6 * DAY


def test_it_is_what_those_rows_would_have_been() -> None:
    """Every slot of every column, latencies and rows, as of a build like the model's from the rows of these days."""
    found = adopt(Adoption("8", 3, NOW), BASE, LAYOUT, kept(), [])
    assert found.days == tuple(START + day * DAY for day in (3, 4, 5))
    last = {
        name: np.concatenate([DAYS[day][name] for day in (3, 4, 5)]) for name in ("x", "prediction", "latency_ms")
    } | {"colour": [name for day in (3, 4, 5) for name in DAYS[day]["colour"]]}
    expected = build(Given(last), asked_like(OPTIONS, BASE)).reference
    assert found.reference.rows == expected.rows == 9_000
    for name, profile in expected.features.items():
        assert slots(found.reference.features[name]).tolist() == slots(profile).tolist(), name
    assert found.reference.prediction is not None
    assert expected.prediction is not None
    assert slots(found.reference.prediction).tolist() == slots(expected.prediction).tolist()
    assert found.reference.latency is not None
    assert expected.latency is not None
    assert found.reference.latency.tolist() == expected.latency.tolist()
    x = found.reference.features["x"]
    assert isinstance(x, NumericProfile)
    assert x.mean == pytest.approx(float(np.nanmean(last["x"])), abs=0.05)
    assert x.deviation == pytest.approx(float(np.nanstd(last["x"])), rel=0.05)
    assert list(edge_differences(BASE, found.reference)) == []
    assert from_json(to_json(found.reference)).id == found.reference.id


@pytest.mark.parametrize(
    ("events", "days"),
    [
        ([], (4, 5)),
        ([event(4.5), event(4.6, "resolved")], (3, 5)),
        ([event(4.5, version=""), event(4.6, "resolved", version="")], (3, 5)),
        ([event(4.5, version="7"), event(4.6, "resolved", version="7")], (4, 5)),
        ([event(4.5), event(5.1, "resolved")], (2, 3)),
        ([event(4.9)], (2, 3)),
        ([event(4.5, alert="DataDrift")], (4, 5)),
        ([event(4.5, alert="PerformanceDrop"), event(4.6, "resolved", "PerformanceDrop")], (3, 5)),
        ([event(3.0, "resolved")], (4, 5)),
        ([event(5.0001)], (2, 3)),
    ],
    ids=["none", "mine", "whole", "others", "midnight", "open", "drift", "performance", "before", "evidence"],
)
def test_days_on_which_something_stood_are_left_out(events: list[AlertEvent], days: tuple[int, ...]) -> None:
    """Of this version, or of the whole model; drift beside the other reference is what is to be cured."""
    found = adopt(Adoption("8", 2, NOW), BASE, LAYOUT, kept(), events)
    assert found.days == tuple(START + day * DAY for day in days)


def test_what_was_left_out_is_said_and_may_be_taken_all_the_same() -> None:
    """By the name of the alert."""
    events = [event(4.5), event(4.6, "resolved")]
    found = adopt(Adoption("8", 2, NOW), BASE, LAYOUT, kept(), events)
    assert found.left_out == ((START + 4 * DAY, "DataQuality"),)
    despite = adopt(Adoption("8", 2, NOW, frozenset({"DataQuality"})), BASE, LAYOUT, kept(), events)
    assert (len(despite.days), despite.left_out) == (2, ())


def test_a_day_must_be_over() -> None:
    """That in progress is not taken; where no other is known, that is the reason."""
    asked = Adoption("8", 2, START + 5 * DAY + HOUR)
    assert adopt(asked, BASE, LAYOUT, kept(), []).days[-1] == START + 4 * DAY
    with pytest.raises(UsageError, match="no whole day of version 8 before 2026-09-05 is in the history"):
        adopt(Adoption("8", 2, START + DAY + HOUR), BASE, LAYOUT, kept({1: DAYS[1]}), [])
    with pytest.raises(UsageError, match=r"no day of version 8 was clean: 2026-09-05: DataQuality.*--despite"):
        adopt(Adoption("8", 2, NOW), BASE, LAYOUT, kept({1: DAYS[1]}), [event(0.5)])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A config, its reference, and a history of version 8."""
    (tmp_path / "m.json").write_bytes(to_json(BASE))
    path = tmp_path / "c.yaml"
    path.write_text("state: {directory: state}\nmodels: [{name: m, task: binary, reference: m.json}]\n")
    archive = Archive(tmp_path / "state" / HISTORY)
    stored = [Stored("m", "8", one.start, one.end, edges_id(BASE), one.counts) for one in kept()]
    column = Column("service", "throughput", "8", "", "")
    frame = Frame("m", "predictions", "1h", HOUR, NOW, (column,), np.ones((5, 1), dtype=np.float32))
    archive.write([Slot(3, NOW // HOUR, frame)], stored, [event(4.5), event(4.6, "resolved")])
    archive.close()
    return path


def asked(path: Path, *more: str, version: str = "8") -> Any:
    """`reference adopt`."""
    return CliRunner().invoke(
        app, ["reference", "adopt", "--config", str(path), "--model", "m", "--version", version, *more]
    )


def test_from_the_command_line(site: Path) -> None:
    """The file is beside the model's, what to do with it is said, and the config with it is good."""
    done = asked(site, "--days", "2")
    assert done.exit_code == 0, done.output
    assert "2 clean days: 2026-09-07, 2026-09-09" in done.output
    assert "2026-09-08 is left out: DataQuality" in done.output
    assert 'references: {"8": m.8.json}' in done.output
    own = load_reference(site.with_name("m.8.json"))
    assert own.rows == 6_000
    site.write_text(site.read_text().replace("reference: m.json", 'reference: m.json, references: {"8": m.8.json}'))
    assert load_references(load(site, {}))["m"].versions["8"].id == own.id


def test_what_is_wrong_is_told(site: Path) -> None:
    """A version that nobody saw, an alert that is none, bins of another reference, no history."""
    assert "--version 9: the history of m has 8" in str(asked(site, version="9").exception)
    assert "--despite NoData: allowed are ConceptDrift, PerformanceDrop, SlaBreach, DataQuality" in str(
        asked(site, "--despite", "NoData").exception
    )
    other: Reference = build(Given(rows(20_000, 9, shift=2.0)), OPTIONS).reference
    site.with_name("m.json").write_bytes(to_json(replace(other, model="m")))
    assert "counted in bins of another reference" in str(asked(site).exception)
    (site.parent / "state" / HISTORY).unlink()
    assert "there is no history" in str(asked(site).exception)

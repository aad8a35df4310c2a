from __future__ import annotations

import io
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from operators.settings.parts import Levels
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Totals
from stream.view.bars import Bar, Legend, Mark, Scale, scale_of
from stream.view.display import LiveScreen, PlainLog, display_for
from stream.view.frame import render
from stream.view.quality import Quality, Watched
from stream.view.spans import Axis, Interval, SpanBar, axis_of
from stream.view.state import AlertLine, Drift, Readings, View, read
from stream.view.svg import picture

if TYPE_CHECKING:
    from pathlib import Path

REASON = (
    "Feature price of click version 7 moved away from the reference: ks 0.178 (interval 0.1346 to 0.2283), "
    "above 0.1 over 2s and 7984 predictions."
)
FIRING = AlertLine(13.9, "DataDrift", "firing", "critical", REASON)
QUALITY = Quality(
    estimated=Interval(0.771, 0.757, 0.786),
    realised=Interval(0.8181, 0.799, 0.837),
    baseline=0.828,
    coverage=0.4,
    delay=1.23,
    labels=32_100,
    watermark=990.0,
    duplicates=12,
    revised=7,
)
WATCHED = Watched("accuracy", "10s", 0.02)
READINGS = Readings(
    predictions=88_076,
    watermark=1_000.0,
    drift=(Drift("price", 0.4, 0.3), Drift("hours_since_visit", 0.12, 0.05), Drift("age", 0.0, 0.0)),
    latency={"0.5": 0.012, "0.95": 0.038, "0.99": 0.061},
    availability=0.9991,
    late=53,
    dead=20,
    waiting=151,
    active=1,
    quality=QUALITY,
)
VIEW = View(
    model="click v7",
    stage="shifted",
    story="shifted: price is up",
    elapsed=25.0,
    rate=4_000.4,
    now=1_003.4,
    readings=READINGS,
    metric="psi",
    window="10s",
    levels=Levels(minor=0.1, major=0.25),
    watched=WATCHED,
    alerts=(FIRING,),
    broker="127.0.0.1:9092",
    metrics="http://127.0.0.1:9108/metrics",
)
EMPTY = replace(VIEW, stage="starting", story="starting the monitor", readings=Readings(), alerts=())
MANY = replace(
    VIEW,
    readings=replace(READINGS, drift=tuple(Drift(f"feature_{i}", 0.5 / (i + 1), 0.4 / (i + 1)) for i in range(60))),
    alerts=(FIRING,) * 9,
)
SCALE = Scale(0.5, (Mark("minor", 0.1, "yellow"), Mark("major", 0.25, "red")))


def lines(view: View, width: int, height: int | None = None, encoding: str = "utf-8") -> list[str]:
    """What a terminal of that width shows, without styles."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height or 50, color_system=None, legacy_windows=False)
    console.print(render(view, width, height))
    file.seek(0)
    return file.read().splitlines()


def test_a_frame_shows_every_figure_at_80_columns() -> None:
    """Throughput, watermark, lag, latency, availability, late and dead records, drift, quality, alert and reason."""
    shown = "\n".join(lines(VIEW, 80))
    for text in (
        "click v7",
        "4,000/s",
        "88,076 predictions",
        "watermark 3.4 s behind",
        "lag 151",
        "p50 12 ms",
        "p95 38 ms",
        "p99 61 ms",
        "available 99.91%",
        "late 53",
        "dead letters 20",
        "shifted: price is up",
        "broker 127.0.0.1:9092",
        "http://127.0.0.1:9108/metrics",
        "0.400 0.300",
        "minor 0.1",
        "major 0.25",
        "accuracy over 10s: 40% labelled, after 1.2 s in the median",
        "estimated 0.771 0.757 to 0.786",
        "by labels 0.818 0.799 to 0.837",
        "reference 0.828    limit 0.808",
        "alerts: 1 firing",
        "13.9 s  firing critical  DataDrift",
    ):
        assert text in shown, text
    said = "".join(line.strip("│ ") + " " for line in shown.splitlines())
    assert REASON in said


@pytest.mark.parametrize("view", [VIEW, EMPTY, MANY], ids=["usual", "empty", "many"])
@pytest.mark.parametrize("width", [*range(1, 12), 20, 39, 55, 56, 79, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(view: View, width: int) -> None:
    """However narrow it is; from 20 columns on every panel fills it."""
    shown = lines(view, width)
    assert max(map(cell_len, shown)) <= width
    if width >= 20:
        assert {cell_len(line) for line in shown} == {width}


@pytest.mark.parametrize("view", [VIEW, EMPTY, MANY], ids=["usual", "empty", "many"])
@pytest.mark.parametrize("height", [14, 20, 24, 40, 100])
def test_a_frame_is_no_higher_than_the_terminal(view: View, height: int) -> None:
    """Rows that do not fit are left out; an alert that fires is always among those that do."""
    shown = lines(view, 80, height)
    assert len(shown) <= height
    assert ("DataDrift" in "\n".join(shown)) == bool(view.alerts)


def test_features_left_out_are_counted() -> None:
    """The title of the panel says how many more there are."""
    shown = "\n".join(lines(MANY, 100, 24))
    count = sum(f"feature_{i} " in shown for i in range(60))
    assert 0 < count < 60
    assert f"{60 - count} more not shown" in shown


def test_the_newest_alert_comes_first() -> None:
    """The panel is cut off at its end."""
    updated = AlertLine(15.0, "DataDrift", "updated", "critical", "worse")
    shown = "\n".join(lines(replace(VIEW, alerts=(FIRING, updated)), 80))
    assert shown.index("updated critical") < shown.index("firing critical")


def test_text_from_outside_is_shown_as_it_is() -> None:
    """Brackets are no markup, and control characters never reach the terminal."""
    odd = replace(VIEW, readings=replace(READINGS, drift=(Drift("[red]x[/]", 0.1, 0.1), Drift("a\x1b[2Jb", 0.1, 0.1))))
    shown = "\n".join(lines(replace(odd, alerts=(replace(FIRING, reason="[bold]so[/bold]"),)), 80))
    assert "[red]x[/]" in shown
    assert "[bold]so[/bold]" in shown
    assert "\x1b[2J" not in shown


def test_an_ascii_terminal_gets_ascii() -> None:
    """Where the encoding has no blocks, bars are made of # and =."""
    shown = "\n".join(lines(VIEW, 80, encoding="ascii"))
    assert shown.isascii()
    assert "#" in shown


@pytest.mark.parametrize("width", [10, 40, 77])
@pytest.mark.parametrize(("value", "lower"), [(0.0, 0.0), (0.3, 0.2), (0.5, 0.5), (9.0, 0.1), (math.nan, math.nan)])
def test_a_bar_is_as_long_as_its_value(value: float, lower: float, width: int) -> None:
    """Solid for the share of the scale that the bound is, light up to that of the value, within half a cell."""
    shown = Bar(value, lower, Scale(0.5, ())).text(width).plain
    solid, light = shown.count("█"), shown.count("▒")
    wanted = [0.0 if math.isnan(x) else min(x / 0.5, 1.0) * width for x in (lower, value)]
    assert len(shown) == width
    assert abs(solid - wanted[0]) <= 0.5
    assert abs(solid + light - wanted[1]) <= 0.5
    assert shown.rstrip() == "█" * solid + "▒" * light


def test_strokes_and_legend_stand_at_the_thresholds() -> None:
    """Both at the same cell: a fifth and a half of the scale."""
    bar = Bar(0.4, 0.3, SCALE).text(50)
    assert [at for at, char in enumerate(bar.plain) if char == "│"] == [10, 25]
    legend = Legend(SCALE).text(50).plain
    assert (legend.index("minor 0.1"), legend.index("major 0.25")) == (10, 25)


@pytest.mark.parametrize(
    ("lower", "style"), [(math.nan, "green"), (0.1, "green"), (0.11, "yellow"), (0.25, "yellow"), (0.26, "red")]
)
def test_the_colour_is_that_of_the_bound(lower: float, style: str) -> None:
    """Alerts are decided on the bound, so a high value with a low bound is green."""
    assert SCALE.style(lower) == style


def test_a_lone_major_level_is_red() -> None:
    """A metric may have one level only."""
    scale = scale_of(None, 0.15, 0.0)
    assert (scale.top, scale.style(0.1), scale.style(0.2)) == (0.3, "green", "red")


def test_the_scale_has_room_for_the_highest_value() -> None:
    """Twice the major level, or more if a feature is beyond that; but thresholds stay told apart."""
    assert scale_of(0.1, 0.25, 0.3).top == 0.5
    assert scale_of(0.1, 0.25, 0.8).top > 0.8
    assert scale_of(0.1, 0.25, 9.0).top == 1.0
    assert scale_of(0.1, 0.25, math.nan).top == 0.5


AXIS = Axis(0.5, 1.0, limit=0.75, usual=0.875)


@pytest.mark.parametrize("width", [20, 40, 77])
@pytest.mark.parametrize("interval", [Interval(0.71, 0.65, 0.79), Interval(0.83, 0.81, 0.88), Interval(0.3, 0.1, 1.9)])
def test_an_interval_stands_where_its_bounds_are(interval: Interval, width: int) -> None:
    """The first and the last filled cell hold the bounds, the solid one the value; beyond the axis its end does."""
    shown = SpanBar(interval, AXIS).text(width).plain
    filled = [at for at, char in enumerate(shown) if char in "█▒"]
    wanted = [min(width - 1, max(0, int((at - 0.5) / 0.5 * width))) for at in (interval.lower, interval.upper)]
    assert len(shown) == width
    assert filled == list(range(wanted[0], wanted[1] + 1))
    assert shown.index("█") == min(width - 1, max(0, int((interval.value - 0.5) / 0.5 * width)))


def test_strokes_and_words_stand_at_limit_and_usual() -> None:
    """Half and three quarters of the way; the words on the outer side, so that they never meet."""
    bar = SpanBar(None, AXIS).text(40).plain
    legend = AXIS.legend(40).plain
    assert [at for at, char in enumerate(bar) if char == "│"] == [20, 30]
    assert legend.index("limit") + len("limit") - 1 == 20
    assert legend.index("usual") == 30
    assert Axis(0.5, 1.0, limit=0.8749, usual=0.875).legend(6).plain.split() in (["limit"], ["usual"], [])


@pytest.mark.parametrize(
    ("lower", "upper", "falling", "style"),
    [
        (0.7, 0.79, True, "red"),
        (0.7, 0.81, True, "yellow"),
        (0.84, 0.86, True, "green"),
        (0.86, 0.9, False, "red"),
        (0.7, 0.79, False, "green"),
    ],
)
def test_the_colour_needs_both_bounds_to_agree(lower: float, upper: float, falling: bool, style: str) -> None:
    """As alerts do: what might still be chance is no worse than what is usual."""
    axis = Axis(0.0, 1.0, limit=0.8 if falling else 0.85, usual=0.85 if falling else 0.8, falling=falling)
    assert axis.style(Interval((lower + upper) / 2, lower, upper)) == style


def test_an_axis_has_room_for_everything() -> None:
    """Intervals, limit and what is usual, with a margin; of nothing there is none."""
    axis = axis_of([Interval(0.77, 0.75, 0.79), Interval(0.8, math.nan, 0.81)], 0.82, 0.84)
    assert axis is not None
    assert axis.low < 0.75
    assert axis.high > 0.84
    assert axis_of([], None, None) is None
    assert axis_of([], None, 0.5) is not None


def test_before_labels_come_their_row_is_empty() -> None:
    """What is estimated is shown from the first window on."""
    early = replace(VIEW, readings=replace(READINGS, quality=Quality(estimated=QUALITY.estimated)))
    shown = "\n".join(lines(early, 80))
    assert "accuracy over 10s: no labels yet" in shown
    assert "by labels     -              -" in shown
    assert "limit" not in shown


def test_a_low_terminal_has_no_room_for_the_quality() -> None:
    """Drift and alerts come first; at 24 lines there is room for all three."""
    assert "by labels" not in "\n".join(lines(MANY, 80, 20))
    assert "by labels" in "\n".join(lines(MANY, 80, 24))


def test_readings_are_those_of_the_model_and_window() -> None:
    """Segments, other metrics, other windows and other models are left out."""
    registry = Registry()
    rows = (
        ("click", "7", "", "age", "psi", "10s"),
        ("click", "7", "", "price", "psi", "10s"),
        ("click", "7", "", "price", "psi", "2s"),
        ("click", "7", "", "price", "ks", "10s"),
        ("click", "7", "device=ios", "price", "psi", "10s"),
        ("other", "7", "", "price", "psi", "10s"),
    )
    registry.apply(GaugeBlock("m", "feature_drift", rows, (0.02, 0.4, 9.0, 9.0, 9.0, 9.0)))
    registry.apply(GaugeBlock("m", "feature_drift_bound", rows, (0.01, 0.3, 8.0, 8.0, 8.0, 8.0)))
    latency = (("click", "7", "10s", "0.99"), ("click", "7", "2s", "0.99"))
    registry.apply(GaugeBlock("m", "prediction_latency_seconds", latency, (0.061, 9.0)))
    registry.apply(GaugeBlock("m", "availability_ratio", (("click", "7", "10s"),), (0.5,)))
    registry.apply(GaugeBlock("m", "watermark_timestamp_seconds", (("click",),), (1_000.0,)))
    registry.apply(GaugeBlock("p", "consumer_lag_messages", (("predictions", "0"), ("predictions", "1")), (3.0, 4.0)))
    registry.apply(GaugeBlock("m", "alert_active", (("click", "7", "", "DataDrift", "critical"),), (1.0,)))
    counted: dict[tuple[str, ...], float] = {
        ("click", "7", "ok"): 90.0,
        ("click", "7", "error"): 10.0,
        ("other", "7", "ok"): 5.0,
    }
    registry.apply(Totals("predictions_total", counted))
    registry.apply(Totals("late_records_total", {("click", "late"): 2.0}))
    registry.apply(Totals("dead_letters_total", {("predictions", "not_json"): 3.0}))
    quality = (
        ("click", "7", "", "accuracy", "10s"),
        ("click", "7", "", "estimated_accuracy", "10s"),
        ("click", "7", "", "accuracy", "1h"),
        ("click", "7", "country=US", "accuracy", "10s"),
        ("other", "7", "", "accuracy", "10s"),
    )
    for name, first, second in (
        ("performance", 0.8, 0.77),
        ("performance_lower", 0.75, 0.76),
        ("performance_upper", 0.85, 0.78),
    ):
        registry.apply(GaugeBlock("m", name, quality, (first, second, 0.1, 0.2, 0.3)))
    bases = (("click", "7", "", "accuracy", "10s", "reference"), ("other", "7", "", "accuracy", "10s", "reference"))
    registry.apply(GaugeBlock("m", "performance_baseline", bases, (0.828, 0.1)))
    registry.apply(GaugeBlock("m", "label_coverage_ratio", (("other", "7"), ("click", "7")), (0.9, 0.4)))
    registry.apply(GaugeBlock("m", "label_delay_seconds", (("click", "7"),), (1.23,)))
    registry.apply(GaugeBlock("m", "labels_timestamp_seconds", (("click",),), (990.0,)))
    registry.apply(
        Totals("labels_total", {("click", "matched"): 40.0, ("click", "revised"): 4.0, ("other", "matched"): 9.0})
    )
    registry.apply(Totals("duplicates_total", {("click", "feedback"): 6.0, ("other", "feedback"): 9.0}))
    assert read(registry, "click", "psi", "10s", WATCHED) == Readings(
        predictions=100,
        watermark=1_000.0,
        drift=(Drift("price", 0.4, 0.3), Drift("age", 0.02, 0.01)),
        latency={"0.99": 0.061},
        availability=0.5,
        late=2,
        dead=3,
        waiting=7,
        active=1,
        quality=Quality(
            estimated=Interval(0.77, 0.76, 0.78),
            realised=Interval(0.8, 0.75, 0.85),
            baseline=0.828,
            coverage=0.4,
            delay=1.23,
            labels=40,
            watermark=990.0,
            duplicates=6,
            revised=4,
        ),
    )


def test_a_handful_of_labels_says_nothing() -> None:
    """One right prediction is no accuracy of 1: an interval that wide is not shown."""
    registry = Registry()
    row = (("click", "7", "", "accuracy", "10s"),)
    for name, value in (("performance", 1.0), ("performance_lower", 0.001), ("performance_upper", 1.0)):
        registry.apply(GaugeBlock("m", name, row, (value,)))
    assert read(registry, "click", "psi", "10s", WATCHED).quality.realised is None


def test_readings_of_an_empty_registry_are_unknown() -> None:
    """Before the first pane there is nothing, and that is no zero."""
    assert read(Registry(), "click", "psi", "10s", WATCHED) == Readings()


def test_the_plain_log_tells_each_thing_once() -> None:
    """A line for the story when it changes, for each alert, for the progress now and then; no control codes."""
    out = io.StringIO()
    log = PlainLog(out)
    quiet = replace(VIEW, alerts=(), elapsed=1.0, story="normal")
    for view in (quiet, replace(quiet, elapsed=1.2), replace(VIEW, elapsed=14.0), replace(VIEW, elapsed=14.2)):
        log.frame(view)
    drift = "largest psi over 10s: price 0.400 (bound 0.300), accuracy estimated 0.771, by labels 0.818"
    assert out.getvalue().splitlines() == [
        "   1.0 s  broker 127.0.0.1:9092, metrics http://127.0.0.1:9108/metrics",
        "   1.0 s  normal",
        "  14.0 s  shifted: price is up",
        f"  13.9 s  ALERT firing critical DataDrift: {REASON}",
        f"  14.0 s  88,076 predictions, 4,000/s, watermark 3.4 s behind, {drift}, p99 61 ms",
    ]


def test_the_live_screen_leaves_its_last_frame_behind() -> None:
    """Frames are drawn on the alternate screen, without erasing; the last is printed once more on the normal one."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, _environ={"TERM": "xterm"})
    with LiveScreen(console) as live:
        live.frame(EMPTY)
        live.frame(VIEW)
    assert isinstance(console.file, io.StringIO)
    drawn, left, behind = console.file.getvalue().partition("\x1b[?1049l")
    assert left
    assert "\x1b[?1049h" in drawn
    assert "\x1b[2K" not in drawn
    assert "DataDrift" in behind


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_pipe_gets_the_plain_log(tmp_path: Path, variable: str) -> None:
    """Also where variables of a CI force colours."""
    console = Console(file=io.StringIO(), _environ={variable: "1"})
    with display_for(console, tmp_path / "log") as display:
        assert isinstance(display, PlainLog)


def test_stderr_goes_to_the_file_and_comes_back(tmp_path: Path) -> None:
    """What children write too; afterwards it is as before."""
    program = (
        "import subprocess, sys; from pathlib import Path; from stream.view.display import stderr_in\n"
        "child = [sys.executable, '-c', 'import os; os.write(2, b\"child\\\\n\")']\n"
        "with stderr_in(Path(sys.argv[1])):\n"
        "    subprocess.run(child, check=True)\n"
        "    sys.stderr.write('inside\\n')\n"
        "sys.stderr.write('after\\n')\n"
    )
    log = tmp_path / "log"
    done = subprocess.run([sys.executable, "-c", program, str(log)], capture_output=True, text=True, check=True)
    assert log.read_text() == "child\ninside\n"
    assert done.stderr == "after\n"


def test_the_picture_needs_nothing_from_the_network() -> None:
    """Well-formed, small, with the alert in it, and no address that a browser would fetch from."""
    svg = picture(VIEW)
    ET.fromstring(svg)  # noqa: S314 - our own
    assert len(svg.encode()) < 150_000
    assert "url(http" not in svg
    assert "@font-face" not in svg
    assert "src=" not in svg
    assert "DataDrift" in svg

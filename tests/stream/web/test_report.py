"""The report: one file with everything in it, of a replay or of two, and what other thresholds would have meant."""

from __future__ import annotations

import re
import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from monitored import reference
from pictured import CONFIG, SECONDS, SHIFTED, START, Pictured, pictured
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import load
from stream.replay.files import FileLane
from stream.replay.results import lines_of
from stream.replay.run import InterruptedReplay, replay
from stream.simulate.generator import Generator
from stream.web.knowledge import Span
from stream.web.results import Asked, of_results
from stream.web.whatif import FACTORS, trials
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A replay with its history."""
    return pictured(tmp_path_factory.mktemp("report"))


def run(*arguments: str) -> Result:
    """A command of ours."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


class Ids(HTMLParser):
    """All ids, and all links within the file."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name == "href" and value:
                (self.links.add if value.startswith("#") else self.outside.append)(value)
        assert tag not in {"script", "link", "img", "iframe"}


def test_a_report_is_one_file_that_needs_nothing_else(shown: Pictured, tmp_path: Path) -> None:
    """It names the shift, its links lead to places in it, ids are unique, and it loads nothing."""
    out = tmp_path / "report.html"
    config = str(shown.config.source)
    done = run("report", "--config", config, "--replay", str(shown.directory), "-o", str(out))
    assert done.exit_code == 0, done.output
    html = out.read_text()
    ids = Ids()
    ids.feed(html)
    assert len(ids.ids) == len(set(ids.ids))
    assert {link[1:] for link in ids.links} <= {*ids.ids, "top"}
    assert all("runbook" in link or link.startswith("/") is False for link in ids.outside)
    assert "url(" not in html
    fired = sum(row["state"] == "firing" for row in shown.rows("alerts"))
    assert f"{fired} alerts fired" in html
    assert re.findall(r'<th scope="row"><a href="#at-click-(\w+)"', html)[0] == "age"


def test_stricter_thresholds_page_more_and_none_pages_less(shown: Pictured) -> None:
    """As thresholds rise pages and features can only become fewer; as they are, it is the one shifted feature."""
    found = trials(shown.knowledge, "click", Span("", START, START + SECONDS * 1_000))
    assert tuple(trial.factor for trial in found) == FACTORS
    assert next(trial for trial in found if trial.factor == 1).features == ("age",)
    assert next(trial for trial in found if trial.factor == 1).pages == 1
    assert [len(trial.features) for trial in found] == sorted((len(trial.features) for trial in found), reverse=True)
    month = 30 * 86_400_000 / (SECONDS * 1_000)
    assert all(trial.a_month == pytest.approx(trial.pages * month) for trial in found)


def test_two_replays_stand_side_by_side(shown: Pictured, tmp_path: Path) -> None:
    """With a threshold that nothing reaches, the other side has no drift alert, and the report says 0 beside 1."""
    generator = Generator(reference(), seed=5, shifts=(SHIFTED,), error_rate=0.01)
    lines = generator.encode(generator.batch(SECONDS * 300, START, START + SECONDS * 1_000))
    (tmp_path / "p.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    config, other = str(shown.config.source), tmp_path / "other"
    loose = [f"models.0.drift.{name}" for name in ("psi={major: 50}", "ks={major: 0.99}")]
    arguments = [part for setting in loose for part in ("--set", setting)]
    files = ("--predictions", str(tmp_path / "p.jsonl"), "--out", str(other))
    done = run("replay", "--config", config, *files, *arguments)
    assert done.exit_code == 0, done.output
    out = tmp_path / "both.html"
    both = ("--replay", str(shown.directory), "--against", str(other))
    done = run("report", "--config", config, *both, "-o", str(out))
    assert done.exit_code == 0, done.output
    row = re.search(r"click DataDrift</th>(.*?)</tr>", out.read_text())
    assert row is not None
    counts = re.findall(r'<td class="num">([^<]*)</td>', row[1])
    assert (counts[0], counts[3]) == ("1", "0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--replay", "nowhere"), "there is no history; run the monitor, or: driftgauge replay"),
        (("--last", "soon"), "allowed is a duration"),
        (("--model", "none"), "has click"),
    ],
)
def test_what_cannot_be_reported_is_said(shown: Pictured, arguments: tuple[str, ...], said: str) -> None:
    """Without a traceback, with what to do."""
    from stream.errors import UsageError  # noqa: PLC0415 - beside its only use

    with pytest.raises(UsageError) as caught:
        run("report", "--config", str(shown.config.source), *arguments)
    assert said in str(caught.value)


def test_a_report_of_half_the_time_is_of_that_half(shown: Pictured, tmp_path: Path) -> None:
    """--last cuts what is drawn."""
    out = tmp_path / "half.html"
    where = ("--config", str(shown.config.source), "--replay", str(shown.directory))
    assert run("report", *where, "--last", "6s", "-o", str(out)).exit_code == 0
    assert re.search(r"<dt>From</dt><dd>2026-05-28<small>20:26:46 UTC<", out.read_text())


def test_a_report_of_an_interrupted_replay_says_so(tmp_path: Path) -> None:
    """With when it was, and with every alert of alerts.jsonl; a complete one has no such line."""
    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    (tmp_path / "c.yaml").write_text(CONFIG)
    generator = Generator(reference(), seed=5, shifts=(SHIFTED,), error_rate=0.01)
    lines = generator.encode(generator.batch(SECONDS * 300, START, START + SECONDS * 1_000))
    (tmp_path / "p.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    config, stop = load(tmp_path / "c.yaml", {}), threading.Event()

    def late(share: float, _: int) -> None:
        if share > 0.8:
            stop.set()

    out, known = tmp_path / "out", {"click": reference()}
    lane = FileLane(tmp_path / "p.jsonl")
    with pytest.raises(InterruptedReplay, match="holds what was found"):
        replay(config, known, [lane], out, progress=late, stop=stop, pictures=True)
    fired = [one for one in lines_of(out / "alerts.jsonl") if one["state"] == "firing"]
    html = of_results(Asked(config, known, ("click",), None), out, None)
    assert "The replay was interrupted at" in html
    assert fired
    assert f"{len(fired)} alerts fired" in html
    replay(config, known, [FileLane(tmp_path / "p.jsonl")], out, pictures=True)
    assert "was interrupted" not in of_results(Asked(config, known, ("click",), None), out, None)

"""The site over what a replay found: pages, JSON and their description agree, and nothing is written unescaped."""

from __future__ import annotations

import http.client
import json
import re
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from pictured import SECONDS, START, Pictured, pictured
from waiting import GUARD

import stream.web
from stream.http.access import Access
from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.metrics.reports import Concern
from stream.web.charts.evidence import place
from stream.web.charts.heat import STEPS, step_of
from stream.web.charts.lines import Line, LineChart, Point, line_chart, thinned
from stream.web.config_lines import lines_of
from stream.web.html import Html, tag
from stream.web.monitor import RegistryLive
from stream.web.openapi import DESCRIPTION
from stream.web.openapi_actions import READS
from stream.web.site import Site
from stream.web.views.alert import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.http.pages import Answer


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A replay with its history."""
    return pictured(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def site(shown: Pictured) -> Site:
    """Its pages."""
    outside = Outside(lambda event: lines_of(shown.config, event), "http://alerts.example:9093")
    return Site(shown.knowledge, lambda: 1, outside, lambda: ("the disk is <full>",))


def page(site: Site, target: str) -> str:
    """A page that there is."""
    answer = site(target)
    assert answer is not None, target
    assert answer.status == HTTPStatus.OK
    return answer.body.decode()


def ask(site: Site, target: str) -> Any:
    """JSON that there is."""
    return json.loads(page(site, f"/api/v1{target}"))


class Tags(HTMLParser):
    """Sees that every element is closed, ids are there once, and links lead somewhere."""

    EMPTY = frozenset({"meta", "link", "br", "input", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.forbidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag not in self.EMPTY:
            self.open.append(tag)
        self._look(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self._look(tag, dict(attrs))

    def _look(self, tag: str, given: dict[str, str | None]) -> None:
        self.ids += [value for name, value in given.items() if name == "id" and value]
        self.links += [value for name, value in given.items() if name in {"href", "src"} and value]
        self.forbidden += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag


def targets(site: Site) -> list[str]:
    """One page of each kind, and every page of a feature."""
    model = ask(site, "/models/click")
    alert = ask(site, "/alerts")["alerts"][0]
    features = [f"/models/click/features/{mover['feature']}" for mover in model["moved"]]
    return [
        "/",
        "/models/click",
        "/models/click?range=1h",
        f"/alerts/{alert['key']}",
        f"/alerts/{alert['id']}",
        *features,
    ]


def test_every_page_is_whole_and_leads_only_to_pages_that_are_there(site: Site) -> None:
    """Elements close in order, ids are unique, no style or handler is inline, and each link has an answer."""
    seen: set[str] = set()
    for target in targets(site):
        tags = Tags()
        tags.feed(page(site, target))
        assert tags.open == []
        assert len(tags.ids) == len(set(tags.ids))
        assert tags.forbidden == []
        seen |= {link for link in tags.links if not link.startswith("#") and not urlsplit(link).netloc}
    assert len(seen) > 20
    for link in seen:
        assert site(link) is not None, link


def test_pages_take_nothing_from_elsewhere(site: Site) -> None:
    """The policy allows this host alone, and no page names another one but for the reader to go to."""
    for target in (*targets(site), "/assets/page.js", "/assets/style.css"):
        answer = site(target)
        assert answer is not None
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(rb"(src|url\()=?[\"']?https?:", answer.body)


def test_what_moved_is_first(site: Site) -> None:
    """The shifted feature leads the page of the model and the JSON, and is the only one past its threshold."""
    moved = ask(site, "/models/click")["moved"]
    assert moved[0]["feature"] == "age"
    assert moved[0]["strongest"]["level"] == "major"
    assert moved[0]["strongest"]["of_threshold"] > 1
    assert {mover["strongest"]["level"] for mover in moved[1:]} == {"ok"}
    html = page(site, "/models/click")
    assert re.findall(r"/features/(\w+)", html)[0] == "age"


def test_histograms_of_what_moved_differ_and_others_do_not(site: Site) -> None:
    """Half the distance between the two histograms is large for the shifted feature and small for the rest."""
    apart = {}
    for mover in ask(site, "/models/click")["moved"]:
        both = ask(site, f"/models/click/features/{mover['feature']}?window=5s")["histogram"]
        apart[mover["feature"]] = np.abs(np.subtract(both["reference"], both["current"])).sum() / 2
    shifted = apart.pop("age")
    assert shifted > 0.3
    assert max(apart.values()) < 0.15


def test_levels_are_those_of_the_evaluations(shown: Pictured, site: Site) -> None:
    """What the page colours is what the judge said of the same windows: the status in the evaluations file."""
    status = {
        (row["window"]["size"], row["feature"], row["metric"]): row["status"]
        for row in shown.rows("evaluations")
        if row["segment"] == "" and row["kind"] in {"feature", "quality"}
    }
    compared = 0
    for mover in ask(site, "/models/click")["moved"]:
        for one in ask(site, f"/models/click/features/{mover['feature']}")["measures"]:
            said = status[one["window"], one["feature"], one["metric"]]
            assert one["level"] == said or (one["level"], said) == ("ok", "insufficient_data")
            compared += 1
    assert compared >= 30


def test_an_alert_is_told_from_its_start_to_the_lines_that_decide_it(shown: Pictured, site: Site) -> None:
    """Its page has every event of the alerts file, its runbook, a way to silence it, and the threshold's line."""
    (first,) = [row for row in shown.rows("alerts") if row["alert"] == "DataDrift" and row["state"] == "firing"]
    html = page(site, f"/alerts/{first['id']}")
    told = [row for row in shown.rows("alerts") if row["fingerprint"] == first["fingerprint"]]
    for row in told:
        assert tag("p", row["reason"]) in html
    assert first["runbook_url"] in html
    assert "http://alerts.example:9093/#/silences/new?filter=" in html
    assert "c.yaml:" in html
    assert "resolve_after: 5s" in html


def required(schema: dict[str, Any], value: Any, path: str = "") -> None:
    """Whether a value has the form that a schema says, as far as ours say anything."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "oneOf" in schema:
        if value is not None:
            required(next(one for one in schema["oneOf"] if one.get("type") != "null"), value, path)
        return
    if "enum" in schema:
        assert value in schema["enum"], path
        return
    kinds = {"string": str, "integer": int, "number": (int, float), "null": type(None), "object": dict, "array": list,
             "boolean": bool}  # fmt: skip
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert isinstance(value, tuple(np.ravel([kinds[name] for name in wanted if name != "number"]).tolist()) or ()) or (
        "number" in wanted and isinstance(value, int | float)
    ), f"{path}: {value!r} is no {wanted}"
    if isinstance(value, dict):
        assert set(value) == set(schema["properties"]), path
        for name, part in value.items():
            required(schema["properties"][name], part, f"{path}.{name}")
    if isinstance(value, list):
        for part in value:
            required(schema["items"], part, f"{path}[]")


def test_every_answer_has_the_form_that_its_description_says(site: Site) -> None:
    """No field is missing, none is left undescribed, and all are of their types."""
    alert = ask(site, "/alerts")["alerts"][0]["key"]
    examples = {"{model}": "click", "{feature}": "age", "{key}": alert}
    for path, methods in DESCRIPTION["paths"].items():
        if "get" not in methods or path in READS:  # what is posted: test_desk.py; out of a topic: test_ledger.py
            continue
        target = path
        for name, example in examples.items():
            target = target.replace(name, example)
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        required(schema, ask(site, target), path)
    assert ask(site, "/openapi.json") == DESCRIPTION


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/models/none", 404, "there are click"),
        ("/models/click/features/none", 404, "no feature"),
        ("/models/click/features/age?window=3s", 400, "there are 1s, 5s"),
        ("/models/click/series?source=elsewhere", 400, "predictions or labels"),
        ("/alerts?state=dead", 400, "firing or resolved"),
        ("/alerts/none", 404, "none"),
        ("/nothing", 404, "openapi.json"),
    ],
)
def test_what_is_not_there_is_said(site: Site, target: str, status: int, said: str) -> None:
    """In JSON, with what there is."""
    answer = site(f"/api/v1{target}")
    assert answer is not None
    assert (answer.status, said in json.loads(answer.body)["error"]) == (status, True)


def test_a_series_is_the_surest_that_was_measured(shown: Pictured, site: Site) -> None:
    """Twelve seconds are a minute of history: of one measure it keeps the look with the highest lower bound."""
    rows = [
        row
        for row in shown.rows("evaluations")
        if (row["feature"], row["metric"], row["window"]["size"], row["segment"]) == ("age", "psi", "5s", "")
    ]
    surest = max((row for row in rows if row["lower"] is not None), key=lambda row: row["lower"])
    found = ask(site, "/models/click/series?window=5s&kind=feature&metric=psi&feature=age")
    (series,) = found["series"]
    end, value, lower, *_ = series["points"][-1]
    assert end == START + SECONDS * 1_000
    assert (value, lower) == (pytest.approx(surest["value"], rel=1e-3), pytest.approx(surest["lower"], rel=1e-3))


def test_names_from_outside_are_text() -> None:
    """A name that is HTML is shown as it is written, in content and in attributes; what is made here is not escaped."""
    hostile = '"><script>alert(1)</script>'
    shown = tag("p", hostile, Html("<b>"), [hostile, None, 3], title=hostile, hidden=True, lang=None)
    assert shown.count("<script") == 0
    assert shown.startswith('<p title="&quot;&gt;&lt;script&gt;')
    assert " hidden>" in shown
    assert "<b>" in shown


def test_problems_are_on_the_first_page(site: Site) -> None:
    """What is wrong with the history is said where everybody looks, escaped."""
    assert "the disk is &lt;full&gt;" in page(site, "/")
    assert ask(site, "/state")["problems"] == ["the disk is <full>"]


def test_a_page_is_made_once_until_something_is_new(shown: Pictured) -> None:
    """Many readers of one page cost what one does; a new revision is a new page."""
    now = {"revision": 1}
    site = Site(shown.knowledge, lambda: now["revision"])
    first = site("/models/click")
    assert site("/models/click") is first
    now["revision"] = 2
    assert site("/models/click") is not first


def request(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers."""
    with closing(http.client.HTTPConnection(*server.address, timeout=GUARD)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, dict(answer.getheaders())


@pytest.fixture
def served(site: Site) -> Iterator[Server]:
    """The site behind a password."""
    running = Server("127.0.0.1:0", Registry(), access=Access("Bearer sesame"), site=site)
    running.start()
    yield running
    running.close()


def test_who_may_not_see_metrics_may_not_see_pages(served: Server) -> None:
    """Every page, its parts and its JSON ask for the same; with it they answer, and a page that fails says so."""
    for target in ("/", "/models/click", "/api/v1/state", "/assets/page.js", "/api/v1/openapi.json"):
        status, headers = request(served, target)
        assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="driftgauge"')
        status, headers = request(served, target, Authorization="Bearer sesame")
        assert status == 200
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert request(served, "/none", Authorization="Bearer sesame")[0] == 404
    assert request(served, "/healthz")[0] == 200


def test_a_defect_of_a_page_is_an_answer() -> None:
    """The reader is told; the server goes on."""

    def broken(_: str) -> Answer | None:
        raise ZeroDivisionError

    running = Server("127.0.0.1:0", Registry(), site=broken)
    running.start()
    assert request(running, "/")[0] == 500
    assert request(running, "/healthz")[0] == 200
    running.close()


def test_evidence_of_every_size_has_a_place() -> None:
    """The threshold is in the middle, and more evidence is further right."""
    places = [place(ratio) for ratio in (float("nan"), 0.0, 0.5, 1.0, 3.0, float("inf"))]
    assert places == sorted(places)
    assert (places[0], places[3], places[-1]) == (0.0, 0.5, 1.0)


def test_a_cell_is_as_dark_as_its_evidence() -> None:
    """Each step begins where it says, and what was not measured has no colour."""
    assert [step_of(step) for step in (0.0, *STEPS)] == list(range(len(STEPS) + 1))
    assert step_of(float("nan")) is None


def test_a_line_breaks_where_nothing_was_measured() -> None:
    """Points of every second with a minute's pause in between are two strokes; a missing value breaks a line, too."""
    times = [*range(10), *range(70, 80)]
    points = tuple(Point(at * 1e3, 1.0) for at in times)
    drawn = line_chart(LineChart("t", (Line("x", points),), 0, 80e3))
    assert drawn.count('class="line cur"') == 2
    broken = tuple(Point(at * 1e3, float("nan") if at == 5 else 1.0) for at in range(10))
    assert line_chart(LineChart("t", (Line("x", broken),), 0, 1e4)).count('class="line cur"') == 2


def test_thinning_keeps_the_peak() -> None:
    """Of ten thousand points few are drawn, and the highest is among them."""
    values = np.random.default_rng(2).random(10_000)
    kept = thinned([Point(at, float(value)) for at, value in enumerate(values)])
    assert len(kept) <= 160
    assert max(point.value for point in kept) == values.max()


def test_the_script_gets_a_fragment_and_no_second_page(site: Site) -> None:
    """Asked for just as page.js does: the parts alone, each with an id that the whole page has, too."""
    script = (Path(stream.web.__file__).parent / "assets" / "page.js").read_text()
    (asked,) = re.findall(r'join \+ "(\w+=?\w*)"', script)
    for target in targets(site):
        fragment = page(site, f"{target}{'&' if '?' in target else '?'}{asked}")
        assert "<!doctype" not in fragment
        assert set(re.findall(r'id="([^"]+)"', fragment)) < set(re.findall(r'id="([^"]+)"', page(site, target)))


def test_reasons_are_shown_without_secrets(shown: Pictured) -> None:
    """As /readyz shows them."""
    registry = Registry(1)
    registry.apply(Concern(0, "alerts", "sasl.password=hunter2 refused"))
    live = RegistryLive(registry, lambda text: text.replace("hunter2", "***"))
    site = Site(replace(shown.knowledge, live=live), lambda: 1)
    told = json.dumps(ask(site, "/state")["problems"])
    assert "sasl.password=*** refused" in told
    assert "hunter2" not in told

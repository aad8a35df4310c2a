from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from composed import RULES, Composed
from paging import DEPLOY, REQUIRED
from waiting import GUARD, INSTALL, until

from operators.alerts import links
from stream.config.load import load
from stream.metrics.catalog import METRICS
from stream.rules.options import RuleOptions, model_dashboard, monitor_dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paging import Prometheus

Json = dict[str, Any]

GRAFANA = DEPLOY / "grafana"
PAGES = {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}
TYPES = Path(__file__).with_name("grafana_types.ts")
PACKAGES = ("@grafana/schema@13.2.3", "typescript@5.9.3")
WIDTH = 24
FALLBACK = " or vector(0)"
LABELLED = 'driftgauge_performance{metric="accuracy"} and on () driftgauge_performance_baseline'
OF_TARGETS = {"scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "process_start_time_seconds"} | {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
}
"""Series of a target that Prometheus itself, or any process, gives."""
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
NAME = re.compile(r"\b(?:driftgauge[_:]|scrape_|process_)[a-z0-9_:]+")


@dataclass(frozen=True)
class Expression:
    """One PromQL expression of a dashboard, and how it is asked."""

    page: str
    place: str
    text: str
    instant: bool

    @property
    def without_fallback(self) -> Expression:
        """Without the zero that stands for no event."""
        return replace(self, text=self.text.removesuffix(FALLBACK))

    @property
    def names(self) -> set[str]:
        """The series it reads."""
        return set(NAME.findall(TEXT.sub('""', self.text)))


def _panels(page: str) -> list[Json]:
    return [panel for panel in PAGES[page]["panels"] if panel["type"] != "row"]


def _expressions(page: str) -> list[Expression]:
    found = [
        Expression(page, f"{panel['title']} {target['refId']}", target["expr"], target["instant"])
        for panel in _panels(page)
        for target in panel["targets"]
    ]
    notes = PAGES[page]["annotations"]["list"]
    return found + [Expression(page, f"annotation {note['name']}", note["expr"], instant=False) for note in notes]


EVERY = [expression for page in PAGES for expression in _expressions(page)]


def test_the_dashboards_are_what_the_generator_writes() -> None:
    """Nobody edits JSON by hand: it would be gone with the next run."""
    build = [sys.executable, str(GRAFANA / "build.py"), "--check"]
    done = subprocess.run(build, capture_output=True, text=True, timeout=GUARD, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_panels_have_a_place_of_their_own_and_say_what_they_show(page: str) -> None:
    """No two on one another, none beyond the edge; each has an id, a title, a description and a query."""
    panels = PAGES[page]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = set(product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])))
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < WIDTH, panel["title"]
        taken |= cells
    for panel in _panels(page):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("page", PAGES)
def test_variables_are_declared_and_used(page: str) -> None:
    """What an expression, a link or another variable refers to is there, and nothing is there for nothing."""
    text = json.dumps(PAGES[page])
    declared = {variable["name"] for variable in PAGES[page]["templating"]["list"]}
    builtin = {"__rate_interval", "__range", "__data", "__url_time_range", "__all"}
    used = set(re.findall(r"\$\{?([a-zA-Z_]+)", text))
    assert used - builtin == declared


def test_links_in_alerts_lead_to_a_dashboard_and_its_variables() -> None:
    """The addresses that `driftgauge rules` writes, and those of the dashboards among themselves."""
    pages = {page["uid"]: {variable["name"] for variable in page["templating"]["list"]} for page in PAGES.values()}
    inside = re.findall(r'"(/d/[^"]+)"', json.dumps(list(PAGES.values())))
    assert inside
    for url in (*inside, *_of_rules(), *_of_events()):
        _, _, rest = url.partition("/d/")
        uid, _, query = rest.partition("?")
        assert set(re.findall(r"var-(\w+)=", query)) <= pages[uid]


def _of_rules() -> Iterator[str]:
    config = load(DEPLOY / "examples" / "click.yaml", {})
    yield model_dashboard(config, RuleOptions())["dashboard_url"]
    yield monitor_dashboard(config, RuleOptions())["dashboard_url"]


def _of_events() -> Iterator[str]:
    yield links.model_dashboard("https://grafana", ("click", "7", ""), 0, None)


def test_panels_show_only_what_is_measured_and_all_that_is_measured() -> None:
    """Every series is a declared metric, a recording rule or a target's own; every declared metric is on some page."""
    metrics = {metric.full_name for metric in METRICS}
    histograms = {f"{metric.full_name}{end}" for metric in METRICS for end in ("_bucket", "_sum", "_count")}
    groups = yaml.safe_load(RULES.read_text())["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    shown = set().union(*(expression.names for expression in EVERY))
    assert shown <= metrics | histograms | recorded | OF_TARGETS
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert metrics - plain == set()


def test_provisioning_points_at_what_compose_mounts() -> None:
    """One data source, the dashboards' default, and the directory that the dashboards are mounted at."""
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"], source["url"]) == ("prometheus", True, "http://prometheus:9090")
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (job,) = [job for job in scraped if job["job_name"] == "driftgauge"]
    assert source["jsonData"]["timeInterval"] == job["scrape_interval"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/driftgauge.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"


# ---- Grafana's own types


def _missing(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def compiler() -> Path:
    """A directory with the TypeScript compiler and Grafana's types, downloaded on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgauge" / "grafana-schema-13.2.3"
    if not (cache / "node_modules" / "typescript").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").write_text('{"private": true}')
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        try:
            done = subprocess.run(npm, cwd=cache, capture_output=True, text=True, timeout=INSTALL, check=False)
        except OSError:
            _missing("no npm: Grafana's types are an npm package")
        if done.returncode != 0:
            _missing(f"npm could not install {' '.join(PACKAGES)}: {done.stderr.strip()[:200]}")
    return cache


def _compile(cache: Path, directory: Path, pages: dict[str, Json]) -> str:
    for name, page in pages.items():
        text = f"{TYPES.read_text()}const page: Page = {json.dumps(page, indent=1)};\nexport default page;\n"
        (directory / f"{name}.ts").write_text(text)
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "node_modules").symlink_to(cache / "node_modules")
    flags = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"]
    command = ["node", "node_modules/typescript/bin/tsc", *flags, *(f"{name}.ts" for name in pages)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=GUARD, check=False).stdout


def test_the_dashboards_have_the_types_of_grafanas_own_package(compiler: Path, tmp_path: Path) -> None:
    """Each field is known to Grafana and of its type: the dashboard, its variables, and the options of each panel."""
    assert _compile(compiler, tmp_path, PAGES) == ""


def test_a_dashboard_that_grafana_does_not_know_is_found(compiler: Path, tmp_path: Path) -> None:
    """The check is one: a wrong value, an unknown field and a missing one are each an error."""
    wrong = {name: json.loads(json.dumps(PAGES["monitor"])) for name in ("value", "unknown", "missing")}
    first = {name: next(p for p in page["panels"] if p["type"] == "timeseries") for name, page in wrong.items()}
    first["value"]["options"]["tooltip"]["mode"] = "everything"
    first["unknown"]["fieldConfig"]["defaults"]["custom"]["colour"] = "red"
    del first["missing"]["options"]["legend"]
    said = _compile(compiler, tmp_path, wrong)
    assert [name for name in wrong if f"{name}.ts(" in said] == list(wrong)


# ---- real data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The composed system, after an alert and a restart, with labels that have come."""
    with Composed(tmp_path_factory.mktemp("composed")) as running:
        until(lambda: running.prometheus.query(LABELLED))
        yield running


def _values(prometheus: Prometheus, query: str) -> list[str]:
    """The values that a query variable offers, as Grafana asks for them."""
    selector, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    found: list[str] = prometheus.get(f"/api/v1/label/{label}/values", **{"match[]": selector})["data"]
    return found


def _choices(prometheus: Prometheus, page: str) -> list[dict[str, str]]:
    """What a user may choose at the top of a page: All and the first value of each variable, and every window."""
    chosen: list[dict[str, str]] = [{}]
    for variable in PAGES[page]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        made = []
        for before in chosen:
            values = _values(prometheus, _filled(variable["query"]["query"], before))
            assert values, f"{page}: nothing to choose as {variable['name']}"
            kept = values if variable["name"] == "window" else values[:1]
            made += [{**before, variable["name"]: value} for value in kept]
            made += [{**before, variable["name"]: variable["allValue"]}] if "allValue" in variable else []
        chosen = made
    return chosen


def _filled(text: str, chosen: dict[str, str]) -> str:
    """The text with variables replaced as Grafana does: at a scrape a second and an hour shown."""
    for name, value in {"__rate_interval": "15s", "__range": "3600s", **chosen}.items():
        text = text.replace(f"${name}", value)
    assert "$" not in text.replace('$"', ""), text
    return text


def _answered(prometheus: Prometheus, expression: Expression, chosen: dict[str, str]) -> bool:
    """Whether there is a series with a number in it, asked as Grafana asks."""
    query = _filled(expression.text, chosen)
    if expression.instant:
        rows = prometheus.get("/api/v1/query", query=query)["data"]["result"]
        return any(math.isfinite(float(row["value"][1])) for row in rows)
    now = time.time()
    found = prometheus.get("/api/v1/query_range", query=query, start=str(now - 60), end=str(now), step="2")
    return any(math.isfinite(float(value)) for row in found["data"]["result"] for _, value in row["values"])


@pytest.mark.parametrize("page", PAGES)
def test_every_expression_of_every_panel_returns_series(site: Composed, page: str) -> None:
    """Real Prometheus, real run, for each choice of model, version, segment and window."""
    wanted = [(e, chosen) for chosen in _choices(site.prometheus, page) for e in _expressions(page)]
    left = list(wanted)

    def empty() -> bool:
        left[:] = [(e, chosen) for e, chosen in left if not _answered(site.prometheus, e, chosen)]
        return not left

    try:
        until(empty)
    except AssertionError:
        missing = [f"{e.place} {chosen}: {e.text}" for e, chosen in left]
        raise AssertionError(f"{len(missing)} expressions without data:\n" + "\n".join(missing)) from None
    zeros = [e for e, chosen in wanted if not _answered(site.prometheus, e.without_fallback, chosen)]
    sys.stderr.write(
        f"\n{page}: {len(_panels(page))} panels, {len(_expressions(page))} expressions, {len(wanted)} executions, all"
        f" with data, of which {len({e.place for e in zeros})} a zero for want of an event\n"
    )

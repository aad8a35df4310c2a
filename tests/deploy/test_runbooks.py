from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
import yaml
from paging import DEPLOY, RULES, Alertmanager, Receiver, alerting_rules, run

from operators.dead_letters import Reason
from operators.settings.policy import SEVERITY
from stream.cli.app import COMMANDS
from stream.metrics.catalog import METRICS
from stream.rules.options import WITH_RUNBOOK

if TYPE_CHECKING:
    from pathlib import Path

BOOKS = DEPLOY / "runbooks"
PAGES = sorted(page for page in BOOKS.glob("*.md") if page.stem != "README")
SECTIONS = ("What it means", "First three looks", "Likely causes", "Silence it", "When it is a false alarm")
NOT_YET: set[str] = set()


def _blocks(page: Path, language: str) -> list[str]:
    """Code blocks of a language, without their indent."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in block.splitlines()) for indent, block in found]


def _commands(page: Path) -> list[list[str]]:
    """The words of each command in its shell blocks; a pipe begins another."""
    text = "\n".join(_blocks(page, "sh")).replace("\\\n", " ")
    commands: list[list[str]] = [[]]
    for line in re.sub(r"\|\n", "| ", text).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;")
        lexer.whitespace_split = True
        for word in lexer:
            if word in {"|", ";"}:
                commands.append([])
            else:
                commands[-1].append(word)
        commands.append([])
    return [command for command in commands if command]


def test_there_is_a_page_for_each_alert_that_can_fire_and_no_other() -> None:
    """What no monitor finds yet cannot fire and links to the index, which says so."""
    assert {page.stem for page in PAGES} == WITH_RUNBOOK, f"a page of {BOOKS} is missing, or of an alert that is none"
    assert {rule["alert"] for rule in alerting_rules()} - WITH_RUNBOOK == NOT_YET == set(SEVERITY) - WITH_RUNBOOK
    index = (BOOKS / "README.md").read_text()
    assert all(index.count(f"[{page.stem}]({page.name})") == 1 for page in PAGES)
    assert all(alert in index for alert in NOT_YET)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short_and_complete(page: Path) -> None:
    """The sections in order, three looks with a command or query each, and a silence; at most 80 lines."""
    text = page.read_text()
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
    looks = text.partition("## First three looks")[2].partition("## Likely causes")[0]
    assert re.findall(r"^(\d)\. ", looks, re.MULTILINE) == ["1", "2", "3"]
    assert looks.count("```sh\n") + looks.count("```promql\n") == 3
    assert len(text.splitlines()) <= 80
    severities = {rule["labels"].get("severity") for rule in alerting_rules() if rule["alert"] == page.stem} - {None}
    assert all(severity in text for severity in severities)


def test_every_query_is_promql_over_series_that_exist(tmp_path: Path) -> None:
    """Each is parsed by promtool, and each driftgauge name is exposed or recorded."""
    queries = [query for page in PAGES for query in _blocks(page, "promql")]
    rules = [{"record": f"q{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    run("promtool", "check", "rules", file)
    names = {metric.full_name for metric in METRICS} | set(re.findall(r"record: (\S+)", RULES.read_text()))
    assert set(re.findall(r"driftgauge[_:][a-z0-9_:]+", " ".join(queries))) <= names


def test_every_silence_is_taken_and_is_for_its_alert(tmp_path: Path) -> None:
    """A real Alertmanager accepts each command; its first matcher names the page's alert."""
    with Receiver() as receiver, Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        for page in PAGES:
            ((_, *words),) = [command for command in _commands(page) if command[:3] == ["amtool", "silence", "add"]]
            run("amtool", *[word.replace("http://localhost:9093", alertmanager.url) for word in words])
        silences = alertmanager.get("/api/v2/silences")
    silenced = {matcher["value"] for one in silences for matcher in one["matchers"] if matcher["name"] == "alertname"}
    assert silenced == WITH_RUNBOOK


def test_every_command_of_driftgauge_exists() -> None:
    """Pages name no command that the release does not have."""
    used = {command[1] for page in PAGES for command in _commands(page) if command[0] == "driftgauge"}
    assert used
    assert used <= COMMANDS.keys()


def test_dead_letter_reasons_are_all_explained() -> None:
    """Each reason that a record can be refused for is among the causes."""
    text = (BOOKS / "DriftgaugeDeadLetters.md").read_text()
    assert all(f"`{reason.value}`" in text for reason in Reason)

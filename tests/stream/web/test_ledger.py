"""What is read at /api/v1/actions: the same facts as the command line's, for who may read."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from monitored import acting_site
from typer.testing import CliRunner
from waiting import GUARD

from operators.actions.event import ActionEvent, Excluded, Result, TrainingData
from stream.cli.action import app
from stream.http.access import load_access
from stream.http.server import Server
from stream.kafka.messages import encode_action
from stream.metrics.registry import Registry
from stream.web.ledger import Ledger
from stream.web.openapi import DESCRIPTION
from stream.web.site import Site as Pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers import Broker
    from monitored import Site

TOKEN = "t0ken-0f-who-reads"  # noqa: S105 - of a test
START = 1_790_000_000_000
IDS = [f"{number:08x}" * 4 for number in range(1, 7)]


def step(number: int, state: str, sequence: int = 0, **changes: Any) -> ActionEvent:
    """A step of an action; of a lower number it was requested earlier."""
    at = START + number * 60_000
    given: dict[str, Any] = {
        "id": IDS[number - 1],
        "event_id": f"{number}-{state}-{sequence}",
        "action": "retrain",
        "state": state,
        "sequence": sequence,
        "model": "click",
        "version": "7",
        "target_version": None,
        "trigger": "drift",
        "cause": "c1",
        "causes": ("c1",),
        "reason": "It drifts.",
        "block_reason": None,
        "requested_at": at,
        "complete_by": at + 3_600_000,
        "event_time": at + sequence * 1_000,
        "emitted_at": None,
        "dry_run": False,
        "data": TrainingData(START - 9, START, (Excluded(START - 5, START - 4, "DataQuality: price"),)),
    }
    return ActionEvent(**{**given, **changes})


STEPS = (
    step(2, "requested", probability=0.91, trigger="probability"),
    step(1, "awaiting_approval"),
    step(2, "running", 1),
    step(3, "requested"),
    step(3, "completed", 1, outcome=Result("8", 0.01)),
    step(4, "requested", dry_run=True),
    step(5, "requested", model="other", action="rollback", target_version="6"),
    step(6, "blocked", block_reason="cooldown"),
    step(1, "blocked", block_reason="max_open"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, embedded_broker: Broker) -> Site:
    """A site with actions in every state, in the topic as the monitor writes them."""
    site = acting_site(tmp_path_factory.mktemp("ledger"), embedded_broker, {})
    config = yaml.safe_load(site.path.read_text())
    config["http"]["auth"] = {"token": TOKEN}
    site.path.write_text(yaml.safe_dump(config))
    written = [encode_action(one, START + 99).value or b"" for one in STEPS]
    embedded_broker.produce(site.topics["actions"], [*written, b"not ours"], partition=0)
    return site


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    """The server of its pages."""
    knowledge: Any = None  # of models: actions ask nothing of it
    pages = Pages(knowledge, lambda: 1, ledger=Ledger(site.config))
    server = Server("127.0.0.1:0", Registry(), access=load_access(site.config), site=pages)
    server.start()
    yield server
    server.close()


def ask(server: Server, path: str, token: str | None = TOKEN) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    with closing(http.client.HTTPConnection(*server.address, timeout=GUARD)) as connection:
        connection.request(
            "GET", f"/api/v1/actions{path}", headers={"Authorization": f"Bearer {token}"} if token else {}
        )
        answer = connection.getresponse()
        text = answer.read()
    is_json = answer.getheader("Content-Type", "").startswith("application/json")
    return answer.status, json.loads(text) if is_json else text.decode()


def listed(site: Site, *given: str) -> list[Any]:
    """What `driftgauge action list --json` shows."""
    found = CliRunner().invoke(app, ["list", "--config", str(site.path), "--json", *given])
    assert found.exit_code == 0, found.output
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("", ()),
        ("?state=all", ("--all",)),
        ("?model=click", ("--model", "click")),
        ("?model=nobody", ("--model", "nobody")),
    ],
    ids=["open", "all", "model", "nobody"],
)
def test_the_same_facts_as_the_command_line(site: Site, server: Server, query: str, given: tuple[str, ...]) -> None:
    """Step by step, field by field, in the same order."""
    status, answer = ask(server, query)
    shown = listed(site, *given)
    assert (status, answer) == (200, {"actions": shown, "found": len(shown)})


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 5]),
        ("?state=past", [3, 4, 6]),
        ("?state=all&action=retrain", [1, 2, 3, 4, 6]),
        ("?state=completed", [3]),
        ("?state=blocked", [6]),
        ("?state=requested", [4, 5]),
        ("?action=rollback&model=other", [5]),
        ("?action=promote", []),
    ],
)
def test_what_is_chosen(server: Server, query: str, numbers: list[int]) -> None:
    """By model, kind and state; each action once, by its latest step."""
    status, answer = ask(server, query)
    assert status == 200
    assert [one["id"] for one in answer["actions"]] == [IDS[number - 1] for number in numbers]


def test_one_action_has_all_its_steps(server: Server) -> None:
    """As they are in the topic, by its first digits; every field is described."""
    status, answer = ask(server, f"/{IDS[1][:8]}")
    assert status == 200
    assert answer["action"] == answer["steps"][-1]
    assert [one["state"] for one in answer["steps"]] == ["requested", "running"]
    assert answer["action"]["data"]["command"].startswith("driftgauge export labelled --model click")
    assert answer["steps"][0]["probability"] == 0.91
    schema = DESCRIPTION["components"]["schemas"]["Action"]
    assert set(answer["action"]) == set(schema["properties"]) == set(schema["required"])
    assert set(schema["properties"]) == {one.name for one in msgspec.structs.fields(ActionEvent)}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("?state=done", 400, "state is one of open, past, all, requested"),
        ("?action=reboot", 400, "action is one of retrain"),
        ("/ffffffff", 404, "no such action"),
        ("/000", 404, "at least 4 digits"),
        (f"/{IDS[0][:7]}", 404, "begins 6 ids"),
    ],
)
def test_what_is_not_there_is_told(server: Server, path: str, status: int, said: str) -> None:
    """In words, as JSON."""
    found, answer = ask(server, path)
    assert (found, said in answer["error"]) == (status, True), answer


def test_who_may_not_read_reads_nothing(server: Server) -> None:
    """As with every other page."""
    assert ask(server, "", token=None)[0] == 401
    assert ask(server, f"/{IDS[0]}", token="another")[0] == 401  # noqa: S106 - of a test


def test_a_site_without_a_ledger_has_no_such_page(server: Server) -> None:
    """A report of a replay."""
    del server
    knowledge: Any = None
    answer = Pages(knowledge, lambda: 1)("/api/v1/actions")
    assert answer is not None
    assert answer.status == 404


def test_a_broker_that_is_away_is_told(site: Site) -> None:
    """503, not an empty list: nobody knows what is open."""
    config = site.config.model_copy(update={"kafka": site.config.kafka.model_copy(update={"brokers": "127.0.0.1:1"})})
    knowledge: Any = None
    answer = Pages(knowledge, lambda: 1, ledger=Ledger(config))("/api/v1/actions")
    assert answer is not None
    assert answer.status == 503

"""Requests in one topic, responses in another: looked at together, and a reference of the pairs is that of the rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from events import as_json, as_protobuf, binary, in_topics, v1, v2
from forms import HALVES, apart, in_requests, requests
from monitored import reference
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import load, load_reference, load_references
from stream.look.sampled import sampled
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result
    from events import Message

Row = dict[str, Any]
NOW = 1_790_000_000_000
NAMES = list(reference().features)


def _rows() -> list[Row]:
    generator = Generator(reference(), seed=7, error_rate=0.01)
    found = [json.loads(line) for line in generator.encode(generator.batch(1_200, NOW, NOW + 3_600_000))]
    return [{**row, "model": "fraud"} for row in in_requests(found)]


ROWS = _rows()


def run(*arguments: object) -> Result:
    """A command."""
    return CliRunner().invoke(app, list(map(str, arguments)))


def init(where: Broker, topic: str, directory: Path, *options: object) -> Result:
    """`init --from-topic`."""
    edges = ("--bootstrap", where.bootstrap, "-o", directory, "--last", "all")
    return run("init", "--from-topic", topic, "--model", "fraud", *edges, *options)


def native(directory: Path) -> str:
    """Id of the reference of the rows as they are."""
    (directory / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    found = run("init", "--from", directory / "rows.jsonl", "--model", "fraud", "-o", directory / "file")
    assert found.exit_code == 0, found.output
    return load_reference(directory / "file" / "fraud.reference.json").id


def written(where: Broker, write: Callable[[Any], list[Message]], names: tuple[str, str], most: int = 3) -> None:
    """The rows as requests in one topic and responses in another, each in the partition of its request."""
    halves = [message for some in requests(ROWS, most) for message in write(some)]
    for topic, mine in zip(names, (halves[::2], halves[1::2]), strict=True):
        where.topic(name=topic)
        where.send(topic, [(one.value, one.key, one.headers, one.written) for one in mine], 0)


def checked(directory: Path, names: tuple[str, str]) -> None:
    """`check --connect` reads the requests with their responses."""
    config = load(directory / "driftgauge.yaml", {})
    found = sampled(config, load_references(config), names)
    assert found.findings == []
    assert f"topic {names[0]}: 100 of its latest 100 messages are read" in found.lines
    assert f"topic {names[1]}: its responses are looked at with the requests of {names[0]}" in found.lines
    assert not [note for note in found.notes if "in none of" in note]


def rebuilt(directory: Path, place: str) -> str:
    """Id of the reference that `reference build` makes by the config that init wrote."""
    build = ("reference", "build", "-c", directory / "driftgauge.yaml", "-m", "fraud", "--from", place)
    found = run(*build, "-o", directory / "again.json")
    assert found.exit_code == 0, found.output
    return load_reference(directory / "again.json").id


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_seldon_s_topics_are_found_by_their_names(tmp_path: Path, embedded_broker: Broker, side: str) -> None:
    """Whichever is named: both are in the config, and the reference has features and predictions of the rows."""
    stem = f"s{side}.{tmp_path.name}.model.fraud"
    encode = as_json if side == "inputs" else as_protobuf
    most = 3 if side == "inputs" else 1
    names = (f"{stem}.inputs", f"{stem}.outputs")
    written(embedded_broker, lambda rows: in_topics(rows, encode(v2(rows, NAMES))), names, most)
    given = {"preset": "seldon", "map": {"version": {"header": "x-version"}}}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(given))
    found = init(embedded_broker, f"{stem}.{side}", tmp_path / "live", "--map", tmp_path / "map.yaml")
    assert found.exit_code == 0, found.output
    assert load_reference(tmp_path / "live" / "fraud.reference.json").id == native(tmp_path)
    (source,) = load(tmp_path / "live" / "driftgauge.yaml", {}).sources
    assert (source.topics, source.preset) == (names, "seldon")
    again = rebuilt(tmp_path / "live", str(tmp_path / "rows.jsonl"))
    assert {rebuilt(tmp_path / "live", f"kafka:{name}") for name in names} == {again}
    checked(tmp_path / "live", names)
    looked = run("peek", f"{stem}.{side}", "--bootstrap", embedded_broker.bootstrap)
    (proposal,) = yaml.safe_load(looked.output[looked.output.index("sources:\n") :])["sources"]
    assert (tuple(proposal["topics"]), proposal["preset"]) == (names, "seldon")
    assert "models: fraud" in looked.output


def test_topics_of_other_names_are_said(tmp_path: Path, embedded_broker: Broker) -> None:
    """KServe's events, requests in one topic and responses in another: two sources, which the same map file says."""
    names = (embedded_broker.topic("asked"), embedded_broker.topic("answered"))
    written(embedded_broker, lambda rows: binary(rows, v1(rows, NAMES)), names)
    looked = run("peek", names[0], "--responses", names[1], "--bootstrap", embedded_broker.bootstrap)
    assert looked.exit_code == 0, looked.output
    _, _, proposal = looked.output.partition("proposed, for it reads 40 of 40")
    (tmp_path / "map.yaml").write_text(
        proposal.partition("\n")[2].replace("holds: requests", "holds: requests, map: {version: endpoint}")
    )
    sources = yaml.safe_load((tmp_path / "map.yaml").read_text())["sources"]
    assert [(one["topic"], one["holds"]) for one in sources] == [(names[0], "requests"), (names[1], "responses")]
    found = init(embedded_broker, names[0], tmp_path / "live", "--map", tmp_path / "map.yaml")
    assert found.exit_code == 0, found.output
    assert load_reference(tmp_path / "live" / "fraud.reference.json").id == native(tmp_path)
    assert [one.holds for one in load(tmp_path / "live" / "driftgauge.yaml", {}).sources] == ["requests", "responses"]
    again = rebuilt(tmp_path / "live", str(tmp_path / "rows.jsonl"))
    assert rebuilt(tmp_path / "live", f"kafka:{names[0]}") == again
    checked(tmp_path / "live", names)


@pytest.mark.parametrize(("header", "where"), [("", "the body's id"), ("x-asked", "header: x-asked")])
def test_bodies_alone_are_recognised_in_two_topics(
    tmp_path: Path, embedded_broker: Broker, header: str, where: str
) -> None:
    """V1 requests and responses, whose id is in the bodies, or in a header that both have."""
    stem = f"bare{header}.{tmp_path.name}"
    names = (f"{stem}{HALVES[0]}", f"{stem}{HALVES[1]}")
    written(embedded_broker, lambda rows: apart(rows, v1(rows, NAMES), header), names)
    found = init(embedded_broker, names[0], tmp_path / "live", "--responses", names[1])
    assert found.exit_code == 0, found.output
    assert load_reference(tmp_path / "live" / "fraud.reference.json").id == native(tmp_path), where
    sources = load(tmp_path / "live" / "driftgauge.yaml", {}).sources
    assert [(one.topic, one.holds) for one in sources] == [(names[0], "requests"), (names[1], "responses")]
    places = {one.map.prediction_id.header if one.map.prediction_id is not None else None for one in sources}
    assert places == {header or None}


def test_requests_alone_are_refused_with_what_to_do(tmp_path: Path, embedded_broker: Broker) -> None:
    """A config that waits for responses which never come is not written."""
    topic = embedded_broker.topic("asked")
    asked = [binary(rows, v1(rows, NAMES))[0] for rows in requests(ROWS[:300])]
    embedded_broker.send(topic, [(one.value, one.key, one.headers, one.written) for one in asked])
    found = init(embedded_broker, topic, tmp_path / "live")
    assert "requests without their responses" in str(found.exception)
    assert "--responses TOPIC names it" in str(found.exception)
    assert not list((tmp_path / "live").glob("*.yaml"))
    looked = run("peek", topic, "--bootstrap", embedded_broker.bootstrap)
    assert "requests without their responses" in looked.output
    given = {"preset": "kserve", "pair": False, "map": {"version": "endpoint"}}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(given))
    alone = init(embedded_broker, topic, tmp_path / "live", "--map", tmp_path / "map.yaml", "--task", "binary")
    assert alone.exit_code == 0, alone.output
    assert "of the rows are requests without their responses: they have no prediction" in alone.output


def test_a_file_has_no_other_topic(tmp_path: Path) -> None:
    """`peek FILE --responses TOPIC` is a mistake."""
    (tmp_path / "m.json").write_text("{}")
    found = run("peek", tmp_path / "m.json", "--responses", "answered")
    assert "--responses answered: needs a topic in place of the file" in str(found.exception)

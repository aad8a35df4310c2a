"""`driftgauge peek`: what is in a topic, and what would be understood of it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from operators.records import NoEnvelopes, Origin, RawBatch
from stream.cli import columns, connecting
from stream.errors import UsageError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from stream.look.tables import Table

MOST = 1_000


def peek(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic, or a file with messages or rows.")],
    preset: connecting.Preset = None,
    map_file: connecting.MapFile = None,
    count: Annotated[int, typer.Option("-n", min=1, max=MOST, help="How many of the latest messages.")] = 20,
    bootstrap: connecting.Bootstrap = None,
    properties: connecting.Properties = None,
    registry: connecting.RegistryUrl = None,
    config: connecting.ConfigFile = None,
    responses: connecting.Responses = None,
    local_times: columns.LocalTimes = None,
) -> None:
    """Show the latest messages of a topic, what is understood of each, and a source that reads them.

    Nothing is written, no offset is committed, and no consumer group is joined. Of a file of messages, or of rows
    (.parquet, .csv), the first are shown.
    """
    from stream.kafka.registry import registry_of  # noqa: PLC0415 - no Kafka client for a mistake in the options
    from stream.look.peek import peeked  # noqa: PLC0415 - the same
    from stream.look.source_file import said_source  # noqa: PLC0415 - the same

    timezone = columns.checked_zone(local_times)
    path = Path(topic)
    file = path.is_file()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem) or "messages" if file else topic
    connected = connecting.connected(config, bootstrap, properties, registry)
    if file and responses is not None:
        raise UsageError(f"--responses {responses}: needs a topic in place of the file {topic}")
    if not file:
        topic, responses = connecting.halves_of(connected, topic, responses, map_file)
        name = topic
    said = said_source(name, preset, map_file)
    if said is None and config is not None:
        said = connecting.source_in(connected, topic)
    table = _table(path) if file else None
    if table is not None:
        batch, names = _of_values(table.messages(count), name, "row")
    else:
        batch, names = _of_file(path, name, count) if file else _of_topic(connected, topic, count)
    if not names:
        raise UsageError(f"{topic}: holds no {'message' if table is None else 'row'}")
    theirs, more = (None, []) if responses is None else _of_topic(connected, responses, count)
    called = [f"response at {one}" for one in more]
    for line in peeked(batch, [*names, *called], said, registry_of(connected), theirs, timezone):
        typer.echo(line)
    for line in () if table is None else table.advice():
        typer.echo(line)


def _table(path: Path) -> Table | None:
    """The rows of a file that is a table by its name."""
    from stream.look.tables import Table, is_table  # noqa: PLC0415 - as above

    return Table(path) if is_table(path) else None


def _of_topic(connected: Any, topic: str, count: int) -> tuple[RawBatch, list[str]]:
    from stream.kafka.envelopes import MessageEnvelopes  # noqa: PLC0415 - as above
    from stream.kafka.latest import latest  # noqa: PLC0415 - as above
    from stream.kafka.messages import rfc3339  # noqa: PLC0415 - as above

    found = latest(connected, topic, count)
    plural = "" if found.partitions == 1 else "s"
    typer.echo(f"{topic}: {found.partitions} partition{plural}, {found.kept:,} offsets kept")
    written = [message.timestamp()[1] for message in found.messages]

    def name(message: Message, at: int) -> str:
        when = f", written {rfc3339(at)}" if at > 0 else ""
        return f"partition {message.partition()}, offset {message.offset()}{when}"

    values: list[Any] = [message.value() for message in found.messages]
    batch = RawBatch(Origin(topic), values, written, MessageEnvelopes(found.messages), 0)
    return batch, list(map(name, found.messages, written))


def _of_file(path: Path, name: str, count: int) -> tuple[RawBatch, list[str]]:
    from operators.formats.json_lines import lines_of  # noqa: PLC0415 - as above

    try:
        value = path.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    lines = lines_of(value) if value[:1] in {b"{", b"["} else [value] if value else []
    return _of_values(lines[:count], name, "message")


def _of_values(values: list[bytes], name: str, what: str) -> tuple[RawBatch, list[str]]:
    """Messages that no topic holds, and what each is called."""
    return RawBatch(Origin(name), values, None, NoEnvelopes(), 0), [f"{what} {at}" for at in range(1, len(values) + 1)]

"""A config and a reference from a file of messages: JSON lines that are nested, read as a topic of such messages is."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from operators.formats.literals import parsed
from operators.formats.packed import ERRORS
from operators.formats.proposals import proposed
from operators.records import NoEnvelopes, Origin, RawBatch, Topic
from stream.config.live_template import LiveTraffic
from stream.errors import UsageError
from stream.look.rows import Taken, Writer, nothing
from stream.look.source_file import checked, said_source
from stream.look.start import SAMPLE, chosen, named, written
from stream.references.init import InitOptions, Started, check_free, initialise
from stream.replay.lanes import Block
from stream.rows.columns import SPECIAL
from stream.rows.parts import Part, blocks, last_line, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from operators.formats.proposals import Tried
    from stream.references.build import Progress

TOPIC = Topic.PREDICTIONS.value
"""Where such messages are expected, until the config says otherwise."""

AT_ONCE = 5_000
OF_OURS = frozenset({"features", "context"})


def is_nested(path: Path) -> bool:
    """Whether a file of JSON lines has its features in objects of which the rows of a table know nothing."""
    try:
        lines = list(islice(_lines(path), SAMPLE))
    except UsageError:
        return False  # whatever is wrong is said by who reads the rows
    roots = list(_objects(lines))
    if not roots or any(root.keys() & OF_OURS for root in roots):
        return False
    if not any(isinstance(value, dict) for root in roots for value in root.values()):
        return False
    best = proposed(_batch(lines))
    if best is None or best.source.holds != TOPIC:
        return False
    taken = {str(place.path[0]) for name in SPECIAL if (place := best.source.map.place(name)) and place.path}
    plain = {name for root in roots for name, value in root.items() if not isinstance(value, dict)}
    return not plain - taken - {*SPECIAL}


def started_from_file(
    options: InitOptions,
    preset: str | None,
    map_file: Path | None,
    tell: Callable[[str], None],
    building: Callable[[], AbstractContextManager[Progress]],
) -> Started:
    """Write a config and a reference from such a file, with the map that reads its messages.

    Raises:
        UsageError: they cannot be read, or are not of this model; or as `initialise` raises.
    """
    check_free(options)
    path, roles = options.source, options.said.roles
    lines = _lines(path)
    first = list(islice(lines, SAMPLE))
    if not first:
        raise UsageError(f"{path}: holds no message")
    best = chosen(TOPIC, str(path), _batch(first), said_source(TOPIC, preset, map_file), None, tell)
    reading = _with_roles(best, roles, str(path))
    with TemporaryDirectory(dir=_made(options.output), prefix=".driftgauge-") as directory:
        taken = Taken(Path(directory) / f"{TOPIC}.jsonl.gz")
        writer = Writer(
            named(reading, options.model, options.local_times).source, {}, options.model, taken, timeless=True
        )
        with gzip.open(taken.file, "wb", compresslevel=1) as file:
            for some in _batched(chain(first, lines)):
                file.write(b"".join(writer.lines(TOPIC, Block(some, None, NoEnvelopes(), ended=False))))
            file.write(b"".join(writer.lines(TOPIC, Block((), None, NoEnvelopes(), ended=True), last=True)))
        if not taken.rows:
            raise UsageError(nothing(taken, str(path), options.model))
        for line in taken.lines():
            tell(f"  {line}")
        source = written(_without_label(best, roles, str(path)))
        period = taken.period if math.isfinite(taken.first) else "without times"
        live = LiveTraffic(TOPIC, period, taken.rows, source, file=path.name)
        said = replace(options.said, roles={})
        with building() as progress:
            try:
                return initialise(replace(options, source=taken.file, live=live, said=said), progress)
            except UsageError as error:
                raise UsageError(str(error).replace(str(taken.file), str(path))) from None


def _with_roles(best: Tried, roles: dict[str, str], where: str) -> Tried:
    """The source with what a user says of special columns in place of what was recognised."""
    if not roles:
        return best
    settings = {**best.settings, "map": {**(best.settings.get("map") or {}), **roles}}
    return replace(best, settings=settings, source=checked(TOPIC, settings, where))


def _without_label(best: Tried, roles: dict[str, str], where: str) -> dict[str, Any]:
    """What the config says: labels come as feedback there."""
    return _with_roles(best, {role: path for role, path in roles.items() if role != "label"}, where).settings


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _lines(path: Path) -> Iterator[bytes]:
    """The messages of the files that a path stands for.

    Raises:
        UsageError: they cannot be read, or are no JSON lines.
    """
    for part in parts_of(path):
        yield from _of_part(part)


def _of_part(part: Part) -> Iterator[bytes]:
    if part.format != "jsonl":
        raise UsageError(f"{part.path}: messages are read from JSON lines; --map and --preset are of no use for others")
    for data, _ in blocks(part, last_line, lambda source: source):
        yield from (line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip())


def _batched(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while some := list(islice(lines, AT_ONCE)):
        yield some


def _batch(lines: list[bytes]) -> RawBatch:
    return RawBatch(Origin(TOPIC), lines, None, NoEnvelopes(), 0)


def _objects(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = parsed(line)
        except ERRORS:
            continue
        if isinstance(found, dict):
            yield found

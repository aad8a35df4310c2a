# ruff: noqa: INP001 - a script that a container runs, no package
"""Before all else: the reference of the synthetic click model, and the topics. A second run changes nothing.

Takes the config as its argument. Your own model needs none of this: `driftgauge init` and `driftgauge topics create`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from stream.config.load import Config, load, load_references, model_named
from stream.demo.click_model import MODEL, click_rows
from stream.demo.reference import ROWS, ClickRows
from stream.errors import UsageError
from stream.files import write_atomically
from stream.kafka import topics
from stream.references.build import BuildOptions, build
from windows.references.reference import to_json

PARTITIONS = 2
RETENTION = 3_600_000
"""ms, of every topic: an hour is enough to look at, and little on a disk."""
PATIENCE = 60.0
"""Seconds the broker may take to answer."""


def main() -> int:
    """Prepare; the exit code."""
    try:
        config = load(Path(sys.argv[1]))
        _reference(config)
        return _topics(config)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _reference(config: Config) -> None:
    model = model_named(config, MODEL)
    path = model.reference
    if path is None:
        raise UsageError(f"{config.source}: model {MODEL} names no reference file")
    if path.exists():  # the state belongs to it
        _see_that_it_is_read(config)
        sys.stdout.write(f"{path}: is there\n")
        return
    options = BuildOptions(MODEL, segments=model.segments, task=model.task, pane=config.time.pane)
    built = build(ClickRows(click_rows(ROWS)), options).reference
    write_atomically(path, to_json(built))
    sys.stdout.write(f"{path}: {built.rows:,} rows, {len(built.features)} features\n")


def _see_that_it_is_read(config: Config) -> None:
    """One of another version would have driftgauge and the simulator start again and again, each for itself."""
    try:
        load_references(config)
    except UsageError as error:
        raise UsageError(f"{error}\n`docker compose down -v` removes it, with the state that belongs to it") from None


def _topics(config: Config) -> int:
    planned = topics.plan(config.topics, partitions=PARTITIONS, replication=1)
    wanted = [replace(topic, settings={**topic.settings, "retention.ms": str(RETENTION)}) for topic in planned]
    results = topics.create({**config.kafka.properties, "bootstrap.servers": config.kafka.brokers}, wanted, PATIENCE)
    for result in results:
        sys.stdout.write(f"{result.name}: {' '.join((result.outcome, *result.differences))}\n")
    return int(any(result.outcome == "failed" for result in results))


if __name__ == "__main__":
    sys.exit(main())

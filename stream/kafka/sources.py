"""The sources: all partitions of a topic, or of several that hold the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bytewax.inputs import FixedPartitionedSource

from operators.records import RawBatch
from stream.kafka.source import PartitionReader, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.kafka.alignment import Alignment
    from stream.kafka.watcher import Watcher
    from stream.metrics.reports import Reporter


class KafkaSource(FixedPartitionedSource[RawBatch, bytes]):
    """All partitions of a topic."""

    def __init__(self, reading: Reading, watcher: Watcher, alignment: Alignment, reporter: Reporter) -> None:
        """Read as `reading` says."""
        self._reading = reading
        self._watcher = watcher
        self._alignment = alignment
        self._reporter = reporter

    def list_parts(self) -> list[str]:
        """Partition numbers as text, all of them, on every process."""
        return list(map(str, range(self._reading.partitions)))

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> PartitionReader:
        """A reader that continues at the snapshot."""
        return PartitionReader(
            self._reading,
            int(for_part),
            step_id.rpartition(".")[2],
            resume_state,
            self._watcher,
            self._alignment,
            self._reporter,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One topic of several, and what watches it."""

    reading: Reading
    watcher: Watcher


class TopicsSource(FixedPartitionedSource[RawBatch, bytes]):
    """All partitions of several topics that hold the same, each named by what its reading says."""

    def __init__(self, parts: Sequence[Part], alignment: Alignment, reporter: Reporter) -> None:
        """Read as each part says."""
        self._names = [part.reading.prefix for part in parts]
        self._sources = [KafkaSource(part.reading, part.watcher, alignment, reporter) for part in parts]

    def list_parts(self) -> list[str]:
        """Each topic's partitions."""
        return [
            f"{name}{part}"
            for name, source in zip(self._names, self._sources, strict=True)
            for part in source.list_parts()
        ]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> PartitionReader:
        """A reader that continues at the snapshot."""
        name, number = for_part[: for_part.rfind("/") + 1], for_part.rpartition("/")[2]
        return self._sources[self._names.index(name)].build_part(step_id, number, resume_state)

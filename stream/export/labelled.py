"""Labelled: predictions of a period with their features and the latest that is known of each, a row a prediction.

Predictions and feedback are read once each and put aside on disk in buckets by the prediction's id; then a bucket after
the other is joined and written. So memory does not grow with the period.
"""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from operators.intake.label_codes import INVALID
from operators.plans.classes import label_codes
from operators.records import Topic
from stream.errors import UsageError
from stream.export.columns import Column, arrays_of
from stream.export.incidents import joined
from stream.export.reading import Faults, parts_of, records
from stream.export.spill import Spill, buckets_for
from stream.kafka.messages import rfc3339
from windows.values import id_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from operators.settings.model import ModelSettings
    from stream.config.load import Config
    from stream.export.incidents import Period
    from stream.export.reading import Found
    from windows.references.reference import Reference

    Passes = Callable[[str], AbstractContextManager[Callable[[float, int], None]]]

OWN = ("prediction_id", "timestamp", "version", "prediction", "latency_ms", "label", "value", "label_timestamp",
       "label_kind", "weight")  # fmt: skip
"""Columns beside the features and the segments."""

DEFAULT_VERSION = "0"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be exported.

    Attributes:
        model: its settings.
        reference: of it.
        since: event time of the first prediction, ms.
        until: of the first that is not wanted, ms.
        late: how long (ms) after `until` predictions may have been written.
        exclude: periods that are left out.
        version: only of this; None for all.
        sample: share of the predictions, by hash of the id.
        unlabelled: whether predictions without a label are wanted, too.
    """

    model: ModelSettings
    reference: Reference
    since: int
    until: int
    late: int
    exclude: tuple[Period, ...] = ()
    version: str | None = None
    sample: float = 1.0
    unlabelled: bool = False


@dataclass(slots=True)
class Exported:
    """What became of the predictions of the period: `seen` is `rows` and all of `left_out`.

    Attributes:
        seen: predictions of the model in the period.
        rows: that were written.
        left_out: why -> how many predictions.
        labels: pieces of feedback that were read.
        odd_labels: of them, those that are no label of the model.
        refused: records that cannot be read, by reason.
    """

    seen: int = 0
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    odd_labels: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """What a person should know."""
        yield f"{self.seen:,} predictions of the period, {self.labels:,} pieces of feedback; {self.rows:,} rows written"
        for why, count in self.left_out.most_common():
            yield f"left out, {why}: {count:,}"
        if self.odd_labels:
            yield f"{self.odd_labels:,} labels are none of the model's and are not used"
        for reason, count in self.refused.most_common():
            yield f"records that cannot be read, {reason}: {count:,}"


class Labelled:
    """An export.

    Args:
        config: topics, broker, sources.
        asked: what of them.
        progress: makes, for the name of a pass, a block that is told the share done and the records read.
    """

    def __init__(self, config: Config, asked: Asked, progress: Passes) -> None:
        self._config = config
        self._asked = asked
        self._progress = progress
        self._periods = joined(asked.exclude)
        self._starts = [one.since for one in self._periods]
        self._columns: dict[str, Column] = {}
        self._contexts: dict[str, Column] = {name: Column("categorical") for name in asked.model.segments}
        self._own = {name: Column() for name in ("prediction", "label")}
        self._seed = xxhash.xxh32_intdigest(asked.model.name.encode())
        self._threshold = min(round(asked.sample * (1 << 64)), (1 << 64) - 1)
        for name, profile in asked.reference.features.items():
            missing = asked.reference.readings[name].missing if name in asked.reference.readings else ()
            kind: Any = "categorical" if hasattr(profile, "categories") else "numeric"
            self._columns[name] = Column(kind, frozenset(missing))
        self._code = label_codes(asked.model, asked.reference).reader()
        self.found = Exported()

    def write(self, output: Path) -> Exported:
        """Write the file; the counts.

        Raises:
            Unreachable: the broker does not answer.
            UsageError: a topic is not there, or there is nothing to write.
        """
        asked = self._asked
        ahead = self._config.time.max_ahead
        try:
            predictions = parts_of(self._config, Topic.PREDICTIONS, asked.since - ahead, asked.until + asked.late)
        except UsageError as error:
            written = rfc3339(asked.until + asked.late)
            why = f"{error} that was written until {written}; --late takes what was written later"
            raise UsageError(why) from None
        feedback = parts_of(self._config, Topic.FEEDBACK, asked.since - ahead, None)
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=output.resolve().parent, prefix=".driftgauge-") as directory:
            buckets = buckets_for(sum(part.count for part in predictions))
            made, said = (Spill(Path(directory), name, buckets) for name in ("predictions", "feedback"))
            faults = Faults()
            with self._progress("predictions") as told:
                for one in records(self._config, predictions, asked.model.name, faults, told):
                    self._take(one, made)
            with self._progress("feedback") as told:
                for one in records(self._config, feedback, asked.model.name, faults, told):
                    self._hear(one, said)
            self.found.refused = faults.refused
            file = Path(directory) / "set.parquet"
            with self._progress("joining") as told:
                self._join(made, said, buckets, file, told)
            if not self.found.rows:
                raise UsageError(f"nothing to write: {'; '.join(self.found.lines())}")
            file.replace(output)
        return self.found

    def _take(self, one: Found, spill: Spill) -> None:
        """Put a prediction aside, if it is wanted."""
        asked, record = self._asked, one.record
        if not record.predicts or not asked.since <= one.time < asked.until:
            return
        version = DEFAULT_VERSION if record.value("version") is None else version_of(record.value("version"))
        if asked.version is not None and version != asked.version:
            return
        self.found.seen += 1
        number = record.value("prediction_id")
        key = "" if number is None else id_of(number)
        why = self._unwanted(one, key)
        if why:
            self.found.left_out[why] += 1
            return
        features = {name: self._read(name, cell.value) for name, cell in record.features.items()}
        context = {name: cell.value for name, cell in record.context.items() if name not in features}
        for name, value in context.items():
            self._contexts.setdefault(name, Column("categorical")).see(value)
        self._own["prediction"].see(record.value("prediction"))
        row = {"i": key, "t": one.time, "v": version, "p": record.value("prediction"), "f": features, "c": context}
        spill.add(key, row | {"l": record.value("latency_ms")})

    def _unwanted(self, one: Found, key: str) -> str:
        """Why a prediction is left out; empty where it is wanted."""
        if one.record.value("error"):
            return "they failed"
        if not key:
            return "they have no prediction_id"
        at = bisect.bisect_right(self._starts, one.time) - 1
        if at >= 0 and one.time < self._periods[at].until:
            return f"within {self._periods[at].why}"
        if self._asked.sample < 1 and xxhash.xxh3_64_intdigest(key.encode(), self._seed) >= self._threshold:
            return "not in the sample"
        return ""

    def _read(self, name: str, value: Any) -> Any:
        column = self._columns.setdefault(name, Column())
        value = None if isinstance(value, str) and value in column.missing else value
        column.see(value)
        return value

    def _hear(self, one: Found, spill: Spill) -> None:
        """Put a piece of feedback aside."""
        record = one.record
        if record.predicts and not record.labels:
            return
        label, value, number = record.value("label"), record.value("value"), record.value("prediction_id")
        key = "" if number is None else id_of(number)
        if (label is None and value is None) or not key:
            return
        self.found.labels += 1
        if label is not None and self._code(label) == INVALID:
            self.found.odd_labels += 1
            label = None
        if label is not None:
            self._own["label"].see(label)
        if label is not None or value is not None:
            row = {"i": key, "t": one.time, "y": label, "u": value, "k": record.value("kind") or "explicit"}
            spill.add(key, row)

    def _join(self, made: Spill, said: Spill, buckets: int, file: Path, told: Callable[[float, int], None]) -> None:
        """Join bucket after bucket, and write each."""
        types = self._types()
        schema = pa.schema([(name, kind) for name, (kind, _) in types.items()])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for number in range(buckets):
                rows = self._rows(made.rows(number), self._words(said.rows(number)))
                rows.sort(key=lambda row: (row["timestamp"], row["prediction_id"]))
                if rows:
                    writer.write_table(pa.Table.from_arrays(arrays_of(rows, types), schema=schema))
                self.found.rows += len(rows)
                told((number + 1) / buckets, self.found.rows)

    def _words(self, feedback: Iterator[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """By id the latest label and the latest value, each by its own time; of equal times any fixed order will do."""
        found: dict[str, dict[str, Any]] = {}
        for word in feedback:
            known = found.setdefault(word["i"], {})
            rank = word["t"], repr((word["y"], word["u"], word["k"]))
            for name in ("y", "u"):
                if word[name] is not None and rank > known.get(f"{name}_rank", (-1, "")):
                    known[name], known[f"{name}_rank"] = word, rank
        return found

    def _rows(self, predictions: Iterator[dict[str, Any]], words: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """A row for each prediction that is wanted; of several with one id, the first that was made."""
        first: dict[str, dict[str, Any]] = {}
        for row in predictions:
            known = first.get(row["i"])
            if known is not None:
                self.found.left_out["they came again"] += 1
            if known is None or (row["t"], repr(row)) < (known["t"], repr(known)):
                first[row["i"]] = row
        found = [self._row(row, words.get(number, {})) for number, row in first.items()]
        kept = [row for row in found if self._asked.unlabelled or row["label"] is not None or row["value"] is not None]
        if len(kept) < len(found):
            self.found.left_out["nothing is known of them"] += len(found) - len(kept)
        return kept

    def _row(self, made: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        performance = self._asked.model.performance
        label, value = known.get("y"), known.get("u")
        row = {
            "prediction_id": made["i"],
            "timestamp": made["t"],
            "version": made["v"],
            "prediction": made["p"],
            "latency_ms": made["l"],
            "label": None if label is None else label["y"],
            "value": None if value is None else value["u"],
            "label_timestamp": None if label is None else label["t"],
            "label_kind": None if label is None else label["k"],
            "weight": 1.0 / self._asked.sample,
        }
        after = None if performance is None else performance.negative_after
        if label is None and after is not None:
            row |= {"label": 0, "label_timestamp": made["t"] + after, "label_kind": "assumed"}
        named = {_named(name): value for name, value in made["c"].items()}
        return named | {_named(name): value for name, value in made["f"].items()} | row

    def _types(self) -> dict[str, Any]:
        """The columns and their types: ids and features first, then what is known."""
        performance = self._asked.model.performance
        if performance is not None and performance.negative_after is not None:
            self._own["label"].see(0)
        stamp = pa.timestamp("ms", "UTC"), int
        given = {**self._contexts, **self._columns}
        found = {_named(name): column.typed() for name, column in given.items()}
        return {
            "prediction_id": (pa.string(), str),
            "timestamp": stamp,
            "version": (pa.string(), str),
            **found,
            "prediction": self._own["prediction"].typed(),
            "latency_ms": (pa.float64(), float),
            "label": self._own["label"].typed(),
            "value": (pa.float64(), float),
            "label_timestamp": stamp,
            "label_kind": (pa.string(), str),
            "weight": (pa.float64(), float),
        }


def _named(name: str) -> str:
    """A feature's column: one that is called like a column of ours says that it is a feature."""
    return f"features.{name}" if name in OWN else name

"""What the registry remembers: gauges by owner, counters that never fall, histograms.

None of these locks; the registry does.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from stream.metrics import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.metrics.reports import GaugeBlock, Increments, Labels, Observation, Totals

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class UnknownReportError(ValueError):
    """A report names a metric that is not declared, or one of another kind, or gives it the wrong number of labels."""


def declared(name: str, kind: catalog.Kind) -> catalog.Metric:
    """The metric of this short name.

    Raises:
        UnknownReportError: there is none, or it is of another kind.
    """
    metric = catalog.BY_NAME.get(name)
    if metric is None:
        raise UnknownReportError(f"metric {name!r} is not declared in stream/metrics/catalog.py")
    if metric.kind != kind:
        raise UnknownReportError(f"metric {name!r} is a {metric.kind}, reported as a {kind}")
    return metric


def checked(metric: catalog.Metric, row: Labels) -> Labels:
    """The row with every value encodable: one lone surrogate would break the whole scrape.

    Raises:
        UnknownReportError: the number of values is not that of the metric's labels.
    """
    if len(row) != len(metric.labels):
        raise UnknownReportError(f"metric {metric.name!r} has labels {metric.labels}, reported with {row}")
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return tuple(value.encode(errors="replace").decode() for value in row)
    return row


class Block(NamedTuple):
    """A gauge block with the text of each row up to its value, made once and kept while the rows stay the same."""

    given: tuple[Labels, ...]
    rows: tuple[Labels, ...]
    heads: tuple[str, ...]
    values: tuple[float, ...]
    beside: tuple[tuple[str, str], ...] = ()


def _head(metric: catalog.Metric, row: Labels, beside: tuple[tuple[str, str], ...]) -> str:
    if not row:
        return metric.full_name + " "
    named = (*zip(metric.labels, row, strict=True), *beside)
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in named)
    return f"{metric.full_name}{{{pairs}}} "


def _number(value: float) -> str:
    if value - value == 0:  # neither infinite nor NaN
        return repr(value)
    if value > 0:
        return "+Inf"
    return "-Inf" if value < 0 else "NaN"


class GaugeStore:
    """Blocks by metric and owner."""

    def __init__(self) -> None:
        self._blocks: dict[str, dict[str, Block]] = {}

    def replace(self, report: GaugeBlock) -> None:
        """Put the block in the place of the owner's former one; without rows, only take that away."""
        metric = declared(report.metric, "gauge")
        owners = self._blocks.setdefault(metric.name, {})
        if not report.rows:
            owners.pop(report.owner, None)
            return
        if len(report.rows) != len(report.values):
            raise UnknownReportError(f"{metric.name!r}: {len(report.rows)} rows with {len(report.values)} values")
        former = owners.get(report.owner)
        if former is not None and former.given == report.rows and former.beside == report.beside:
            rows, heads = former.rows, former.heads
        else:
            rows = tuple(checked(metric, row) for row in report.rows)
            heads = tuple(_head(metric, row, report.beside) for row in rows)
        owners[report.owner] = Block(report.rows, rows, heads, tuple(map(float, report.values)), report.beside)

    def forget(self, owner: str) -> None:
        """Drop every block of the owner."""
        for owners in self._blocks.values():
            owners.pop(owner, None)

    def forget_below(self, owner: str) -> None:
        """Drop every block of the owner and of those whose name begins with it and a slash."""
        for owners in self._blocks.values():
            for name in [name for name in owners if name == owner or name.startswith(f"{owner}/")]:
                del owners[name]

    def snapshot(self) -> dict[str, list[Block]]:
        """The blocks of each metric that has some; blocks never change, so they may be read without the lock."""
        return {name: list(owners.values()) for name, owners in self._blocks.items() if owners}


def gauge_values(blocks: Iterable[Block]) -> dict[Labels, float]:
    """Value of each row; where two owners give the same row, the later owner's."""
    merged: dict[Labels, float] = {}
    for block in blocks:
        merged.update(zip(block.rows, block.values, strict=True))
    return merged


def gauge_text(name: str, blocks: Iterable[Block]) -> str:
    """The gauge in Prometheus' text format 0.0.4: what prometheus_client would print, some fifteen times as fast."""
    metric = catalog.BY_NAME[name]
    merged: dict[str, float] = {}
    for block in blocks:
        merged.update(zip(block.heads, block.values, strict=True))
    lines = [f"{head}{_number(value)}\n" for head, value in merged.items()]
    return f"# HELP {metric.full_name} {metric.help}\n# TYPE {metric.full_name} gauge\n{''.join(lines)}"


def gauge_families(snapshot: dict[str, list[Block]]) -> Iterator[GaugeMetricFamily]:
    """The same gauges as prometheus_client's families."""
    for name, blocks in snapshot.items():
        metric = catalog.BY_NAME[name]
        family = GaugeMetricFamily(metric.full_name, metric.help, labels=metric.labels)
        beside = {row: dict(block.beside) for block in blocks for row in block.rows if block.beside}
        for row, value in gauge_values(blocks).items():
            labels = dict(zip(metric.labels, row, strict=True))
            family.add_sample(metric.full_name, labels | beside.get(row, {}), value)
        yield family


class CounterStore:
    """Totals by metric and owner, and increments: what is shown of a row is the sum of them all."""

    def __init__(self) -> None:
        self._totals: dict[str, dict[str, dict[Labels, float]]] = {}
        self._increments: dict[str, dict[Labels, float]] = {}

    def raise_to(self, report: Totals) -> None:
        """Raise each row of the owner to the total, where it is the larger."""
        metric = declared(report.metric, "counter")
        rows = {checked(metric, row): float(value) for row, value in report.rows.items()}
        held = self._totals.setdefault(metric.name, {}).setdefault(report.owner, {})
        for row, value in rows.items():
            held[row] = max(value, held.get(row, 0.0))

    def add(self, report: Increments) -> None:
        """Add to each row."""
        metric = declared(report.metric, "counter")
        rows = {checked(metric, row): float(value) for row, value in report.rows.items()}
        if any(value < 0 for value in rows.values()):
            raise UnknownReportError(f"counter {metric.name!r} cannot fall")
        held = self._increments.setdefault(metric.name, {})
        for row, value in rows.items():
            held[row] = held.get(row, 0.0) + value

    def values(self, name: str) -> dict[Labels, float]:
        """What is shown of the metric."""
        shown = dict(self._increments.get(name, {}))
        for rows in self._totals.get(name, {}).values():
            for row, value in rows.items():
                shown[row] = shown.get(row, 0.0) + value
        return shown

    def families(self) -> Iterator[CounterMetricFamily]:
        """The counters that have rows."""
        for metric in catalog.METRICS:
            shown = self.values(metric.name)
            if shown:
                family = CounterMetricFamily(metric.full_name, metric.help, labels=metric.labels)
                for row, value in shown.items():
                    family.add_metric(row, value)
                yield family


class HistogramStore:
    """Counts per bucket, and sums."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[Labels, list[int]]] = {}
        self._sums: dict[str, dict[Labels, float]] = {}

    def observe(self, report: Observation) -> None:
        """Count the value in its bucket; a bucket holds its upper bound."""
        metric = declared(report.metric, "histogram")
        row = checked(metric, report.labels)
        value = float(report.value)
        if value - value != 0:
            raise UnknownReportError(f"histogram {metric.name!r} was given {value}")
        counts = self._counts.setdefault(metric.name, {}).setdefault(row, [0] * (len(metric.buckets) + 1))
        counts[bisect_left(metric.buckets, value)] += 1
        sums = self._sums.setdefault(metric.name, {})
        sums[row] = sums.get(row, 0.0) + value

    def families(self) -> Iterator[HistogramMetricFamily]:
        """The histograms that have rows."""
        for name, rows in self._counts.items():
            metric = catalog.BY_NAME[name]
            bounds = [*map(str, metric.buckets), "+Inf"]
            family = HistogramMetricFamily(metric.full_name, metric.help, labels=metric.labels)
            for row, counts in rows.items():
                family.add_metric(row, list(zip(bounds, accumulate(counts), strict=True)), self._sums[name][row])
            yield family

"""Where keys go, held to the engine: at an upgrade of Bytewax this tells whether the shards' owners are others."""

import datetime as dt
import threading
from typing import Any

import bytewax.operators as op
import pytest
from bytewax._bytewax import cluster_main
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.join.split import shard_name
from stream.engine.placement import owner

NAMES = [*(shard_name(number) for number in range(64)), "click", "fraud.v2", "größe|1d", "", "a" * 100]


class Once(StatelessSourcePartition[tuple[str, int]]):
    """All keys, once."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def next_batch(self) -> list[tuple[str, int]]:
        """The keys."""
        if not self._keys:
            raise StopIteration
        batch, self._keys = self._keys, []
        return [(key, 0) for key in batch]


class Numbered(DynamicSource[tuple[str, int]]):
    """Notes which thread is which worker; the first one gives the keys."""

    def __init__(self, workers: dict[int, int]) -> None:
        self._workers = workers

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Once:  # noqa: ARG002 - named by the base
        """The part of a worker."""
        self._workers[threading.get_ident()] = worker_index
        return Once(NAMES if worker_index == 0 else [])


class Nothing(DynamicSink[Any], StatelessSinkPartition[Any]):
    """Keeps nothing."""

    def build(self, *_: Any) -> "Nothing":
        """The part of a worker."""
        return self

    def write_batch(self, items: list[Any]) -> None:
        """Drop them."""


class Where(StatefulBatchLogic[int, int, int]):
    """Tells which thread it runs in."""

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        """Its thread."""
        return [threading.get_ident() for _ in values], StatefulBatchLogic.RETAIN

    def snapshot(self) -> int:
        """Nothing."""
        return 0


@pytest.mark.parametrize("count", [1, 2, 3, 6, 16])
def test_keys_are_where_they_are_computed_to_be(count: int) -> None:
    """Of every shard and of names of all lengths, whatever the number of workers."""
    workers: dict[int, int] = {}
    found: dict[str, int] = {}
    flow = Dataflow("placement")
    keys = op.input("keys", flow, Numbered(workers))
    threads = op.stateful_batch("where", keys, lambda _: Where())
    noted = op.map("note", threads, lambda item: found.setdefault(*item))
    op.output("out", noted, Nothing())
    cluster_main(flow, [], 0, epoch_interval=dt.timedelta(seconds=1), worker_count_per_proc=count)  # type: ignore[no-untyped-call]
    assert len(workers) == count
    assert {key: workers[thread] for key, thread in found.items()} == {key: owner(key, count) for key in NAMES}

"""Keeps the first error of a dataflow's Python code, which Bytewax loses in a cluster.

Measured with 0.21.1: in a cluster an exception of a step comes out of `cluster_main` as "Send thread panic: Any
{ .. }", with neither message nor cause; nobody could tell a refused state from a bug.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from bytewax.inputs import AbortExecution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from bytewax.dataflow import Dataflow, Operator

_METHODS = (
    *("list_parts", "next_batch", "next_awake"),
    *("write_batch", "part_fn"),
    *("on_batch", "on_notify", "on_eof", "notify_at"),
    *("snapshot", "close"),
)
_BUILDERS = ("build", "build_part")


class Witness:
    """Around the run of a dataflow: an error that comes out of it becomes the first one that went through its code.

    Use as `with Witness() as witness: cluster_main(witness.over(flow), ...)`.

    Attributes:
        error: the first one.
        begun: whether any of its code was called. Bytewax first connects all processes, so until then none has read.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.begun = False

    def over(self, flow: Dataflow) -> Dataflow:
        """The same dataflow, its functions, logics, partitions, sources and sinks watched from now on."""
        for operator in _core(flow.substeps):
            for name in ("mapper", "predicate"):
                if callable(function := getattr(operator, name, None)):
                    object.__setattr__(operator, name, self._watched(function))
            if callable(builder := getattr(operator, "builder", None)):
                object.__setattr__(operator, "builder", self._building(builder))
            for name in ("source", "sink"):
                if (edge := getattr(operator, name, None)) is not None:
                    self._watch(edge)
        return flow

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.error is not None and error is not self.error:
            raise self.error from None

    def _watch(self, thing: Any) -> Any:
        """Watch the methods that Bytewax calls; in place, for Bytewax checks the type."""
        for name in _METHODS:
            if callable(method := getattr(thing, name, None)):
                object.__setattr__(thing, name, self._watched(method))
        for name in _BUILDERS:
            if callable(method := getattr(thing, name, None)):
                object.__setattr__(thing, name, self._building(method))
        return thing

    def _building(self, builder: Callable[..., Any]) -> Callable[..., Any]:
        watched = self._watched(builder)
        return lambda *args: self._watch(watched(*args))

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.begun = True
            try:
                return _done(function(*args))
            except (StopIteration, AbortExecution):  # the ends of a source
                raise
            except Exception as error:
                self.error = self.error or error
                raise

        return call


def _done(result: Any) -> Any:
    """The result, with an iterator run to its end: its error would come only when Bytewax runs it."""
    if isinstance(result, Iterator):
        return list(result)
    if isinstance(result, tuple) and result and isinstance(result[0], Iterator):
        return (list(result[0]), *result[1:])
    return result


def _core(operators: Iterable[Operator]) -> Iterator[Operator]:
    """The operators that run: those without substeps."""
    for operator in operators:
        if operator.substeps:
            yield from _core(operator.substeps)
        else:
            yield operator

import os
import resource

import pytest

from stream.metrics.registry import Registry
from stream.workers.usage import WorkerUsage, usage


def test_usage_agrees_with_the_kernels_other_account() -> None:
    """CPU time is that of getrusage, resident memory no more than its maximum."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    now = usage(os.getpid())
    assert now is not None
    assert now.cpu == pytest.approx(spent.ru_utime + spent.ru_stime, abs=0.1)
    assert 0 < now.resident <= spent.ru_maxrss * 1024


def test_a_process_that_is_gone_uses_nothing() -> None:
    """There is no row for it, and no error."""
    registry = Registry()
    registry.add_probe(WorkerUsage(lambda: {0: 2**22 + 1}))
    assert usage(2**22 + 1) is None
    registry.render()
    assert registry.values("worker_resident_memory_bytes") == {}

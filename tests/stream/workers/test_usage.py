import os
import resource

from stream.metrics.registry import Registry
from stream.workers.usage import WorkerUsage, usage


def test_usage_agrees_with_the_kernels_other_account() -> None:
    """CPU time is that of getrusage, resident memory no more than its maximum."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    now = usage(os.getpid())
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert now is not None
    ticks = 2 / os.sysconf("SC_CLK_TCK")  # of user and of system time, which this account counts in whole ones
    assert before.ru_utime + before.ru_stime - ticks <= now.cpu <= after.ru_utime + after.ru_stime + ticks
    assert 0 < now.resident <= after.ru_maxrss * 1024


def test_a_process_that_is_gone_uses_nothing() -> None:
    """There is no row for it, and no error."""
    registry = Registry()
    registry.add_probe(WorkerUsage(lambda: {0: 2**22 + 1}))
    assert usage(2**22 + 1) is None
    registry.render()
    assert registry.values("worker_resident_memory_bytes") == {}

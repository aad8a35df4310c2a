"""Memory that a batch has used serves the next one."""

import json
import platform
import subprocess
import sys

import pytest

from stream.engine.memory import keep_freed

_ROUNDS = """
import json, resource, sys
import numpy as np
from stream.engine.memory import keep_freed

kept = keep_freed({}) if sys.argv[1] == "kept" else False
def batch():
    arrays = [np.ones(1 << 20) for _ in range(8)]
    return sum(float(array[0]) for array in arrays)
batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    batch()
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]))
"""


def _faults(how: str) -> tuple[bool, int]:
    """Whether freed memory is kept, and how many pages ten batches of 64 MB ask the kernel for."""
    done = subprocess.run([sys.executable, "-c", _ROUNDS, how], capture_output=True, text=True, check=True)
    kept, faults = json.loads(done.stdout)
    return kept, faults


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_next_batch_takes_the_pages_of_the_one_before() -> None:
    """Without it each batch asks for most of its 16,384 pages anew."""
    kept, few = _faults("kept")
    _, many = _faults("as it is")
    assert kept
    assert few < 1_000
    assert many > 10_000


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_settings_of_the_environment_stay(name: str) -> None:
    """Who has set malloc knows why."""
    assert not keep_freed({name: "1"})

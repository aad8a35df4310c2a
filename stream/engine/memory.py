"""Memory that batches have used stays with the process: the next batch needs as much."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # their numbers in malloc.h

KEPT = 256 << 20
"""Bytes at the end of the heap that are not given back; what batches need at most is much less."""

LARGEST = 32 << 20
"""Bytes of one piece that is still taken from the heap: the most that glibc allows."""

_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


def keep_freed(environment: Mapping[str, str] = os.environ) -> bool:
    """Have malloc keep what is freed; whether it does: glibc does, unless the environment has settings for it.

    By itself it returns large arrays to the system as soon as they are freed, and the kernel clears their pages anew
    for each batch. Measured in Python: decode and fold of 100 features cost 15 % less CPU and take 30 MB more, the
    whole pipeline at 10 features 5 % less and 2 MB more; with driftgauge-native there is no difference.
    """
    if any(name in environment for name in _OWN):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, KEPT))

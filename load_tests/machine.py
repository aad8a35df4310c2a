"""The machine a table was measured on: a figure without it means nothing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path


def facts() -> list[tuple[str, str]]:
    """Return (name, value) pairs: processor, memory, system, versions, and what else runs."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ("bytewax", "confluent-kafka", "msgspec", "numpy", "scipy")
    return [
        ("processor", f"{_processor()}, {cores} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("python", platform.python_version()),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in libraries)),
        ("java", _java()),
        ("load", f"{os.getloadavg()[0]:.2f} before the start"),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _java() -> str:
    if shutil.which("java") is None:
        return "none"
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    return (done.stderr or done.stdout).splitlines()[0]


def show() -> None:
    """Print the facts, one a line."""
    for name, value in facts():
        print(f"{name:10} {value}")


if __name__ == "__main__":
    show()

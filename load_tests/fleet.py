"""Four hundred models of thirty teams: what `check`, `model list` and `routes` of their config take.

    python load_tests/fleet.py [--models N]

One model of 50 features is added with `driftgauge model add`; the others are written after it, each with a file and a
reference of its own. CPU time and memory are those of the command's process, start-up included. Exits 1 when an owner
has no route.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests")]

import machine  # noqa: E402  the path comes first
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from windows.references.reference import from_json, to_json  # noqa: E402

OWNERS = 30
DAY = 86_400_000
COMMAND = [sys.executable, "-m", "stream.cli.app"]


def write(directory: Path, models: int, span: int = 30 * DAY, head: str = "") -> None:
    """A config of so many models, whose 20,000 rows span so many ms; `head` comes before them."""
    draw, rows = np.random.default_rng(1), 20_000
    times = 1_750_000_000_000 + np.sort(draw.integers(0, span, rows))
    numbers = {f"number_{at}": draw.normal(size=rows) for at in range(40)}
    names = {f"name_{at}": draw.choice(list("abcdefgh"), rows) for at in range(10)}
    table = pd.DataFrame({"timestamp": times, "prediction": draw.random(rows), **numbers, **names})
    table.to_parquet(directory / "rows.parquet")
    config = directory / "driftgauge.yaml"
    config.write_text(f'{head}models: {{include: "models.d/*.yaml"}}\n')
    add = ["model", "add", "-c", config, "--from", directory / "rows.parquet", "--model", "m000", "--owner", "team00"]
    subprocess.run([*COMMAND, *add], check=True, cwd=ROOT, capture_output=True)
    text = (directory / "models.d" / "m000.yaml").read_text()
    reference = from_json((directory / "models.d" / "m000.reference.json").read_bytes())
    for at in range(1, models):
        name = f"m{at:03d}"
        own = text.replace("m000", name).replace("team00", f"team{at % OWNERS:02d}")
        (directory / "models.d" / f"{name}.yaml").write_text(own)
        (directory / "models.d" / f"{name}.reference.json").write_bytes(to_json(replace(reference, model=name)))


def measured(*command: str | Path) -> str:
    """What a command says; what it takes is printed."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([*COMMAND, *command], cwd=ROOT, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read()
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(text)
    cpu, wall = used.ru_utime + used.ru_stime, time.monotonic() - began
    name, memory = " ".join(map(str, command[:2]))[:12], used.ru_maxrss / 1024
    print(f"{name:12} CPU {cpu:5.2f} s  wall {wall:5.2f} s  RSS {memory:4.0f} MB")
    return text


def main() -> int:
    """Write, and run the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=400)
    models = parser.parse_args().models
    machine.show()
    with tempfile.TemporaryDirectory() as at:
        directory = Path(at)
        write(directory, models)
        config = directory / "driftgauge.yaml"
        measured("--version")
        measured("check", config)
        measured("model", "list", "-c", config)
        routes = measured("routes", "-c", config)
    found = sum(f"team{at:02d}" in routes for at in range(min(OWNERS, models)))
    print(f"{found} of {min(OWNERS, models)} owners have a route")
    return 0 if found == min(OWNERS, models) else 1


if __name__ == "__main__":
    sys.exit(main())

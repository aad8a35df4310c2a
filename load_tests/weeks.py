"""The same eight weeks through driftgauge, NannyML and Evidently: false alarms, delays, what was named, CPU.

    python load_tests/weeks.py [--quick] [--days N] [--healthy] [--only TOOL ...] [--peers DIRECTORY]

A binary model with six numeric features, a category and a score; half of them live by the hours of Berlin
(`weeks_world.py`), 4,000 predictions a day. Four weeks are the reference, the next eight (over the change of clocks)
are healthy, and in copies of their seventh each fault begins on a Monday at 10:00. All read the same parquet files.

- driftgauge: `init --timezone Europe/Berlin`, then `replay`, nothing edited; the same with `multivariate: conditional`
  and the reference built again; and `init` without a time zone, whose reference of four weeks cannot tell it.
- NannyML and Evidently: their drift calculators and preset by their documented defaults, a chunk or a report a day;
  and each in the way that suits a season best: chunks of a week, and days against the same weekday of the reference.

An alarm is an alert (driftgauge), or a column that drifts in one chunk or in several in a row (the others). The delay
is that to the alert, or to the end of the chunk that shows it. Each peer gets a virtual environment of its own, by uv
or venv and pip, in --peers (kept) or in a temporary directory; their telemetry is off. One whose packages cannot be had
is named and left out. CPU is of the processes, imports and `init` included.

Exits 1 when a promise is broken: an alarm of driftgauge's in healthy weeks, or, with `multivariate`, a fault that it
does not tell by name.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from machine import show
from weeks_world import FAULTS, LAST, ONSET, write

from windows.references.pace import DAY, HOUR

HERE = Path(__file__).parent
PEERS = {
    "nannyml": ("nannyml==0.13.1", "pandas<3", "statsmodels"),
    "evidently": ("evidently==0.7.23", "pandas<3"),
    "alibi": ("alibi-detect[tensorflow]==0.13.0",),
}
TOOLS = ("driftgauge", "nannyml", "evidently")
SILENT = {"DO_NOT_TRACK": "1", "ITERATIVE_DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "MPLBACKEND": "Agg"}
JOIN = 1.5
"""Alarmed chunks of a column that are so many chunks apart are one alarm."""


@dataclass(frozen=True)
class Way:
    """One line of the table."""

    name: str
    tool: str
    kind: str
    chunk: int = DAY


WAYS = (
    Way("driftgauge: init --timezone, replay", "driftgauge", "Europe/Berlin"),
    Way("driftgauge: the same, with multivariate: conditional", "driftgauge", "multivariate"),
    Way("driftgauge: init without a zone, replay", "driftgauge", "UTC"),
    Way("NannyML univariate, by day", "nannyml", "day"),
    Way("NannyML univariate, by week", "nannyml", "week", 7 * DAY),
    Way("NannyML reconstruction, by day", "nannyml", "pca"),
    Way("Evidently preset, by day", "evidently", "preset"),
    Way("Evidently preset, same weekday", "evidently", "weekday"),
)


@dataclass(frozen=True)
class Alarm:
    """When it was told, of what."""

    at: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """World -> alarms in order, and the CPU seconds of it all."""

    alarms: dict[str, list[Alarm]]
    cpu: float


def interpreter(place: Path, tool: str) -> Path | None:
    """Python with the packages of a peer; None where they cannot be had."""
    python = place / tool / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        install = (
            [uv, "pip", "install", "-q", "--python", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]
        )
        print(f"  installing {' '.join(PEERS[tool])}", flush=True)
        subprocess.run([*make, str(place / tool)], check=True)
        if subprocess.run([*install, *PEERS[tool]], check=False).returncode:
            shutil.rmtree(place / tool)
            return None
    return python


def timed(command: list[str]) -> float:
    """Run it; its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=os.environ | SILENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(directory: Path, worlds: list[str], kind: str) -> Found:
    """By the command line."""
    program, place = [sys.executable, "-m", "stream.cli.app"], directory / kind.replace("/", "-")
    rows = ["--model", "m", "--from", str(directory / "reference.parquet")]
    zone = () if kind == "UTC" else ("--timezone", "Europe/Berlin")
    cpu = timed([*program, "init", *rows, "--output", str(place), *zone])
    if kind == "multivariate":
        config = place / "driftgauge.yaml"
        config.write_text(config.read_text().replace("multivariate: null", "multivariate: conditional"))
        build = ["reference", "build", "--config", str(config), "--output", str(place / "m.reference.json")]
        cpu += timed([*program, *build, *rows])
    alarms = {}
    for world in worlds:
        out = place / world
        read = ["--config", str(place / "driftgauge.yaml"), "--predictions", str(directory / f"{world}.parquet")]
        cpu += timed([*program, "replay", *read, "--out", str(out), "--evaluations", "none", "--no-pictures"])
        events = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
        alarms[world] = [_alarm(event) for event in events if event["state"] == "firing" or _news(world, event)]
    return Found(alarms, cpu)


def _news(world: str, event: dict[str, object]) -> bool:
    """Whether a change of an alert may tell a fault: one that fired before may name it now."""
    return world != "healthy" and event["state"] == "updated"


def _alarm(event: dict[str, object]) -> Alarm:
    causes: list[dict[str, str]] = event["causes"]  # type: ignore[assignment]
    at = datetime.fromisoformat(str(event["event_time"])).timestamp() * 1000
    whole = "all together" if event["alert"] == "Anomaly" else "prediction"
    return Alarm(int(at), tuple(cause["feature"] or whole for cause in causes))


def theirs(directory: Path, worlds: list[str], way: Way, python: Path) -> Found:
    """By the interpreter that has it."""
    (directory / "job.json").write_text(json.dumps({world: 0 if world == "healthy" else ONSET for world in worlds}))
    cpu = timed([str(python), str(HERE / f"weeks_{way.tool}.py"), str(directory), way.kind])
    found = json.loads((directory / f"{way.kind}.json").read_text())
    return Found({world: spells(found[world], way.chunk, world == "healthy") for world in worlds}, cpu)


def spells(chunks: list[tuple[int, str]], length: int, joined: bool) -> list[Alarm]:
    """Alarms of alarmed chunks: the first of each column's run where they are joined, else each."""
    alarms: list[Alarm] = []
    last: dict[str, int] = {}
    for end, name in sorted(chunks):
        if not joined or name not in last or end - last[name] > JOIN * length:
            alarms.append(Alarm(end, (name,)))
        last[name] = end
    return alarms


def told(found: Found, number: int) -> tuple[str, bool]:
    """What came of a fault: the delay to the first alarm that names it, or what else was said; whether it was named."""
    fault = FAULTS[number]
    after = [alarm for alarm in found.alarms[f"fault{number}"] if alarm.at > fault.begins]
    right = [alarm for alarm in after if set(alarm.names) & {*fault.features, ""}]
    if not right:
        wrong = sorted({name for alarm in after for name in alarm.names})
        return f"no ({', '.join(wrong)})" if wrong else "no", False
    names = dict.fromkeys(name or "no feature" for alarm in right if alarm.at == right[0].at for name in alarm.names)
    return f"{span(right[0].at - fault.begins)} ({', '.join(names)})", True


def span(length: int) -> str:
    """Minutes, hours or days."""
    if length < 3 * HOUR:
        return f"{length / 60_000:.0f} min"
    return f"{length / HOUR:.0f} h" if length < 3 * DAY else f"{length / DAY:.1f} d"


def line(way: Way, found: Found, days: int) -> bool:
    """Print it; whether driftgauge kept its promise."""
    healthy = found.alarms["healthy"]
    alarmed = sorted({name or "all together" for alarm in healthy for name in alarm.names})
    print(f"\n{way.name}: {found.cpu:.0f} s of CPU")
    print(
        f"  {'healthy, ' + str(days) + ' days':42}{len(healthy)} alarms{': ' + ', '.join(alarmed) if alarmed else ''}"
    )
    kept, named_all = not healthy or way.tool != "driftgauge", True
    for number, fault in enumerate(FAULTS if len(found.alarms) > 1 else ()):
        text, named = told(found, number)
        print(f"  {fault.name:42}{text}", flush=True)
        named_all &= named
    return kept and (named_all or way.kind != "multivariate")


def main(arguments: list[str]) -> int:
    """Print a block a way; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="Eight weeks through driftgauge, NannyML and Evidently.")
    parser.add_argument("--quick", action="store_true", help="two healthy weeks, driftgauge alone")
    parser.add_argument("--days", type=int, default=56, help="healthy days")
    parser.add_argument("--healthy", action="store_true", help="no faults")
    parser.add_argument("--only", nargs="*", choices=TOOLS, default=TOOLS)
    parser.add_argument("--peers", type=Path, help="directory of the peers' environments, kept")
    given = parser.parse_args(arguments)
    show()
    days, kept = 14 if given.quick else given.days, True
    tools = ["driftgauge"] if given.quick else given.only
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        worlds = write(directory, days, () if given.healthy else FAULTS)
        print(f"\nfaults begin {datetime.fromtimestamp(ONSET / 1000).astimezone():%d %B}, and last {LAST} days")
        peers = {tool: interpreter(given.peers or directory, tool) for tool in PEERS if tool in tools}
        for way in (way for way in WAYS if way.tool in tools):
            if way.tool == "driftgauge":
                kept &= line(way, ours(directory, worlds, way.kind), days)
            elif (python := peers.get(way.tool)) is not None:
                line(way, theirs(directory, worlds, way, python), days)
            else:
                print(f"\n{way.name}: left out")
    print("\nall promises kept" if kept else "\nBROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

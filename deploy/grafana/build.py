# ruff: noqa: INP001 - a script beside what it writes, no package
"""Write the dashboards: `python deploy/grafana/build.py`. With --check, only say which are not up to date."""

import json
import sys
from pathlib import Path

from page_model import model
from page_monitor import monitor
from page_overview import overview

TARGET = Path(__file__).parent / "dashboards"


def main() -> int:
    """Write or check; the exit code."""
    stale = []
    for name, page in (("overview", overview()), ("model", model()), ("monitor", monitor())):
        path = TARGET / f"{name}.json"
        text = json.dumps(page.json(), indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(text)
    for name in stale:
        sys.stdout.write(f"{name}: {'not up to date' if '--check' in sys.argv else 'written'}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

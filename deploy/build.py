# ruff: noqa: INP001 - a script beside what it writes, no package
"""Write all that follows from tables of the code: `python deploy/build.py`. With --check, only say what is stale.

Those are the rules files, the dashboards (deploy/grafana/build.py), and in documents what stands between
`<!-- NAME: written by deploy/build.py -->` and `<!-- /NAME -->`.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
sys.path.insert(0, str(DEPLOY.parent))  # what is written follows from the tree that it is in, whatever is installed

from operators.settings.alerts import ALERTS, SPOILING, UNCLEAN, AlertRow, listed  # noqa: E402
from operators.settings.metrics import LABEL_METRICS, OF_TASK  # noqa: E402
from operators.settings.model import DriftSettings  # noqa: E402
from stream.config.load import load  # noqa: E402
from stream.rules.file import rules_of  # noqa: E402
from stream.rules.options import ON_MODELS, ON_MONITOR, RuleOptions  # noqa: E402
from windows.shares import OF_METRIC  # noqa: E402
from windows.statistics.catalog import DISTANCES, JUDGED  # noqa: E402

CREDENTIALS = {"KAFKA_USERNAME": "", "KAFKA_PASSWORD": ""}
"""What the example's config takes from the environment; rules have none of it."""


def alerts() -> str:
    """README's table of the kinds of alerts."""
    head = ("| alert | fires when | minor / major |", "|---|---|---|")
    rows = (
        f"| {name} | {_fires_when(row)} | {'-' if row.only_major else row.minor} / {row.major} |"
        for name, row in ALERTS.items()
        if row.fires
    )
    return "\n".join(("", *head, *rows, ""))


def _fires_when(row: AlertRow) -> str:
    """The words of a row; {distances} stands for those that are off by default."""
    others = [f"`{name}`" for name in JUDGED if getattr(DriftSettings(), name) is None]
    return row.fires_when.replace("{distances}", ", ".join(others))


def pages() -> str:
    """The index of the runbooks."""
    sides = ([f" [{name}]({name}.md) " for name in names] for names in (ON_MODELS, ON_MONITOR))
    rows = ("|".join(("", *row, "")) for row in zip_longest(*sides, fillvalue=" "))
    return "\n".join(("", "| on the models | on the monitor |", "|---|---|", *rows, ""))


def metrics() -> str:
    """The metrics of labels by task, those of all tasks last."""
    common = [name for name in LABEL_METRICS if all(name in names for names in OF_TASK.values())]
    of_task = (f"{task} {', '.join(name for name in names if name not in common)}" for task, names in OF_TASK.items())
    return f"{'; '.join(of_task)}; and {listed(common)} for all"


def shares() -> str:
    """The shares of bad values, with what such values are."""
    also = {True: '; also of `feature` "prediction"', False: ""}
    return ", ".join(f"{metric} ({share.words}{also[share.of_predictions]})" for metric, share in OF_METRIC.items())


DOCUMENTS = {
    "README.md": {"alerts": alerts(), "metrics": metrics()},
    "deploy/README.md": {
        "unclean": listed(UNCLEAN, "or"),
        "spoiling": listed(SPOILING, "or"),
        "distances": ", ".join(DISTANCES),
        "shares": shares(),
    },
    "deploy/runbooks/README.md": {"pages": pages()},
}
"""Document -> the parts of it that are written."""


def filled(text: str, parts: dict[str, str]) -> str:
    """A document with its parts.

    Raises:
        LookupError: a part has no place of its own in it.
    """
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {name}: [^>]*-->).*?(<!-- /{name} -->)", re.DOTALL)
        text, places = place.subn(lambda found, part=part: f"{found[1]}{part}{found[2]}", text)
        if places != 1:
            raise LookupError(f"{places} places for {name}: one is needed")
    return text


def written() -> Iterator[tuple[Path, str]]:
    """Each file with what belongs in it."""
    for name, parts in DOCUMENTS.items():
        path = DEPLOY.parent / name
        yield path, filled(path.read_text(), parts)
    example, compose, kubernetes = DEPLOY / "examples", DEPLOY / "compose", DEPLOY / "kubernetes" / "example"
    yield DEPLOY / "prometheus" / "driftgauge.rules.yml", rules_of(load(example / "click.yaml", {}))
    once = RuleOptions(keep_firing_for=60_000)
    yield compose / "driftgauge.rules.yml", rules_of(load(compose / "driftgauge.yaml", {}), once)
    inside = load(kubernetes / "driftgauge.yaml", CREDENTIALS)
    yield kubernetes / "prometheusrule.yaml", rules_of(inside, resource="driftgauge")


def main(check: bool) -> int:
    """Write or check; the exit code."""
    stale = [(path, text) for path, text in written() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        if not check:
            path.write_text(text)
        sys.stdout.write(f"{path.relative_to(DEPLOY.parent)}: {'not up to date' if check else 'written'}\n")
    sys.stdout.flush()
    panels = [sys.executable, DEPLOY / "grafana" / "build.py", *(["--check"] if check else [])]
    done = subprocess.run(panels, check=False)  # noqa: S603 - our own
    return 1 if check and stale else done.returncode


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))

"""What must not page twice, and must not be lost: each scenario on a chain of its own, in a tenth of the time.

A page is right when it came once, said what it must, and ended once after the traffic was normal again.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from paging_chain import FAST, FIRING, Chain, Pace, wrong_with
from paging_traffic import narrow, wide
from patience import until

from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Scenario = Callable[[str, Path], bool]

PATIENCE = 600.0
STANDING = 10
"""Panes that are judged while nothing more may come."""
WIDE = 48
AMOUNTS = (3.0, 2.6, 2.2, 1.9, 1.6, *[1.0] * 35)
"""Standard deviations that forty features move by: the first five in an order that can be told."""
AWAY = 120.0
"""Seconds without Alertmanager."""
HOUR = 360.0
"""Seconds that stand for an hour."""
HALVES = (5.0, 12.0, 30.0, 54.0)
"""Seconds that the traffic stays shifted, then normal: up to 9 minutes where an alert resolves after 10."""
SLOW_TO_END = Pace(1_000, 500, resolve_after=60_000, keep_firing_for=30_000, interval="1s")
"""As shipped, in a tenth of the time."""


def forty(bootstrap: str, directory: Path) -> bool:
    """Forty features shift at once: one page, with ranked causes; all of them in the event."""
    names = [f"f{number:02}" for number in range(len(AMOUNTS))]
    shifts = [Shift("mean", name, amount) for name, amount in zip(names, AMOUNTS, strict=True)]
    with Chain(directory, bootstrap, wide(FAST.pane, WIDE), shifts, FAST) as chain:
        began = _shifted_at_a_pane(chain)
        _stand(chain)
        causes = max((event["causes"] for event, _ in chain.events()), key=len)
        (page, *more) = chain.pages("trigger")
        problems = wrong_with(page, *names[:5]) + ["another page"] * len(more)
        if {cause["feature"] for cause in causes} != set(names):
            problems.append(f"{len(causes)} causes in the event")
        if [cause["feature"] for cause in causes[:5]] != names[:5]:
            problems.append(f"order of causes {[cause['feature'] for cause in causes[:5]]}")
        _print_page(chain)
        _calm(chain)
        return _verdict("forty features at once", chain, problems, f"page after {_page_at(chain) - began:.1f} s")


def flapping(bootstrap: str, directory: Path) -> bool:
    """A feature that comes and goes for an hour: one page, and one end after it has gone."""
    with Chain(directory, bootstrap, narrow(FAST.pane), [Shift("mean", "age", 1.0)], SLOW_TO_END) as chain:
        at = time.time() + 1.0
        end, turns = at + HOUR, 0
        while at < end:
            half = HALVES[turns % len(HALVES)]
            chain.traffic.shift(at)
            until(lambda until_then=at + half: time.time() > until_then, half + 10, "its turn")
            chain.traffic.calm()
            turns, at = turns + 1, at + 2 * half
            until(lambda until_then=at: time.time() > until_then, half + 10, "its turn")
        told = chain.counts()
        problems = [] if told[0] <= 1 else [f"{told[0]} pages"]
        problems += [] if told[1] == 0 else [f"{told[1]} resolves"]
        until(lambda: chain.counts()[1] > told[1], PATIENCE, "a resolve")
        return _verdict("flapping for an hour, a tenth of the time", chain, problems, f"{turns} times on and off")


def killed(bootstrap: str, directory: Path) -> bool:
    """The monitor is killed while it fires: no resolve, no second page; it ends when the traffic is normal again."""
    with Chain(directory, bootstrap, narrow(FAST.pane), [Shift("mean", "age", 1.0)], FAST) as chain:
        _shifted_at_a_pane(chain)
        chain.driftgauge.kill()
        away = 5 * (FAST.keep_firing_for + FAST.resolve_after) // 1_000
        until(lambda: chain.rows(f'sum_over_time((1 - up{{job="driftgauge"}})[5m:1s]) >= {away}'), PATIENCE, "away")
        problems = [] if chain.counts() == (1, 0) else [f"{chain.counts()} triggers and resolves while it was away"]
        chain.driftgauge.start()
        chain.until_up()
        until(lambda: chain.rows("driftgauge_ready == 1 and on () driftgauge_watermark_lag_seconds < 5"), 60, "back")
        _stand(chain)
        problems += [] if chain.counts() == (1, 0) else [f"{chain.counts()} triggers and resolves after it came back"]
        _calm(chain)
        return _verdict("monitor killed while firing", chain, problems, f"away for {away} s")


def alertmanager_down(bootstrap: str, directory: Path) -> bool:
    """Alertmanager is away when the shift comes: the page comes afterwards, once."""
    with Chain(directory, bootstrap, narrow(FAST.pane), [Shift("mean", "age", 1.0)], FAST) as chain:
        chain.alertmanager.kill()
        gone = time.time()
        chain.traffic.shift(time.time() + 0.5)
        until(lambda: chain.rows(FIRING), PATIENCE, "the rule fires")
        until(lambda: time.time() > gone + AWAY, AWAY + 10, "its return")
        problems = [] if chain.counts() == (0, 0) else ["a page without Alertmanager"]
        chain.alertmanager.start()
        back = time.time()
        until(lambda: chain.pages("trigger"), PATIENCE, "a trigger")
        _stand(chain)
        problems += wrong_with(chain.pages("trigger")[0], "age")
        _calm(chain)
        after = f"page {_page_at(chain) - back:.1f} s after its return"
        return _verdict("Alertmanager away for 2 minutes", chain, problems, after)


def push(bootstrap: str, directory: Path) -> bool:
    """Driftgauge tells Alertmanager itself, and is killed twice while it fires: first its worker, then the whole."""
    with Chain(directory, bootstrap, narrow(FAST.pane), [Shift("mean", "age", 1.0)], FAST, push=True) as chain:
        began = _shifted_at_a_pane(chain)
        problems = wrong_with(chain.pages("trigger")[0], "age")
        (before,) = chain.alertmanager.alerts(alertname="DataDrift")
        for what in ("its worker", "the whole"):
            _kill(chain, what)
            _stand(chain)
            held = chain.alertmanager.alerts(alertname="DataDrift")
            same = [alert["startsAt"] for alert in held] == [before["startsAt"]]
            if chain.counts() != (1, 0) or not same:
                problems.append(f"{chain.counts()} triggers and resolves after {what} was killed, {len(held)} alerts")
        _calm(chain)
        return _verdict("pushed, killed while firing", chain, problems, f"page after {_page_at(chain) - began:.1f} s")


SCENARIOS: dict[str, Scenario] = {
    "forty": forty,
    "flapping": flapping,
    "killed": killed,
    "alertmanager_down": alertmanager_down,
    "push": push,
}


def _kill(chain: Chain, what: str) -> None:
    """Kill -9 its worker, which the parent replaces, or the parent; return when it watches again."""
    back = "driftgauge_ready == 1 and on () driftgauge_watermark_lag_seconds < 5"
    if what == "its worker":
        (worker,) = chain.driftgauge.workers()
        os.kill(worker, signal.SIGKILL)
        back += " and on () driftgauge_worker_restarts_total > 0"
    else:
        chain.driftgauge.kill()
        until(lambda: chain.rows('up{job="driftgauge"} == 0'), PATIENCE, "its absence is seen")
        chain.driftgauge.start()
        chain.until_up()
    until(lambda: chain.rows(back), PATIENCE, "it watches again")


def _shifted_at_a_pane(chain: Chain) -> float:
    """Shift from the beginning of a pane on, and wait for the page; when it began."""
    pane = chain.pace.pane / 1e3
    begin = ((time.time() + 0.5) // pane + 1) * pane
    chain.traffic.shift(begin)
    until(lambda: chain.pages("trigger"), PATIENCE, "a trigger")
    return begin


def _stand(chain: Chain) -> None:
    """Wait until so many more panes have been judged, and scraped."""
    mark = "driftgauge_watermark_timestamp_seconds"
    (row,) = chain.prometheus.query(mark)
    later = float(row["value"][1]) + STANDING * chain.pace.pane / 1e3
    until(lambda: chain.rows(f"{mark} >= {later!r}"), PATIENCE, f"{STANDING} panes")


def _calm(chain: Chain) -> None:
    """Be normal again, and wait for the resolve and for silence after it."""
    chain.traffic.calm()
    until(lambda: chain.pages("resolve"), PATIENCE, "a resolve")
    until(lambda: not chain.rows(FIRING), PATIENCE, "silence")


def _page_at(chain: Chain) -> float:
    return chain.receiver.events("DataDrift", "trigger")[0].at


def _print_page(chain: Chain) -> None:
    (page, *_) = chain.pages("trigger")
    print("  | " + page["payload"]["custom_details"]["alerts"].replace("\n", "\n  | "))


def _verdict(name: str, chain: Chain, problems: list[str], note: str) -> bool:
    if chain.counts() != (1, 1):
        problems = [*problems, f"{chain.counts()} triggers and resolves"]
    problems = [*problems, *(", ".join(post.refused) for post in chain.receiver.refused)]
    said = "; ".join(problems) if problems else "1 trigger, 1 resolve"
    print(f"{name}: {'BROKEN: ' if problems else ''}{said}; {note}", flush=True)
    return not problems

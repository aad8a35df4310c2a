from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pushing import CRITICAL, SEGMENT, START, TEXTS, event

from operators.alerts.event import Cause
from operators.settings.alerts import AlertName
from stream.push.board import Entry, View
from stream.push.body import MOST, requests
from stream.rules.options import WITH_RUNBOOK

EXPIRES = START + 3_600_000


def _posted(*entries: Entry, ended: tuple[Entry, ...] = ()) -> list[dict[str, Any]]:
    return list(chain.from_iterable(requests(View(1, entries, ended), EXPIRES, TEXTS)))


def _ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)


def test_an_alert_says_what_where_how_much_and_what_to_do() -> None:
    """Labels as the rules give them, texts that the shipped templates print, and the end it has unless sent again."""
    (alert,) = _posted(Entry(CRITICAL, START + 60_000, None, event()))
    assert alert["labels"] == {
        "alertname": "DataDrift",
        "model": "click",
        "version": "7",
        "severity": "critical",
        "service": "driftgauge",
        "via": "push",
    }
    notes = alert["annotations"]
    assert notes["summary"] == "Features of click version 7 moved away from the reference"
    assert notes["description"] == (
        "Feature age of click version 7 moved away.\nCauses: age (ks 0.312); price (ks 0.125).\n"
        "All causes: the event in topic driftgauge.alerts."
    )
    assert [notes[name] for name in ("metric", "value", "lower", "upper", "threshold", "window")] == [
        *("ks", "0.3125", "0.22", "0.4", "0.1", "1m")
    ]
    assert notes["runbook_url"] == "https://books/DataDrift.md"
    assert notes["dashboard_url"] == (
        "https://grafana/d/driftgauge-model?var-model=click&var-version=7&var-segment=$__all"
    )
    assert (_ms(alert["startsAt"]), _ms(alert["endsAt"])) == (START + 60_000, EXPIRES)


def test_without_an_address_of_grafana_nothing_links_to_it() -> None:
    """No annotation, and no address of what made the alert, rather than one that leads nowhere."""
    view = View(1, (Entry(CRITICAL, START, None, event()),), ())
    ((alert,),) = requests(view, EXPIRES, replace(TEXTS, dashboards=""))
    assert "dashboard_url" not in alert["annotations"]
    assert "generatorURL" not in alert


def test_labels_never_carry_what_was_measured() -> None:
    """Another value is the same alert: only annotations differ."""
    first = event()
    second = event(value=0.9, lower=0.8, upper=1.0, samples=3, causes=[Cause("x", "psi", 2.0, 1.0)], reason="Other.")
    one, other = (_posted(Entry(CRITICAL, START, None, given))[0] for given in (first, second))
    assert one["labels"] == other["labels"]
    assert one["annotations"] != other["annotations"]


def test_the_whole_comes_before_its_segments() -> None:
    """In a request of its own, for the first alert of a group is the title of its page."""
    view = View(1, (Entry(SEGMENT, START), Entry(CRITICAL, START)), (Entry((*SEGMENT[:4], "info"), START, START + 1),))
    first, second = requests(view, EXPIRES, TEXTS)
    assert ["segment" in alert["labels"] for alert in first] == [False]
    assert [alert["labels"]["segment"] for alert in second] == ["country=DE"] * 2
    assert second[0]["annotations"]["summary"].endswith("version 7 for country=DE moved away from the reference")


def test_an_end_is_told_by_its_time() -> None:
    """It has ended then, not when it was told."""
    (alert,) = _posted(ended=(Entry(CRITICAL, START, START + 5_000, event()),))
    assert _ms(alert["endsAt"]) == START + 5_000


def test_many_alerts_are_several_requests() -> None:
    """None has more than MOST; all are there once."""
    entries = tuple(Entry((*CRITICAL[:1], str(number), *CRITICAL[2:]), START) for number in range(2 * MOST + 1))
    sizes = [len(alerts) for alerts in requests(View(1, entries, ()), EXPIRES, TEXTS)]
    assert sizes == [MOST, MOST, 1]
    assert {alert["labels"]["version"] for alert in _posted(*entries)} == {entry.labels[1] for entry in entries}


def test_many_causes_are_ten_and_a_number() -> None:
    """As ranked by the event; one without a name, such as the predictions', is no cause."""
    causes = [Cause(f"f{number}", "ks", 1.0 / (number + 1), 0.025) for number in range(40)]
    (alert,) = _posted(Entry(CRITICAL, START, None, event(causes=[*causes, Cause("", "ks", 0.1, 0.0)])))
    line = alert["annotations"]["description"].splitlines()[1]
    assert line.startswith("Causes: f0 (ks 1); f1 (ks 0.5); ")
    assert line.endswith("f9 (ks 0.1) and 30 more.")


def test_an_alert_without_an_event_says_so() -> None:
    """It fired before a restart, and what described it was lost."""
    (alert,) = _posted(Entry(CRITICAL, START))
    assert alert["annotations"]["description"].startswith("It fired before driftgauge was started.\n")
    assert "value" not in alert["annotations"]


def test_bounds_that_are_not_known_are_left_out() -> None:
    """JSON has no such numbers."""
    (alert,) = _posted(Entry(CRITICAL, START, None, event(lower=float("nan"), upper=float("inf"))))
    assert {"lower", "upper"} & alert["annotations"].keys() == set()
    assert "NaN" not in json.dumps(alert)


@pytest.mark.parametrize("alert", AlertName.__args__)
def test_every_kind_has_a_summary_and_a_page(alert: str) -> None:
    """The page of the kind, or the index for a kind without one; names are quoted in links."""
    (posted,) = _posted(Entry(("a b&c", "1", "", alert, "critical"), START))
    assert "a b&c version 1" in posted["annotations"]["summary"]
    page = alert if alert in WITH_RUNBOOK else "README"
    assert posted["annotations"]["runbook_url"] == f"https://books/{page}.md"
    query = parse_qs(urlsplit(posted["annotations"]["dashboard_url"]).query)
    assert query["var-model"] == ["a b&c"]

"""Gaps in event time: ticks in which nothing can change are left out, and nobody can tell by what comes out."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from chain import Chain
from factories import START, batch, click, plan_of, record

from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from windows.references.reference import seal
from windows.sketches.profiles import SegmentCounts, slots

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from operators.plans.model import ModelPlan

PANE = 10_000
FAR = 300 * 86_400_000
GAPS = (1, 1, 2, 7, 40, 150, 700)
ALERTING = AlertingSettings.model_validate({"resolve_after": "130s"})


def plan() -> ModelPlan:
    """A model that fires on a dozen shifted rows, with segments that have references of their own."""
    whole = click()
    part = SegmentCounts(
        1000, {name: slots(one) for name, one in whole.features.items()}, slots(whole.prediction or whole.features[0])
    )
    reference = seal(replace(whole, segments={"country": {"de": part, "fr": part}}))
    made = plan_of(
        reference,
        alerting=ALERTING,
        everything=True,
        segments=["country"],
        drift={
            "windows": ["10s", "1m", "10m"],
            "ks": {"minor": 0.1, "major": 0.3},
            "trailing": {"recent": "1m", "before": "5m", "shift": "7m", "ks": {"minor": 0.2, "major": 0.4}},
        },
        prediction={"windows": ["1m"], "trailing": {"recent": "10m", "before": "20m"}},
        quality={"windows": ["1m"], "no_data_after": "95s", "stale_after": "700s"},
        sla={"availability": {"objective": ">= 0.9", "window": "1m"}},
    )
    return replace(made, remember=1_500_000, alpha=0.05)


def bursts(rng: random.Random, count: int) -> list[list[bytes]]:
    """Records of a few panes each, with gaps between them; ages and versions change now and then."""
    found, at = [], START
    shifted, version, country = False, "1", "de"
    for _ in range(count):
        at += PANE * rng.choice(GAPS)
        shifted = shifted != (rng.random() < 0.3)
        version = rng.choice("12") if rng.random() < 0.2 else version
        country = rng.choice(["de", "fr"]) if rng.random() < 0.3 else country
        found.append(
            [
                record(
                    at + rng.randrange(PANE // 2),
                    version=version,
                    error=rng.choice([None] * 5 + ["boom"]),
                    features={
                        "age": rng.randrange(80, 99) if shifted else rng.choice([20, 25, 35, 40, 50, 70]),
                        "country": country,
                        **({} if rng.random() < 0.5 else {"clicks": 3}),
                    },
                )
                for _ in range(rng.choice([1, 3, 25, 60]))
            ]
        )
    return found


def run(model: ModelPlan, batches: list[list[bytes]], **options: Any) -> Chain:
    """Everything through the chain."""
    chain = Chain({"click": model}, ALERTING, TimeSettings.model_validate({"max_ahead": "300d"}), **options)
    for values in batches:
        chain.feed(batch(values, written=START + FAR // 2))
    chain.feed(batch([], ended=True, written=START + FAR // 2))
    return chain


def told(chain: Chain) -> list[AlertEvent]:
    """Events in the order of their times."""
    return sorted(chain.events, key=lambda event: (event.event_time, event.id))


@pytest.mark.parametrize("seed", range(3))
def test_a_gap_is_jumped_over_and_every_event_is_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firing, updated, resolved: to the last field, at the same event time, with the same id.

    Against a tick for every pane, over bursts with gaps of up to two hours: no data, alerts that end, segments that
    vanish and versions that are forgotten within a gap. Evaluations are some of the dense ones.
    """
    monkeypatch.setattr("operators.predictions.close.MAX_EMPTY_PANES", FAR)
    monkeypatch.setattr("operators.judging.streams.SILENT_AFTER", 1_200_000)
    for room in ("alerts.news", "judging.quiet"):
        monkeypatch.setattr(f"operators.{room}.GATHER", 900_000)
    rng = random.Random(seed)
    given = bursts(rng, 32)
    model = plan()
    dense = run(model, given)
    at, batches = 0, []
    while at < len(given):
        size = rng.choice([1, 2, 5, 20])
        batches.append([value for burst in given[at : at + size] for value in burst])
        at += size
    sparse = run(replace(model, jumps=True), batches)
    assert told(sparse) == told(dense)
    assert {event.state for event in dense.events} == {"firing", "updated", "resolved"}
    assert {event.alert for event in dense.events} >= {"DataDrift", "NoData", "DataQuality"}
    assert len(sparse.ticks) < len(dense.ticks) / 5
    assert set(sparse.evaluations) <= set(dense.evaluations)


def test_a_restart_in_a_gap_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due in a gap is part of the state: steps that go on from a snapshot at any moment tell the same."""
    monkeypatch.setattr("operators.judging.streams.SILENT_AFTER", 1_200_000)
    rng = random.Random(8)
    given = bursts(rng, 32)
    model = replace(plan(), jumps=True)
    undisturbed = run(model, given)

    def restart(chain: Chain, place: tuple[str, str]) -> None:
        if rng.random() < 0.2:
            chain.restart(place)

    assert told(run(model, given, before=restart)) == told(undisturbed)

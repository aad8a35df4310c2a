"""Clocks of seasons and their form in a file."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from factories import click

from windows.references.pace import DAY, HOUR
from windows.references.reference import Reference, ReferenceError_, from_json, seal, to_json
from windows.references.seasons import SeasonClock, Seasons, Zone, hours_text
from windows.sketches.profiles import SegmentCounts, slots

UTC = Zone("UTC", (), (0,))
WEEKEND = tuple(int(hour >= 120) for hour in range(168))


def with_seasons() -> Reference:
    """`click` with two classes of hours, of 700 and 300 of its rows, and one segment of its own."""
    whole = click()
    prediction = whole.prediction
    assert prediction is not None

    def part(share: float) -> SegmentCounts:
        features = {name: _cut(slots(profile), round(share * 1_000)) for name, profile in whole.features.items()}
        return SegmentCounts(round(share * 1_000), features, _cut(slots(prediction), round(share * 1_000)))

    halves = (part(0.7), part(0.3))
    zone = Zone("Europe/Berlin", (10 * DAY, 200 * DAY), (HOUR, 2 * HOUR, HOUR))
    seasons = Seasons(SeasonClock(zone, WEEKEND), halves, {"country": {"de": halves}}, "2026a")
    return seal(replace(whole, seasons=seasons))


def _cut(counts: np.ndarray, rows: int) -> np.ndarray:
    """The first so many of the rows, slot after slot."""
    below = np.minimum(np.cumsum(counts), rows)
    return np.diff(np.concatenate(([0], below)))


def test_a_file_gives_them_back() -> None:
    """Zone, hours, counts of classes and segments; without seasons the file is what it was."""
    reference = with_seasons()
    back = from_json(to_json(reference))
    assert back.id == reference.id != click().id
    assert back.seasons is not None
    assert reference.seasons is not None
    assert back.seasons.clock == reference.seasons.clock
    assert back.seasons.tzdata == "2026a"
    for one, other in zip(back.seasons.classes, reference.seasons.segments["country"]["de"], strict=True):
        assert one.rows == other.rows
        assert {name: part.tolist() for name, part in one.features.items()} == {
            name: part.tolist() for name, part in other.features.items()
        }
    assert b"seasons" not in to_json(click())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda wire: wire["hours"].pop(), "167 hours"),
        (lambda wire: wire["hours"].__setitem__(0, 5), "2 to 24 classes"),
        (lambda wire: wire["instants"].reverse(), "ascending"),
        (lambda wire: wire["offsets"].pop(), "offsets"),
        (lambda wire: wire["segments"]["country"]["de"].pop(), "country=de: counts of each of 2"),
        (lambda wire: wire["classes"][0]["features"]["age"].pop(), "feature 'age'"),
    ],
)
def test_what_does_not_hold_together_is_refused(change: object, said: str) -> None:
    """Each with what is wrong, whoever wrote the id anew."""
    file = msgspec.json.decode(to_json(with_seasons()))
    change(file["reference"]["seasons"])  # type: ignore[operator]
    with pytest.raises(ReferenceError_) as wrong:
        from_json(msgspec.json.encode(file))
    file["id"] = str(wrong.value).split()[4].rstrip(",")
    with pytest.raises(ReferenceError_, match=said):
        from_json(msgspec.json.encode(file))


def test_special_days_count_as_another_day_of_the_week() -> None:
    """A Friday that is like a Sunday, by its local midnight; the days around it are themselves."""
    zone = Zone("UTC+2", (), (2 * HOUR,))
    day = 20_447  # 2025-12-25, a Thursday
    clock = SeasonClock(zone, tuple(range(168)), ((day, 6),))
    midnight = day * DAY - 2 * HOUR
    found = clock.hours_of(np.array([midnight - 1, midnight, midnight + 23 * HOUR, midnight + DAY]))
    assert found.tolist() == [2 * 24 + 23, 6 * 24, 6 * 24 + 23, 4 * 24]


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (range(168), "Mon-Sun 00-24"),
        ([day * 24 + hour for day in range(5) for hour in range(8, 20)], "Mon-Fri 08-20"),
        ([0, 1, 22, 23], "Mon 00-02+22-24"),
        ([*range(9, 12), *range(24 * 5, 24 * 7)], "Mon 09-12, Sat-Sun 00-24"),
    ],
)
def test_classes_are_called_by_their_hours(hours: object, text: str) -> None:
    """Days with the same hours together."""
    assert hours_text(hours) == text  # type: ignore[arg-type]

"""People move aliases, too: what was waited for is done once somebody has done it, and nothing else is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from targets import FakeMlflow

from stream.connectors.base import RefusedError
from stream.connectors.client import Client
from stream.connectors.mlflow import Mlflow

ASKED = 1_790_000_000_000
"""When the action was asked for, ms."""
HOUR = 3_600_000


def step(action: str = "rollback", **changes: Any) -> dict[str, Any]:
    """A step of an action on version 7."""
    asked = dt.datetime.fromtimestamp(ASKED / 1e3, dt.UTC).isoformat()
    given = {"id": "a" * 32, "state": "requested", "action": action, "model": "click", "version": "7"}
    return {**given, "target_version": None, "requested_at": asked, **changes}


def registry(server: FakeMlflow, poll: float | None = 30.0) -> Mlflow:
    """A connector that watches."""
    return Mlflow(Client(server.url, 5.0), "{model}", "champion", poll)


def served(**made: int) -> FakeMlflow:
    """A registry whose alias is at 7, and in which these versions (v7=...) were made at these times."""
    return FakeMlflow({("click", "champion"): "7"}, {("click", name[1:]): at for name, at in made.items()})


def test_a_rollback_that_nobody_has_approved_is_done_by_hand() -> None:
    """It is watched and never carried out; at another version than the wanted one it waits on."""
    waiting = step(state="awaiting_approval", target_version="6")
    with served(v6=ASKED - 2 * HOUR, v5=ASKED - 3 * HOUR, v7=ASKED - HOUR) as server:
        watch = registry(server)
        assert watch.wants(waiting)
        assert watch.send(waiting) is None
        assert server.aliases["click", "champion"] == "7"
        server.aliases["click", "champion"] = "5"
        assert watch.look(waiting) is None
        server.aliases["click", "champion"] = "6"
        word = watch.look(waiting)
    assert word is not None
    assert (word.kind, word.version) == ("done", "6")
    assert "somebody has moved it there" in word.detail


def test_a_rollback_without_a_target_waits_for_somebody() -> None:
    """And says so; wherever the alias goes, away from the version at fault is done."""
    with served(v6=ASKED - 2 * HOUR, v7=ASKED - HOUR) as server:
        watch = registry(server)
        first = watch.send(step())
        assert first is not None
        assert first.kind == "dispatched"
        assert watch.look(step()) is None
        server.aliases["click", "champion"] = "6"
        word = watch.look(step())
        again = watch.send(step())
    assert word is not None
    assert (word.kind, word.version) == ("done", "6")
    assert again == word


def test_versions_of_another_naming_are_not_compared() -> None:
    """What serves calls itself v7, which the registry does not know: the alias says nothing of it."""
    with served(v7=ASKED - HOUR, v6=ASKED - HOUR) as server:
        server.aliases["click", "champion"] = "6"
        assert registry(server).look(step(version="release-7")) is None


@pytest.mark.parametrize(("made", "done"), [(ASKED - HOUR, False), (ASKED + HOUR, True)], ids=["before", "since"])
def test_a_retraining_is_done_by_a_version_that_was_made_since(made: int, done: bool) -> None:
    """Whoever trained it; a version that was there before is no new training, wherever the alias goes."""
    with served(v7=ASKED - 2 * HOUR, v8=made) as server:
        watch = registry(server)
        first = watch.send(step("retrain"))
        assert first is not None
        assert first.kind == "dispatched"
        server.aliases["click", "champion"] = "8"
        word = watch.look(step("retrain"))
    assert (word is not None) == done
    if word is not None:
        assert (word.kind, word.version) == ("done", "8")


def test_an_alias_that_is_not_there_yet_is_given() -> None:
    """MLflow says 400 to who asks for it."""
    with served(v7=ASKED) as server:
        server.aliases = {("click", "other"): "7"}
        word = registry(server).send(step("promote", target_version="7"))
        assert server.aliases["click", "champion"] == "7"
    assert word is not None
    assert "it was None" in word.detail


def test_a_model_that_is_not_there_cannot_be_watched() -> None:
    """A template that names nothing is told at once."""
    with served() as server:
        watch = Mlflow(Client(server.url, 5.0), "no-{model}", "champion", 30.0)
        with pytest.raises(RefusedError, match="no registered model no-click"):
            watch.send(step("retrain"))


def test_without_a_poll_nothing_is_watched() -> None:
    """What waits for approval is none of its business then."""
    with served() as server:
        assert not registry(server, None).wants(step(state="awaiting_approval"))
        with pytest.raises(RefusedError, match="does not retrain"):
            registry(server, None).send(step("retrain"))


def test_what_no_alias_can_show_is_refused() -> None:
    """A fallback, a review: nobody would ever know that it was done."""
    with served(v7=ASKED) as server:
        watch = registry(server)
        assert not watch.wants(step("fallback", state="awaiting_approval"))
        with pytest.raises(RefusedError, match="a registry does not fallback"):
            watch.send(step("fallback"))

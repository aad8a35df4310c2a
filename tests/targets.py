"""Servers that speak the public API of what connectors talk to, and lose answers after they have committed."""

from __future__ import annotations

import json
import random
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    Route = Callable[[str, str, dict[str, str], bytes], tuple[int, Any]]


class Target:
    """A server on a free port; a context manager.

    Args:
        drop: share of the requests whose answer is lost, after all that they ask for is done.
        busy: share of the requests that are refused with 503 before anything is done.
        seed: of the chance.
    """

    def __init__(self, drop: float = 0.0, busy: float = 0.0, seed: int = 1) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._rng, self._drop, self._busy = random.Random(seed), drop, busy
        self._lock = threading.Lock()
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def _answer(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = target.handle(method, self.path, dict(self.headers.items()), body)
                if answer is None:  # the line is cut
                    self.close_connection = True
                    return
                status, found = answer
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any] | None:
        """The answer to a request; None where it is lost."""
        with self._lock:
            self.requests.append((method, path, headers, body))
            if self._rng.random() < self._busy:
                return 503, {"detail": "come again"}
            answer = self.route(method, path, headers, body)
            return None if self._rng.random() < self._drop else answer

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """What it does."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FakeAirflow(Target):
    """DAG runs as Airflow 3 (api v2) or 2 (v1) has them: an id is taken once, and 409 says that it is.

    Args:
        api: see above.
        users: their passwords by name, for which it gives tokens; None where nobody is asked who he is.
    """

    def __init__(self, api: str = "v2", users: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.api, self.users = api, users
        self.tokens: list[str] = []
        """That hold; Airflow's own expire after a day."""
        self.paused: set[str] = set()
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        self.made: list[str] = []

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """POST and GET of dagRuns; runs that are there succeed with `succeed`. Answers are those of Airflow 3.3.2."""
        if path == "/auth/token" and self.users is not None:
            return self._token(json.loads(body))
        stranger = self._stranger(headers.get("Authorization", ""))
        parts = path.strip("/").split("/")
        if stranger is not None:
            return stranger
        if parts[:3] != ["api", self.api, "dags"]:
            return 404, {"detail": "no such page"}
        if len(parts) == 4:
            return 200, {"dag_id": parts[3], "is_paused": parts[3] in self.paused}
        return self._runs(method, parts, body)

    def _runs(self, method: str, parts: list[str], body: bytes) -> tuple[int, Any]:
        if method == "GET":
            run = self.runs.get((parts[3], parts[5]))
            return (404, {"detail": "DagRun not found"}) if run is None else (200, run)
        given = json.loads(body)
        if self.api == "v2" and "logical_date" not in given:
            return 422, {"detail": [{"loc": ["body", "logical_date"], "msg": "Field required"}]}
        key = (parts[3], given["dag_run_id"])
        if key in self.runs:
            return 409, {"detail": "DAGRun already exists"}
        self.runs[key] = {**given, "dag_id": parts[3], "state": "queued"}
        self.made.append(given["dag_run_id"])
        return 200, self.runs[key]

    def _stranger(self, said: str) -> tuple[int, Any] | None:
        """What is said to whom nobody knows."""
        kind, _, token = said.partition(" ")
        if self.users is None or (kind == "Bearer" and token in self.tokens):
            return None
        return (403, {"detail": "Invalid JWT token"}) if kind == "Bearer" else (401, {"detail": "Not authenticated"})

    def _token(self, given: dict[str, str]) -> tuple[int, Any]:
        if (self.users or {}).get(given["username"]) != given["password"]:
            return 401, {"detail": "Invalid credentials"}
        self.tokens.append(f"token-{len(self.requests)}-of-{given['username']}")
        return 201, {"access_token": self.tokens[-1]}

    def succeed(self, state: str = "success") -> None:
        """End all runs."""
        for run in self.runs.values():
            run["state"] = state


class FakeMlflow(Target):
    """Aliases of registered models. Answers are those of MLflow 3.17.2.

    Args:
        aliases: (model, alias) -> version.
        made: when each version was created, ms; those of other names are unknown.
    """

    def __init__(
        self, aliases: dict[tuple[str, str], str], made: dict[tuple[str, str], int] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.aliases, self.made = aliases, made or {}

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """GET and POST of registered-models/alias; GET of registered-models and model-versions."""
        del headers
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        missing = {"error_code": "RESOURCE_DOES_NOT_EXIST"}
        match parts.path.removeprefix("/api/2.0/mlflow/"):
            case "registered-models/alias" if method == "POST":
                given = json.loads(body)
                self.aliases[given["name"], given["alias"]] = given["version"]
                return 200, {}
            case "registered-models/alias":
                return self._alias(query["name"], query["alias"])
            case "registered-models/get":
                known = any(query["name"] == name for name, _ in self.aliases)
                return (200, {"registered_model": query}) if known else (404, missing)
            case "model-versions/get":
                known = (query["name"], query["version"]) in self.made
                return (200, {"model_version": query}) if known else (404, missing)
        return 404, {"error_code": "ENDPOINT_NOT_FOUND"}

    def _alias(self, name: str, alias: str) -> tuple[int, Any]:
        version = self.aliases.get((name, alias))
        if version is None:
            message = f"Registered model alias {alias} not found."
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message}
        made = self.made.get((name, version), 0)
        return 200, {"model_version": {"name": name, "version": version, "creation_timestamp": made}}


class Receiver(Target):
    """Takes whatever is posted."""

    status = 200

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Yes."""
        del method, path, headers, body
        return self.status, {"ok": True}


class FakeCluster(Target):
    """Jobs and Workflows of one namespace: a name is taken once, and 409 says that it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.objects: dict[str, dict[str, Any]] = {}
        self.made: list[str] = []

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """POST and GET of objects."""
        del headers
        if method == "GET":
            found = self.objects.get(path.rpartition("/")[2])
            return (404, {"kind": "Status", "reason": "NotFound"}) if found is None else (200, found)
        given = json.loads(body)
        name = given["metadata"]["name"]
        if name in self.objects:
            return 409, {"kind": "Status", "reason": "AlreadyExists"}
        self.objects[name] = {**given, "status": {"active": 1}}
        self.made.append(name)
        return 201, self.objects[name]


class MailServer:
    """Takes messages by SMTP, without encryption; a context manager."""

    def __init__(self, answer: str = "250 taken") -> None:
        self.messages: list[str] = []
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline().decode().strip():
                    word = line.partition(" ")[0].upper()
                    if word == "DATA":
                        self.wfile.write(b"354 go on\r\n")
                        text = []
                        while (row := self.rfile.readline()) != b".\r\n":
                            text.append(row.decode())
                        if answer.startswith("250"):
                            server.messages.append("".join(text))
                        self.wfile.write(f"{answer}\r\n".encode())
                    elif word == "QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    else:
                        self.wfile.write(b"250 yes\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

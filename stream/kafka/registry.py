"""The schema registry: asked for schemas aside from the dataflow; while it does not answer the sources wait."""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64decode, b64encode
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from operators.formats.schemas import framed
from stream.errors import Unreachable
from stream.http.authorization import header_of
from stream.http.tls import client_context
from stream.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import Message

    from operators.formats.schemas import SchemaKey
    from stream.config.edges.registry import RegistrySettings
    from stream.config.load import Config

RETRY = 1.0
"""Seconds between two questions about one schema."""

FORGET = 60.0
"""Seconds for which a schema that the registry does not have is not asked for again."""

LARGEST = 8 << 20
"""Bytes of an answer."""

PROTOBUF = "PROTOBUF"
"""What a registry calls the type of such schemas."""

MOST_FILES = 200
"""Files of Protobuf that one schema may need."""

_LOG = logging.getLogger("driftgauge.registry")


class AwayError(RuntimeError):
    """The registry does not say; why, in one line."""


class RegistryClient:
    """Asks a registry. A connection is made for each question: each schema is asked for once.

    Raises:
        ConfigError: a certificate, a key or a file with a secret cannot be used.
    """

    def __init__(self, config: Config, settings: RegistrySettings) -> None:
        self.url = settings.url or ""
        self._timeout = settings.timeout / 1e3
        self._redact = partial(redact, config=config)
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json", "User-Agent": "driftgauge"}
        if settings.auth is not None:
            self._headers["Authorization"] = header_of(config, settings.auth, ("schema_registry", "auth"))
        self._context = (
            client_context(config, settings.tls, "schema_registry") if self.url.startswith("https") else None
        )

    def schema(self, key: SchemaKey) -> str | None:
        """The text of a schema (of Protobuf: a descriptor set in base64); None where the registry has none of this key.

        Raises:
            AwayError: it does not say.
        """
        path = f"/schemas/{'ids' if isinstance(key, int) else 'guids'}/{key}"
        answer = self._asked(path)
        if answer is None or answer.get("schemaType") != PROTOBUF:
            return None if answer is None else str(answer["schema"])
        files: dict[str, Any] = {}
        if not self._add_file(f"schema {key}", path, files):
            return None
        return b64encode(FileDescriptorSet(file=files.values()).SerializeToString()).decode()

    def _add_file(self, name: str, path: str, files: dict[str, Any]) -> bool:
        """Add a file of Protobuf behind all that it imports; whether the registry has all of them.

        Raises:
            AwayError: it does not say.
        """
        answer = self._asked(f"{path}?format=serialized")
        if answer is None:
            return False
        try:
            file = FileDescriptorProto.FromString(b64decode(answer["schema"], validate=True))
            references = [(str(one["name"]), one["subject"], one["version"]) for one in answer.get("references") or ()]
        except (ValueError, KeyError, TypeError, DecodeError):
            raise AwayError(
                "it gives no descriptors of Protobuf (format=serialized): name a descriptor set, schema_file"
            ) from None
        file.name = name
        for imported, subject, version in references:
            if imported in files:
                continue
            if len(files) > MOST_FILES:
                raise AwayError(f"more than {MOST_FILES} files of Protobuf refer to each other")
            files[imported] = FileDescriptorProto(name=imported)
            quoted = quote(str(subject), safe="")
            if not self._add_file(imported, f"/subjects/{quoted}/versions/{quote(str(version))}", files):
                return False
        files.pop(name, None)  # behind what it imports
        files[name] = file
        return True

    def _asked(self, path: str) -> dict[str, Any] | None:
        """An answer that holds a schema; None where the registry has none.

        Raises:
            AwayError: it does not say.
        """
        base = urlsplit(self.url).path.rstrip("/")
        try:
            with closing(self._connection()) as connection:
                connection.request("GET", f"{base}{path}", headers=self._headers)
                answer = connection.getresponse()
                said = answer.read(LARGEST)
        except (OSError, HTTPException, UnicodeError) as error:
            raise AwayError(self._line(str(error) or type(error).__name__)) from None
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise AwayError(self._line(f"{answer.status} {answer.reason}"))
        try:
            found: dict[str, Any] = json.loads(said)
            found["schema"]
        except (ValueError, KeyError, TypeError):
            raise AwayError("it answers as no schema registry does") from None
        return found

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=self._timeout, context=self._context)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=self._timeout)

    def _line(self, text: str) -> str:
        return self._redact(" ".join(text.split()))


class Registry:
    """What is known of a registry's schemas.

    Args:
        ask: gives a schema, None for none, or raises AwayError.
        unknown_after: seconds for which a schema that the registry does not have is asked for again.
        say: told why the sources wait, and "" once they do not.
    """

    def __init__(
        self, ask: Callable[[SchemaKey], str | None], unknown_after: float, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._ask = ask
        self._unknown_after = unknown_after
        self._say = say
        self._known: dict[SchemaKey, str] = {}
        self._unknown: dict[SchemaKey, float] = {}
        self._first: dict[SchemaKey, float] = {}
        self._wanted: set[SchemaKey] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="registry", daemon=True)

    def text(self, key: SchemaKey) -> str | None:
        """A schema; None where the registry has none of this key. Asks now if that is not known yet.

        Raises:
            Unreachable: it does not say, and nobody waited for it before.
        """
        if key in self._known or key in self._unknown:
            return self._known.get(key)
        try:
            found = self._ask(key)
        except AwayError as error:
            raise Unreachable(f"schema_registry: no answer about schema {key}: {error}") from None
        self._learn(key, found, time.monotonic())
        return found

    def ready(self, messages: Iterable[Message]) -> bool:
        """Whether the schemas of all these messages are known, or known to be none; asks for the others."""
        now = time.monotonic()
        keys = set()
        for message in messages:
            value, headers = message.value(), message.headers()
            if isinstance(value, bytes):
                keys.add(framed(value, tuple(headers or ()))[0])  # type: ignore[arg-type]
        missing = {
            key
            for key in keys - {None} - self._known.keys()
            if self._unknown.get(key, -FORGET) + FORGET < now  # type: ignore[arg-type]
        }
        if missing:
            with self._lock:
                self._wanted |= missing  # type: ignore[arg-type]
            if not self._thread.ident:
                self._thread.start()
            self._wake.set()
        return not missing

    def close(self) -> None:
        """End the thread."""
        self._done.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._done.is_set():
            self._wake.wait()
            self._wake.clear()
            while not self._done.is_set() and (wanted := self._still_wanted()):
                settled = list(map(self._settle, wanted))
                if not all(settled):
                    self._done.wait(RETRY)

    def _still_wanted(self) -> list[SchemaKey]:
        with self._lock:
            return sorted(self._wanted, key=str)

    def _settle(self, key: SchemaKey) -> bool:
        """Ask for a schema; whether there is nothing more to be asked about it."""
        now = time.monotonic()
        try:
            found = self._ask(key)
        except AwayError as error:
            self._tell(f"the schema registry does not answer: {error}")
            return False
        first = self._first.setdefault(key, now)
        if found is None and now - first < self._unknown_after:
            self._tell(f"the schema registry does not have schema {key} (yet)")
            return False
        self._learn(key, found, now)
        with self._lock:
            self._wanted.discard(key)
            over = not self._wanted
        if over:
            self._tell("")
        return True

    def _learn(self, key: SchemaKey, found: str | None, now: float) -> None:
        if found is None:
            self._unknown[key] = now
        else:
            self._known[key] = found
            self._unknown.pop(key, None)

    def _tell(self, why: str) -> None:
        if why != self._said:
            self._said = why
            if why:
                _LOG.warning("waiting: %s", why)
            else:
                _LOG.info("all schemas are known")
            self._say(why)


def registry_of(config: Config, say: Callable[[str], None] = lambda _: None) -> Registry | None:
    """The registry that the config names; None where it names none.

    Raises:
        ConfigError: see RegistryClient.
    """
    settings = config.schema_registry
    if settings.url is None:
        return None
    return Registry(RegistryClient(config, settings).schema, settings.unknown_after / 1e3, say)

"""A small schema registry over HTTP, which speaks the public API as far as consumers need it."""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

USER, PASSWORD = "schemas", "registry-Pa$$w0rd"


def _serialized(file: FileDescriptorProto, as_text: bool) -> str:
    return 'syntax = "proto3"; ...' if as_text else b64encode(file.SerializeToString()).decode()


class SchemaRegistry:
    """Answers GET /schemas/ids/{id} and /schemas/guids/{guid} on a port of its own, also after it was away.

    Args:
        private: whether it asks for USER and PASSWORD.
    """

    def __init__(self, *, private: bool = False) -> None:
        self.private = private
        self.asked: list[str] = []
        self._schemas: dict[str, dict[str, Any]] = {}
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def register(self, schema: Any, number: int) -> str:
        """Take a schema under an id; its GUID."""
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
        self._schemas[f"/schemas/ids/{number}"] = self._schemas[f"/schemas/guids/{guid}"] = {
            "schema": json.dumps(schema)
        }
        return guid

    def register_protobuf(self, schema: FileDescriptorSet, number: int, *, as_text: bool = False) -> str:
        """Take the last file of a schema of Protobuf under an id, those that it imports as subjects; its GUID.

        `as_text`: a registry that cannot give descriptors.
        """
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
        *imported, last = schema.file
        references = [{"name": file.name, "subject": f"{file.name}#{number}", "version": 1} for file in imported]
        about = {"schemaType": "PROTOBUF", **({"references": references} if references else {})}
        for path in (f"/schemas/ids/{number}", f"/schemas/guids/{guid}"):
            self._schemas[path] = {**about, "schema": 'syntax = "proto3"; ...'}
            self._schemas[f"{path}?format=serialized"] = {**about, "schema": _serialized(last, as_text)}
        for file in imported:
            path = f"/subjects/{quote(f'{file.name}#{number}', safe='')}/versions/1?format=serialized"
            self._schemas[path] = {"schemaType": "PROTOBUF", "schema": _serialized(file, as_text)}
        return guid

    def __enter__(self) -> Self:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self) -> None:
                """A schema."""
                registry.asked.append(self.path)
                status, body = registry.answer(self.path, self.headers.get("Authorization"))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def answer(self, path: str, authorization: str | None) -> tuple[int, Any]:
        """Status and body."""
        wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.private and authorization != wanted:
            return 401, {"error_code": 401, "message": f"not {authorization}"}
        if path not in self._schemas:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, self._schemas[path]

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

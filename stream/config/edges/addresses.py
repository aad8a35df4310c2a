"""Addresses: host and port."""

import ipaddress
import re
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})", re.ASCII)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port", "127.0.0.1:9108" or "[::1]:9108"; an empty host means all interfaces.

    Raises:
        ValueError: it is not such an address.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise ValueError(address)
    if host.startswith("[") and host.endswith("]"):
        return str(ipaddress.IPv6Address(host[1:-1])), int(port)
    if host and not _HOST.fullmatch(host):
        raise ValueError(address)
    return host, int(port)


def http_address(given: str, example: str = "http://localhost:8081", auth: str = "auth") -> str:
    """An http or https address that ends with its path, without a user name.

    Args:
        given: what is checked.
        example: of such an address.
        auth: key that a user name belongs to.

    Raises:
        PydanticCustomError: it is none.
    """
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        port, parts = 0, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not given.isascii():
        raise PydanticCustomError("url", f"an http or https address, such as {example}")
    if "@" in given:
        raise PydanticCustomError("url", f"an address without a user name, which {auth} is for")
    if parts.query or parts.fragment or any(character.isspace() for character in given):
        raise PydanticCustomError("url", "an address that ends with its path")
    return given.rstrip("/")

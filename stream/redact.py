"""Secrets never reach a log, an error, a metric or a dead letter."""

import json
import re
from typing import Protocol

MASK = "***"

_SECRET_NAME = re.compile(
    r"passw|secret|token|credential|jaas|key|private|pem|kinit\.cmd|oauthbearer\.config|userinfo", re.IGNORECASE
)
_USERINFO = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^\s/]+@")
_WORD = re.compile(r"""[^\s"']+""")
_HOST_AND_PORT = re.compile(r"[\w.\[\]:-]+:\d")


class _Kafka(Protocol):
    @property
    def properties(self) -> dict[str, bool | int | float | str]: ...


class _HasKafka(Protocol):
    @property
    def kafka(self) -> _Kafka: ...


def is_secret(name: str) -> bool:
    """Whether a setting of this name (a Kafka property, a variable, a key path) is never shown."""
    return _SECRET_NAME.search(name) is not None


def secrets_of(properties: dict[str, bool | int | float | str]) -> list[str]:
    """Every text under which the secrets of these properties could appear, longest first."""
    found: set[str] = set()
    for name, value in properties.items():
        if is_secret(name) and not isinstance(value, bool) and str(value).lower() not in {"", "true", "false"}:
            text = str(value)
            found |= {text, repr(text)[1:-1], json.dumps(text)[1:-1]}
            found |= {line.strip() for line in text.splitlines() if len(line.strip()) >= 8}
    return sorted(found, key=len, reverse=True)


def redact(text: str, config: _HasKafka | None) -> str:
    """The text without the secrets of the config, and without user names and passwords in addresses."""
    for secret in secrets_of(config.kafka.properties) if config is not None else []:
        text = text.replace(secret, MASK)
    return _WORD.sub(_without_userinfo, _USERINFO.sub(rf"\1{MASK}@", text)) if "@" in text else text


def _without_userinfo(word: re.Match[str]) -> str:
    """The word without "user:password@" or, before a host with a port, "user@", though there be no scheme."""
    before, at, host = word[0].rpartition("@")
    scheme, slashes, userinfo = before.partition("://") if "://" in before else ("", "", before)
    if "@" in scheme:  # the scheme of a second address
        scheme, slashes, userinfo = "", "", before
    if at and (":" in userinfo or _HOST_AND_PORT.match(host)):
        return f"{scheme}{slashes}{MASK}@{host}"
    return word[0]

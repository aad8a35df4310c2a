"""Secrets never reach a log, an error, a metric or a dead letter."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import quote, quote_plus

MASK = "***"

_SECRET_NAME = re.compile(
    r"passw|secret|token|credential|jaas|key|private|pem|kinit\.cmd|oauthbearer\.config|userinfo", re.IGNORECASE
)
_USERINFO = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^\s/]+@")
_WORD = re.compile(r"""[^\s"']+""")
_HOST_AND_PORT = re.compile(r"[\w.\[\]:-]+:\d")


class HasSecrets(Protocol):
    """A config."""

    @property
    def secrets(self) -> Sequence[str]:
        """Texts to mask, longest first."""


def is_secret(name: str) -> bool:
    """Whether a setting of this name (a Kafka property, a variable, a key path) is never shown."""
    return _SECRET_NAME.search(name) is not None


def forms_of(secrets: Iterable[object]) -> tuple[str, ...]:
    """Every text under which these secrets could appear, longest first; without what is no secret, such as true."""
    found: set[str] = set()
    for secret in secrets:
        text = str(secret)
        if isinstance(secret, bool) or text.lower() in {"", "true", "false"}:
            continue
        found |= {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text), quote(text, safe=""), quote_plus(text)}
        found |= {line.strip() for line in text.splitlines() if len(line.strip()) >= 8}
    return tuple(sorted(found, key=len, reverse=True))


def redact(text: str, config: HasSecrets | None) -> str:
    """The text without the secrets of the config, and without user names and passwords in addresses."""
    for secret in config.secrets if config is not None else ():
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

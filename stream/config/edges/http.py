"""Settings of the HTTP pages."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from operators.settings.parts import Settings
from stream.config.edges.access import AuthSettings, TlsSettings
from stream.config.edges.addresses import split_address


def _listen(address: str) -> str:
    try:
        split_address(address)
    except ValueError:
        raise PydanticCustomError("address", 'host:port, such as "127.0.0.1:9108"') from None
    return address


class HttpSettings(Settings):
    """Where /metrics, /healthz and /readyz listen, and who may see what."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9108"
    tls: TlsSettings | None = None
    auth: AuthSettings | None = None

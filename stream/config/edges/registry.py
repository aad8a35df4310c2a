"""Settings of the schema registry."""

from typing import Annotated

from pydantic import AfterValidator

from operators.settings.durations import Millis, from_to
from operators.settings.parts import Settings
from stream.config.edges.access import AuthSettings, ClientTlsSettings
from stream.config.edges.addresses import http_address


class RegistrySettings(Settings):
    """Where schemas are kept that messages name; none without a url.

    Attributes:
        url: base address of its API, as Confluent's and Apicurio's registries have it.
        auth: how we say who we are.
        tls: for an https address.
        timeout: how long an answer may take.
        unknown_after: how long a schema that the registry does not have is waited for; then its messages are refused.
    """

    url: Annotated[str, AfterValidator(http_address)] | None = None
    auth: AuthSettings | None = None
    tls: ClientTlsSettings | None = None
    timeout: Annotated[Millis, from_to(100, 60_000)] = 5_000
    unknown_after: Annotated[Millis, from_to(0, 3_600_000)] = 30_000

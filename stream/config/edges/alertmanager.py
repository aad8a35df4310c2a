"""Settings of the direct push of alerts."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from operators.settings.durations import Millis, from_to, show_duration
from operators.settings.parts import Settings, unfit
from stream.config.edges.access import AuthSettings, ClientTlsSettings
from stream.config.edges.addresses import http_address


def _url(given: str) -> str:
    return http_address(given, "http://localhost:9093", "alertmanager.auth")


class AlertmanagerSettings(Settings):
    """Direct push of alerts to Alertmanager, beside or instead of Prometheus; off without urls.

    Attributes:
        urls: base address of every replica: each is told everything, and they agree among themselves who pages.
        resend_every: how often a firing alert is sent again.
        expires_after: how long an alert outlives a driftgauge that is gone for good.
        timeout: how long an answer may take.
        auth: how we say who we are.
        tls: for https addresses.
    """

    urls: Annotated[tuple[Annotated[str, AfterValidator(_url)], ...], Field(max_length=16)] = ()
    resend_every: Annotated[Millis, from_to(1_000, 600_000)] = 60_000
    expires_after: Annotated[Millis, from_to(10_000, 86_400_000)] = 3_600_000
    timeout: Annotated[Millis, from_to(100, 60_000)] = 5_000
    auth: AuthSettings | None = None
    tls: ClientTlsSettings | None = None

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if len(set(self.urls)) < len(self.urls):
            raise unfit("urls", "each address only once")
        if self.expires_after < 3 * self.resend_every:
            often = show_duration(self.resend_every)
            raise unfit("expires_after", "at least three times resend_every ({often}) is needed", often=often)
        return self

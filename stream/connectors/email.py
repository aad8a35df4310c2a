"""E-mail: steps of actions as messages. It is told, and does nothing; the Message-ID is the same for the same step."""

from __future__ import annotations

import datetime as dt
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from stream.connectors.base import PassingError, RefusedError, Step, Word

if TYPE_CHECKING:
    from collections.abc import Callable

FOR_GOOD = 500
"""From this code on a server will not take the message, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server, and who is told.

    Attributes:
        host: of the server.
        port: likewise.
        sender: address that messages are from.
        to: addresses.
        states: steps that are told.
        starttls: whether the connection is to be encrypted.
        login: user name and password; None for none.
        timeout: seconds.
    """

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    states: frozenset[str]
    starttls: bool = True
    login: tuple[str, str] | None = None
    timeout: float = 10.0
    redact: Callable[[str], str] = str
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """The states that it is to be told of."""
        return step["state"] in self.states

    def send(self, step: Step) -> Word | None:
        """Send a message."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.login is not None:
                    server.login(*self.login)
                server.send_message(self.message_of(step))
        except smtplib.SMTPResponseException as error:
            said = self.redact(f"the mail server answers {error.smtp_code}: {error.smtp_error!r}")
            raise (RefusedError if error.smtp_code >= FOR_GOOD else PassingError)(said) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise RefusedError(f"the mail server takes none of the {len(error.recipients)} recipients") from error
        except (OSError, smtplib.SMTPException) as error:
            raise PassingError(self.redact(f"the mail server: {error}")) from error
        return None

    def look(self, step: Step) -> Word | None:  # noqa: ARG002 - there is nothing to look at
        """Nothing."""
        return None

    def message_of(self, step: Step) -> EmailMessage:
        """The message; line breaks in names cannot make headers."""
        message = EmailMessage()
        what = f"{step['action']} of {step['model']}: {step['state'].replace('_', ' ')}"
        message["Subject"] = " ".join(f"[driftgauge] {what}".split())
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Message-ID"] = f"<{step['event_id']}@driftgauge>"
        message["References"] = f"<{step['id']}@driftgauge>"
        message["Date"] = format_datetime(_time(step["event_time"]))
        lines = [step["reason"], "", f"action {step['id']}", f"to be done by {step['complete_by']}"]
        if step["state"] == "awaiting_approval":
            lines.append(f"to agree: driftgauge action approve {step['id'][:12]}")
        message.set_content("\n".join(lines))
        return message


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)

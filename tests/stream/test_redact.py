"""Redaction: user names and passwords in addresses, with a scheme and without."""

from __future__ import annotations

import pytest

from stream.config.problems import show
from stream.redact import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kafka://user:pw@host:9", "kafka://***@host:9"),
        ("https://user:p@ss@host/x", "https://***@host/x"),
        ("user:hunter2pw@127.0.0.1:9", "***@127.0.0.1:9"),
        ('given "user:hun/ter@[::1]:9"; host:port', 'given "***@[::1]:9"; host:port'),
        ("user:pw,with@host:9", "***@host:9"),
        ("a:1,user:p@ss@host:9 is away", "***@host:9 is away"),
        ("token@host:9", "***@host:9"),
        (":pw@host", "***@host"),
        ("c.yaml:3: kafka.brokers: localhost:9092", "c.yaml:3: kafka.brokers: localhost:9092"),
        ("write to someone@example.org, please", "write to someone@example.org, please"),
    ],
)
def test_no_user_name_or_password_of_an_address_is_shown(text: str, shown: str) -> None:
    """What stands before the @ of an address is masked; where there is none the text stays."""
    assert redact(text, None) == shown
    assert redact(shown, None) == shown


def test_what_a_problem_shows_is_masked_before_it_is_cut() -> None:
    """A password past the limit of length would else lose the @ that gives it away."""
    said = show("user:" + "hunter2" * 20 + "@host:9")
    assert "hunter2" not in said
    assert said == 'given "***@host:9"'


def test_long_texts_take_no_time() -> None:
    """The time grows with the text, not with its square."""
    text = "a:" * 500_000 + " @"
    assert redact(text, None) == text

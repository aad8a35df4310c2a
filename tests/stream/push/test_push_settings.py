from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from stream.config.load import load
from stream.config.problems import ConfigError
from stream.push.client import clients_of
from stream.push.replicas import push_of

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config

MODEL = "models: [{name: click, task: binary}]\n"


def _load(directory: Path, section: str, **env: str) -> Config:
    file = directory / "c.yaml"
    file.write_text(f"alertmanager: {section}\n{MODEL}")
    return load(file, env)


def _refused(directory: Path, section: str) -> str:
    with pytest.raises(ConfigError) as error:
        clients_of(_load(directory, section))
    return str(error.value)


def test_it_is_off_unless_addresses_are_given(tmp_path: Path) -> None:
    """No section, no push."""
    file = tmp_path / "c.yaml"
    file.write_text(MODEL)
    config = load(file, {})
    assert config.alertmanager.urls == ()
    assert push_of(config) is None


def test_every_key_is_read(tmp_path: Path) -> None:
    """Durations become ms; a slash at the end of an address does not matter; files are relative to the config."""
    push = _load(
        tmp_path,
        "{urls: ['http://a:9093/', 'https://b/am'], resend_every: 30s, expires_after: 2h, timeout: 1s,"
        " auth: {username: u, password_file: secret}, tls: {ca: ca.crt, certificate: c.crt, key: c.key}}",
    ).alertmanager
    assert push.urls == ("http://a:9093", "https://b/am")
    assert (push.resend_every, push.expires_after, push.timeout) == (30_000, 7_200_000, 1_000)
    assert push.auth is not None
    assert push.auth.password_file == tmp_path / "secret"
    assert push.tls is not None
    assert (push.tls.ca, push.tls.key) == (tmp_path / "ca.crt", tmp_path / "c.key")


def test_the_environment_can_name_the_replicas(tmp_path: Path) -> None:
    """As any other key."""
    config = _load(tmp_path, "{}", DRIFTGAUGE__ALERTMANAGER__URLS='["http://a:9093", "http://b:9093"]')
    assert [client.url for client in clients_of(config)] == ["http://a:9093", "http://b:9093"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{urls: ['a:9093']}", "an http or https address"),
        ("{urls: ['ftp://a']}", "an http or https address"),
        ("{urls: ['http://']}", "an http or https address"),
        ("{urls: ['http://a:x']}", "an http or https address"),
        ("{urls: ['http://a:0']}", "an http or https address"),
        ("{urls: ['http://ä']}", "an http or https address"),
        ("{urls: ['http://u:planted@a']}", "an address without a user name, which alertmanager.auth is for"),
        ("{urls: ['http://a?x=planted']}", "an address that ends with its path"),
        ("{urls: ['http://a b']}", "an address that ends with its path"),
        ("{urls: ['http://a', 'http://a/']}", "each address only once"),
        ("{expires_after: 2m}", 'expires_after: given "2m"; at least three times resend_every (1m) is needed'),
        ("{resend_every: 0s}", "resend_every"),
        ("{tls: {certificate: a}}", "certificate and key, both or neither"),
        ("{auth: {token: a, username: b}}", "one of token, token_file"),
        ("{url: x}", 'did you mean "urls"?'),
    ],
)
def test_what_is_wrong_is_one_line_without_secrets(tmp_path: Path, section: str, said: str) -> None:
    """Which key, and what is allowed."""
    line = _refused(tmp_path, section)
    assert said in line
    assert "alertmanager" in line
    assert "\n" not in line
    assert "u:planted" not in line


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("{urls: ['https://a'], tls: {ca: no.crt}}", "alertmanager.tls.ca"),
        ("{urls: ['https://a'], tls: {ca: c.yaml}}", "alertmanager.tls.ca"),
        ("{urls: ['https://a'], tls: {certificate: c.yaml, key: c.yaml}}", "alertmanager.tls.certificate"),
        ("{urls: ['http://a'], auth: {token_file: no}}", "alertmanager.auth.token_file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, section: str, place: str) -> None:
    """Before anything starts."""
    assert place in _refused(tmp_path, section)


def test_secrets_are_masked_where_they_are_wrong(tmp_path: Path) -> None:
    """A token with a line break is refused without being shown."""
    assert "planted" not in _refused(tmp_path, '{urls: [], auth: {token: "planted\\ntoken"}}')


def test_the_certificate_of_a_server_is_always_checked(tmp_path: Path) -> None:
    """There is no setting that would leave it out."""
    (client,) = clients_of(_load(tmp_path, "{urls: ['https://a']}"))
    assert client.context is not None
    assert client.context.verify_mode == ssl.CERT_REQUIRED
    assert client.context.check_hostname

"""Makes the connectors that a config names."""

from __future__ import annotations

import ssl
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stream.config.problems import ConfigError
from stream.config.secrets import one_line
from stream.config.yaml_file import read_yaml
from stream.connectors.airflow import Airflow
from stream.connectors.airflow_token import AirflowToken
from stream.connectors.base import PassingError
from stream.connectors.client import Client
from stream.connectors.datadog import Datadog
from stream.connectors.email import Email
from stream.connectors.kubernetes import PATHS, Kubernetes
from stream.connectors.login import Login
from stream.connectors.mlflow import Mlflow
from stream.connectors.slack import Slack
from stream.connectors.webhook import Webhook, key_of
from stream.http.authorization import header_of, password_of
from stream.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stream.config.edges.access import ClientTlsSettings
    from stream.config.load import Config
    from stream.config.problems import KeyPath
    from stream.connectors.base import Connector


def connectors_of(config: Config) -> dict[str, Connector]:
    """All connectors by name.

    Raises:
        ConfigError: a certificate, a key or a file with a secret cannot be used.
    """
    makers: dict[str, Callable[[Config, Any, KeyPath], Connector]] = {
        "airflow": _airflow,
        "webhook": _webhook,
        "slack": _slack,
        "mlflow": _mlflow,
        "kubernetes": _kubernetes,
        "email": _email,
        "datadog": _datadog,
    }
    return {
        name: makers[one.kind](config, one.target, ("actions", "connectors", name, one.kind))
        for name, one in config.actions.connectors.items()
    }


def webhook_keys(config: Config) -> dict[str, bytes]:
    """The keys of signed webhooks by the names of their connectors.

    Raises:
        ConfigError: a secret, or the file with it, cannot be used.
    """
    hooks = {name: one for name, one in config.actions.connectors.items() if one.kind == "webhook"}
    keys = {name: _key(config, one.target, ("actions", "connectors", name, "webhook")) for name, one in hooks.items()}
    return {name: key for name, key in keys.items() if key is not None}


def _airflow(config: Config, target: Any, place: KeyPath) -> Connector:
    client = _client(config, target, place)
    if target.api == "v2" and target.auth is not None and target.auth.username is not None:
        password = _later(partial(password_of, config, target.auth, (*place, "auth")))
        client = replace(client, login=Login(AirflowToken(replace(client, login=None), target.auth.username, password)))
    return Airflow(client, target.api, target.dag, target.poll / 1e3)


def _mlflow(config: Config, target: Any, place: KeyPath) -> Connector:
    poll = None if target.poll is None else target.poll / 1e3
    return Mlflow(_client(config, target, place), target.name, target.alias, poll)


def _webhook(config: Config, target: Any, place: KeyPath) -> Connector:
    return Webhook(_client(config, target, place), _key(config, target, place), frozenset(target.states))


def _key(config: Config, target: Any, place: KeyPath) -> bytes | None:
    """What a webhook is signed with; None where it is not."""
    secret = target.secret
    if target.secret_file is not None:
        secret = _secret(config, target.secret_file, (*place, "secret_file"))
    if secret is None:
        return None
    try:
        return key_of(secret)
    except ValueError as error:
        at = (*place, "secret" if target.secret_file is None else "secret_file")
        raise ConfigError([config.problem((at, "given", str(error)))]) from None


def _slack(config: Config, target: Any, place: KeyPath) -> Connector:
    url = target.url or _secret(config, target.url_file, (*place, "url_file"))
    client = Client(url, target.timeout / 1e3, {}, ssl.create_default_context(), partial(redact, config=config))
    return Slack(client, frozenset(target.states))


def _kubernetes(config: Config, target: Any, place: KeyPath) -> Connector:
    at = (*place, "manifest")
    try:
        manifest = read_yaml(target.manifest).value
    except ConfigError as error:
        said = f"{target.manifest}: {error.problems[0].given}"
        raise ConfigError([config.problem((at, said, "a YAML file with a Job or a Workflow"))]) from None
    if (manifest.get("apiVersion"), manifest.get("kind")) not in PATHS:
        allowed = "a Job of batch/v1, or a Workflow of argoproj.io/v1alpha1, is needed"
        raise ConfigError([config.problem((at, f"{target.manifest}: {manifest.get('kind')}", allowed))])
    return Kubernetes(_client(config, target, place), target.namespace, manifest, target.poll / 1e3)


def _email(config: Config, target: Any, place: KeyPath) -> Connector:
    password = target.password
    if target.password_file is not None:
        password = _secret(config, target.password_file, (*place, "password_file"))
    login = None if target.username is None else (target.username, password or "")
    return Email(
        target.host,
        target.port,
        target.sender,
        target.to,
        frozenset(target.states),
        target.starttls,
        login,
        target.timeout / 1e3,
        partial(redact, config=config),
    )


def _datadog(config: Config, target: Any, place: KeyPath) -> Connector:
    key = target.api_key or _secret(config, target.api_key_file, (*place, "api_key_file"))
    context = ssl.create_default_context()
    client = Client(target.url, target.timeout / 1e3, {"DD-API-KEY": key}, context, partial(redact, config=config))
    return Datadog(client, frozenset(target.states), target.tags)


def _client(config: Config, target: Any, place: KeyPath) -> Client:
    context = _context(config, target.tls, (*place, "tls")) if target.url.startswith("https") else None
    client = Client(target.url, target.timeout / 1e3, {}, context, partial(redact, config=config))
    if target.auth is None:
        return client
    header = partial(header_of, config, target.auth, (*place, "auth"))
    header()  # a file that is not there is told before anything runs
    return replace(client, login=Login(_later(header)))


def _later(get: Callable[[], str]) -> Callable[[], str]:
    """The same, where a file that cannot be read just now may be there again soon."""

    def got() -> str:
        try:
            return get()
        except ConfigError as error:
            raise PassingError(str(error)) from error

    return got


def _secret(config: Config, path: Path, place: KeyPath) -> str:
    secret, refusal = one_line(path)
    if not secret:
        raise ConfigError([config.problem((place, f"{path}: {refusal}", "a file with one line, the secret"))])
    return secret


def _context(config: Config, tls: ClientTlsSettings | None, place: KeyPath) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if tls is None:
        return context
    name, path = "ca", tls.ca
    try:
        if path is not None:
            context.load_verify_locations(path)
        name, path = "certificate", tls.certificate
        if path is not None:
            # An encrypted key without its password must be an error, not a question on the terminal.
            context.load_cert_chain(path, tls.key, lambda: tls.key_password or "")
    except OSError as error:
        said = f"{path}: {error.strerror or error}"
        raise ConfigError([config.problem(((*place, name), said, "a PEM file"))]) from None
    return context

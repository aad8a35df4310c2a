"""The config of one driftgauge: assembled from the settings of its parts, loaded from YAML and the environment."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError

from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from operators.settings.parts import Settings
from operators.settings.source import SourceSettings
from stream.config import checks
from stream.config.calendar import LIKE, dated_findings, with_calendar
from stream.config.connectors import ActingSettings, based, settling_findings, unknown_connectors
from stream.config.edges.alertmanager import AlertmanagerSettings
from stream.config.edges.cluster import ClusterSettings
from stream.config.edges.history import HistorySettings
from stream.config.edges.http import HttpSettings
from stream.config.edges.kafka import KafkaSettings, TopicsSettings
from stream.config.edges.paths import anchored
from stream.config.edges.registry import RegistrySettings
from stream.config.edges.state import StateSettings, WorkersSettings
from stream.config.environment import Origins, override, substitute, variables
from stream.config.explain import given, place, problems_of, written
from stream.config.follow import follow_pane, paced, written_in
from stream.config.id_features import watched
from stream.config.include import include_models
from stream.config.inputs import in_zone, registry_findings, source_findings
from stream.config.learnt import with_learnt
from stream.config.problems import ConfigError, ConfigFinding, KeyPath, Problem
from stream.config.seasonal_checks import season_findings
from stream.config.secrets import connector_secrets, secrets_of
from stream.config.version_checks import version_findings
from stream.config.yaml_file import Document, read_yaml
from stream.redact import forms_of, is_secret
from windows.references.reference import Reference, ReferenceError_, SegmentCounts, from_json, seal
from windows.references.seasons import Seasons

__all__ = [
    "AlertingSettings",
    "Config",
    "ConfigError",
    "HttpSettings",
    "KafkaSettings",
    "ModelSettings",
    "StateSettings",
    "TimeSettings",
    "TopicsSettings",
    "load",
    "load_reference",
    "load_references",
    "model_named",
    "with_pace",
]

MAX_REFERENCE_BYTES = 1 << 30


class Config(Settings):
    """Everything a config file says."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicsSettings = TopicsSettings()
    sources: Annotated[tuple[SourceSettings, ...], Field(max_length=1_000)] = ()
    schema_registry: RegistrySettings = RegistrySettings()
    state: StateSettings = StateSettings()
    history: HistorySettings = HistorySettings()
    workers: WorkersSettings = WorkersSettings()
    cluster: ClusterSettings = ClusterSettings()
    http: HttpSettings = HttpSettings()
    time: TimeSettings = TimeSettings()
    alerting: AlertingSettings = AlertingSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    actions: ActingSettings = ActingSettings()
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1, max_length=1_000)]
    _source: Path = PrivateAttr(default=Path("driftgauge.yaml"))
    _document: Document | None = PrivateAttr(default=None)
    _origins: Origins = PrivateAttr(default_factory=Origins)
    _secrets: tuple[str, ...] = PrivateAttr(default=())

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not be shown, longest first."""
        return self._secrets

    @property
    def source(self) -> Path:
        """The file it was loaded from."""
        return self._source

    def line_of(self, path: KeyPath) -> tuple[str, str] | None:
        """(file:line, text) of the line that a value stands on; None where it is not written, but a default."""
        document = self._document
        if document is None or path not in document.lines:
            return None
        number, file = document.lines[path], document.file_of(path)
        try:
            lines = Path(file).read_text(errors="replace").splitlines()
        except OSError:
            return None
        return (f"{file}:{number}", lines[number - 1].strip()) if 0 < number <= len(lines) else None

    def problems(self, findings: Iterable[ConfigFinding]) -> list[Problem]:
        """The findings with their places, in the order of the file."""
        document = self._document
        found = findings if document is None else sorted(findings, key=lambda finding: document.line(finding[0]))
        return [self.problem(finding) for finding in found]

    def problem(self, finding: ConfigFinding) -> Problem:
        """The finding with its place in the file it was loaded from."""
        path, said, allowed = finding
        if self._document is None:
            return Problem(str(self._source), path, said or "given", allowed)
        path = written(self._document.value, path)
        said = said or given(self._document, self._origins, path)
        return Problem(place(self._document, self._origins, path), path, said, allowed)


def load(path: Path | str, env: Mapping[str, str] = os.environ) -> Config:
    """The config in a file, with what the environment overrides.

    Relative paths in it are relative to the file. References are not read: see `load_references`.

    Raises:
        ConfigError: with every problem found.
    """
    source = Path(path)
    document = read_yaml(source)
    include_models(document, source.parent)
    return from_document(document, env)


def from_document(document: Document, env: Mapping[str, str]) -> Config:
    """The config in a document; see `load`.

    Raises:
        ConfigError: with every problem found.
    """
    source, origins = Path(document.file), Origins()
    problems = substitute(document, env, origins) + override(document, env, origins)
    if problems:
        raise ConfigError(problems)
    try:
        config = Config.model_validate(document.value)
    except ValidationError as error:
        problems = problems_of(error, Config, document, origins)
    if problems:  # outside the except clause: pydantic's error holds the values given, secrets among them
        raise ConfigError(problems)
    config = _anchor(_followed(config, document), source)
    config, unread = _learnt(config, source)
    config._source, config._document, config._origins = source, document, origins  # noqa: SLF001 - its own loader
    config._secrets = _secrets(config, env, origins)  # noqa: SLF001 - the same
    found = checks.findings(config.time.pane, config.time.idle_after, config.models)
    of_actions = (
        *unknown_connectors(config.actions, config.models),
        *settling_findings(config.actions, config.models),
    )
    problems = config.problems([*found, *of_actions, *unread])
    if problems:
        raise ConfigError(problems)
    return config


def load_references(config: Config) -> dict[str, Reference]:
    """The reference of each model by model name, restricted to the features that the config lists.

    Raises:
        ConfigError: a file is missing or broken, or does not fit the config; with every problem found.
    """
    references: dict[str, Reference] = {}
    problems: list[Problem] = []
    for index, model in enumerate(config.models):
        try:
            reference = _reference_of(config, index)
        except ConfigError as error:
            problems += error.problems
            continue
        found = config.problems(
            (("models", index, *path), said, allowed)
            for path, said, allowed in (
                *checks.reference_findings(model, reference, config.source),
                *season_findings(model, reference, config.time.pane),
            )
        )
        problems += found
        own, wrong = version_references(config, index, reference)
        dated, odd = calendar_references(config, index, reference)
        problems += [*wrong, *odd]
        if not found and not wrong and not odd:
            wanted = watched(config.sources, model, reference)
            restricted = _restrict(reference, wanted)
            versions = {version: _restrict(one, wanted) for version, one in own.items()}
            of_days = {number: _restrict(one, wanted) for number, one in dated.items()}
            references[model.name] = replace(with_calendar(restricted, model, of_days), versions=versions)
    if not problems and config.sources:
        of_maps = source_findings(config.sources, config.models, references, config.time.pane)
        problems = config.problems([*of_maps, *registry_findings(config.sources, config.schema_registry.url)])
    if problems:
        raise ConfigError(problems)
    return references


def version_references(config: Config, index: int, reference: Reference) -> tuple[dict[str, Reference], list[Problem]]:
    """The references that versions of a model have of their own, and what is wrong with them."""
    own: dict[str, Reference] = {}
    problems: list[Problem] = []
    for version, path in config.models[index].references.items():
        at: KeyPath = ("models", index, "references", version)
        try:
            found = load_reference(path)
        except ReferenceError_ as error:
            problems.append(config.problem((at, f"{path}: {error}", "a reference that is built like the model's")))
            continue
        problems += config.problems((at, said, allowed) for said, allowed in version_findings(reference, found))
        own[version] = found
    return own, problems


def calendar_references(config: Config, index: int, reference: Reference) -> tuple[dict[int, Reference], list[Problem]]:
    """The references that days of a model's calendar have of their own, and what is wrong with them."""
    own: dict[int, Reference] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(config.models[index].calendar):
        at: KeyPath = ("models", index, "calendar", number, "reference")
        if entry.reference is None:
            continue
        try:
            own[number] = load_reference(entry.reference)
        except ReferenceError_ as error:
            problems.append(config.problem((at, f"{entry.reference}: {error}", f"a reference of the days: {LIKE}")))
            continue
        problems += config.problems((at, said, allowed) for said, allowed in dated_findings(reference, own[number]))
    return own, problems


def load_reference(path: Path) -> Reference:
    """The reference in a file.

    Raises:
        ReferenceError_: it cannot be read or is broken.
    """
    try:
        if path.stat().st_size > MAX_REFERENCE_BYTES:
            raise ReferenceError_("larger than a reference can be")
        return from_json(path.read_bytes())
    except OSError as error:
        raise ReferenceError_(error.strerror or "cannot be read") from None


def with_pace(config: Config, references: Mapping[str, Reference]) -> Config:
    """The config with longer windows beside default ones that are too short to decide at the pace of the reference."""
    value = {} if config._document is None else config._document.value  # noqa: SLF001 - its own module
    models, changed = paced(config.models, references, config.time.pane, value)
    return config.model_copy(update={"models": models}) if changed else config


def model_named(config: Config, name: str) -> ModelSettings:
    """The settings of a model.

    Raises:
        ConfigError: the config has no such model.
    """
    for model in config.models:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in config.models)
    raise ConfigError([config.problem((("models",), f"no model {name!r}", f"it has {known}"))])


def _reference_of(config: Config, index: int) -> Reference:
    model = config.models[index]
    path = ("models", index, "reference")
    build = f"driftgauge reference build --config {config.source} --model {model.name} --from DATA -o FILE"
    if model.reference is None:
        raise ConfigError([config.problem((path, "absent", f"it is needed here; make it with: {build}"))])
    try:
        return load_reference(model.reference)
    except ReferenceError_ as error:
        said = f"{model.reference}: {error}"
        raise ConfigError([config.problem((path, said, f"make it with: {build}"))]) from None


def _followed(config: Config, document: Document) -> Config:
    """The config with defaults that go with the pane."""
    pane = config.time.pane
    models = tuple(
        follow_pane(model, pane, written_in(document.value, index)) for index, model in enumerate(config.models)
    )
    return config.model_copy(update={"models": models})


def _restrict(reference: Reference, wanted: Collection[str] | None) -> Reference:
    """The reference of only the features that are watched; it is another one, so it gets another id."""
    if wanted is None or set(wanted) == reference.features.keys():
        return reference
    return seal(
        replace(
            reference,
            features={name: profile for name, profile in reference.features.items() if name in wanted},
            segments={
                key: {value: _only(counts, wanted) for value, counts in values.items()}
                for key, values in reference.segments.items()
            },
            seasons=None if reference.seasons is None else _restrict_seasons(reference.seasons, wanted),
            joint=None,
        )
    )


def _restrict_seasons(seasons: Seasons, wanted: Collection[str]) -> Seasons:
    return replace(
        seasons,
        classes=tuple(_only(counts, wanted) for counts in seasons.classes),
        segments={
            key: {value: tuple(_only(counts, wanted) for counts in each) for value, each in values.items()}
            for key, values in seasons.segments.items()
        },
    )


def _only(counts: SegmentCounts, wanted: Collection[str]) -> SegmentCounts:
    return replace(counts, features={name: part for name, part in counts.features.items() if name in wanted})


def _secrets(config: Config, env: Mapping[str, str], origins: Origins) -> tuple[str, ...]:
    """By the names of properties and variables, and by what settings are for."""
    properties = (value for name, value in config.kafka.properties.items() if is_secret(name))
    named = {name for text in origins.raw.values() for name in variables(text) if is_secret(name)}
    held = (*secrets_of(config.http), *secrets_of(config.alertmanager))
    held = (*held, *secrets_of(config.schema_registry))
    held = (*held, *connector_secrets(config.actions.connectors.values()))
    return forms_of([*properties, *(env[name] for name in named if name in env), *held])


def _learnt(config: Config, source: Path) -> tuple[Config, list[ConfigFinding]]:
    """The config with what its files of `retrain fit` say, and what is wrong with them."""
    read = [with_learnt(model, at, source.parent) for at, model in enumerate(config.models)]
    models = tuple(model for model, _ in read)
    return config.model_copy(update={"models": models}), [found for _, found in read if found is not None]


def _anchor(config: Config, source: Path) -> Config:
    """Relative paths start at the directory of the config file; sources say of which zone local times are."""
    base = source.parent
    http, alertmanager = anchored(config.http, base), anchored(config.alertmanager, base)
    models = tuple(
        model.model_copy(
            update={
                "reference": None if model.reference is None else base / model.reference,
                "references": {version: base / path for version, path in model.references.items()},
                "calendar": tuple(
                    one if one.reference is None else one.model_copy(update={"reference": base / one.reference})
                    for one in model.calendar
                ),
            }
        )
        for model in config.models
    )
    state = config.state.model_copy(update={"directory": base / config.state.directory})
    update: dict[str, Any] = {"models": models, "state": state, "http": http, "alertmanager": alertmanager}
    update["actions"] = based(config.actions, base)
    update["schema_registry"] = anchored(config.schema_registry, base)
    sources = tuple(
        one if one.schema_file is None else one.model_copy(update={"schema_file": base / one.schema_file})
        for one in config.sources
    )
    update["sources"] = in_zone(config.time.timezone, config.topics, sources)
    return config.model_copy(update=update)

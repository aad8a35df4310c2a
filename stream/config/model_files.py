"""Models in files of their own, as a person manages them: which there are, one more, one out of the way and back.

A file that is out of the way ends in `.off`, which no pattern of `models: {include: ...}` matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operators.settings.event_time import TimeSettings
from stream.config.load import load
from stream.config.yaml_file import read_yaml
from stream.errors import UsageError
from stream.files import file_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.config.load import Config

OFF = ".off"

_HOW = 'models are managed in files of their own: say  models: {include: "models.d/*.yaml"}  and move each there'


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model and the file that it is in; `alone` where it is the only one in it, `enabled` where it is watched."""

    name: str
    path: Path
    alone: bool
    enabled: bool
    owner: str | None = None
    task: str = ""


def patterns_of(config: Path) -> list[str]:
    """The patterns of files that a config includes models by.

    Raises:
        UsageError: it lists its models itself.
    """
    models = read_yaml(config).value.get("models")
    found = models.get("include") if isinstance(models, dict) else None
    patterns = [found] if isinstance(found, str) else found
    if not patterns:
        raise UsageError(f"{config}: {_HOW}")
    return list(patterns)


def model_files(config: Path) -> list[ModelFile]:
    """The models of a config, those that are out of the way last; a config that lists its models is their file.

    Raises:
        UsageError: it cannot be read.
    """
    found = list(_enabled(load(config)))
    return [*found, *_disabled(config)]


def _enabled(config: Config) -> Iterator[ModelFile]:
    document = config._document  # noqa: SLF001 - of the same room
    files = [str(config.source)] * len(config.models)
    if document is not None:
        files = [document.file_of(("models", at)) for at in range(len(config.models))]
    included = document is not None and bool(document.files)
    for model, file in zip(config.models, files, strict=True):
        alone = included and files.count(file) == 1
        yield ModelFile(model.name, Path(file), alone, enabled=True, owner=model.owner, task=model.task)


def _disabled(config: Path) -> Iterator[ModelFile]:
    models = read_yaml(config).value.get("models")
    if not isinstance(models, dict):
        return
    seen: dict[Path, None] = {}
    for pattern in patterns_of(config):
        seen.update(dict.fromkeys(sorted(_root(config).glob(pattern + OFF))))
    for path in seen:
        for model in _models_in(path):
            yield ModelFile(
                str(model.get("name", "")), path, True, False, model.get("owner"), str(model.get("task", ""))
            )


def _models_in(path: Path) -> list[dict[str, Any]]:
    value = read_yaml(path).value
    listed = value.get("models")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else [value]


def _root(config: Path) -> Path:
    return config.absolute().parent


def place_for(config: Path, model: str) -> Path:
    """Where the file of a new model belongs.

    Raises:
        UsageError: models are not in files of their own; or there is a file of that name; or no pattern would find it.
    """
    name = file_name(model)
    patterns = patterns_of(config)
    for pattern in patterns:
        path = _root(config) / Path(pattern).parent / f"{name}.yaml"
        if "*" not in str(Path(pattern).parent) and path.match(pattern):
            for taken in (path, path.with_name(path.name + OFF)):
                if taken.exists():
                    raise UsageError(f"--model {model}: {taken} exists already")
            return path
    raise UsageError(f"{config}: no pattern of models.include would find {name}.yaml: {', '.join(patterns)}")


def time_of(config: Path) -> TimeSettings:
    """The time settings of a config, which may have no model yet."""
    if any(list(_root(config).glob(pattern)) for pattern in patterns_of(config)):
        return load(config).time
    return TimeSettings.model_validate(read_yaml(config).value.get("time") or {})


def disable(config: Path, model: str) -> Path:
    """Have a model left out; its new file.

    Raises:
        UsageError: there is no such model, its file holds others too, or it is the last one.
    """
    found = _named(_enabled(load(config)), config, model)
    if not found.alone:
        raise UsageError(
            f"{model}: {found.path} holds more than this model; take it out of it, or give it its own file"
        )
    return _moved(config, found.path, found.path.with_name(found.path.name + OFF))


def enable(config: Path, model: str) -> Path:
    """Have a model watched again; its new file.

    Raises:
        UsageError: no model of that name is disabled, or the config would not be right with it.
    """
    found = _named(_disabled(config), config, model, "is disabled")
    return _moved(config, found.path, found.path.with_name(found.path.name.removesuffix(OFF)))


def _named(models: Iterator[ModelFile], config: Path, name: str, what: str = "is there") -> ModelFile:
    known = list(models)
    for model in known:
        if model.name == name:
            return model
    raise UsageError(f"{config}: no model {name!r} {what}; it has {', '.join(one.name for one in known) or 'none'}")


def _moved(config: Path, path: Path, to: Path) -> Path:
    """Rename a file; it is where it was when the config is not right without it, or with it.

    Raises:
        UsageError: it is not; or there is a file of the new name, which would be lost.
    """
    if to.exists():
        raise UsageError(f"{path}: cannot be renamed: {to} exists already")
    path.rename(to)
    try:
        load(config)
    except UsageError:
        to.rename(path)
        raise
    return to

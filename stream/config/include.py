"""Models in files of their own: `models: {include: "models.d/*.yaml"}`, read as if they stood in the one file.

A file holds the mapping of a model, or several under `models:`. Files are taken in the order of their names; problems
name the file and line that they are in. Paths in a file (`reference`) are relative to that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.config.problems import ConfigError, Problem
from stream.config.yaml_file import read_yaml

if TYPE_CHECKING:
    from stream.config.yaml_file import Document

ALLOWED = 'a pattern of files, such as {include: "models.d/*.yaml"}, or a list of them'
MOST_FILES = 1_000


def include_models(document: Document, base: Path) -> None:
    """Put the models of the files in the place of `include`; a document without it is left as it is.

    Raises:
        ConfigError: with every problem of every file.
    """
    given = document.value.get("models")
    if not isinstance(given, dict):
        return
    patterns = _patterns(document, given)
    problems: list[Problem] = []
    models: list[Any] = []
    for path in _files(document, patterns, base):
        try:
            _take(document, models, path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    document.value["models"] = models


def _patterns(document: Document, given: dict[str, Any]) -> list[str]:
    patterns = given.get("include")
    listed = [patterns] if isinstance(patterns, str) else patterns
    if set(given) != {"include"} or not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        path = ("models", *(key for key in list(given)[:1] if key != "include"))
        raise ConfigError([Problem(document.place(path), ("models",), "a mapping", ALLOWED)])
    return listed


def _files(document: Document, patterns: list[str], base: Path) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        whole = Path(pattern)
        root, inner = (
            (Path(whole.anchor), str(whole.relative_to(whole.anchor))) if whole.is_absolute() else (base, pattern)
        )
        matching = sorted(path for path in root.glob(inner) if path.is_file())
        if not matching:
            place = ("models", "include")
            raise ConfigError([Problem(document.place(place), place, f"no file matches {pattern}", ALLOWED)])
        found.update(dict.fromkeys(matching))
    if len(found) > MOST_FILES:
        place = ("models", "include")
        raise ConfigError([Problem(document.place(place), place, f"{len(found)} files", f"at most {MOST_FILES} files")])
    return list(found)


def _take(document: Document, models: list[Any], path: Path) -> None:
    """Append the models of a file, and where each of their values stands."""
    file = read_yaml(path)
    listed = file.value.get("models")
    several = set(file.value) == {"models"} and isinstance(listed, list)
    for at, model in enumerate(listed if several and isinstance(listed, list) else [file.value]):
        place, inside = ("models", len(models)), (("models", at) if several else ())
        for key, line in file.lines.items():
            if key[: len(inside)] == inside:
                document.lines[(*place, *key[len(inside) :])] = line
        document.files[place] = file.file
        if isinstance(model, dict) and isinstance(model.get("reference"), str):
            model["reference"] = str(path.parent.absolute() / model["reference"])
        models.append(model)

"""Turns pydantic's errors into problems a person can act on, without ever showing a secret."""

import difflib
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stream.config.environment import SETTING, Origins
from stream.config.problems import KeyPath, Problem, dotted, shorten, show
from stream.config.yaml_file import Document
from stream.redact import MASK, is_secret

_ALLOWED = {
    "string_type": "text is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
    "finite_number": "a finite number is needed",
    "bool_type": "true or false is needed",
    "bool_parsing": "true or false is needed",
    "tuple_type": "a list is needed",
    "dict_type": "a mapping is needed",
    "model_type": "a mapping is needed",
    "model_attributes_type": "a mapping is needed",
    "path_type": "the path of a file is needed",
    "greater_than": "more than {gt} is needed",
    "greater_than_equal": "at least {ge} is needed",
    "less_than": "less than {lt} is needed",
    "less_than_equal": "at most {le} is needed",
    "too_short": "at least {min_length} is needed",
    "too_long": "at most {max_length} are allowed",
    "string_too_short": "at least {min_length} character is needed",
    "string_too_long": "at most {max_length} characters are allowed",
    "literal_error": "allowed are {expected}",
    "property": "text, a number, true or false is needed",
    "string_pattern_mismatch": "text that matches {pattern} is needed",
}
"""pydantic's error type -> what is allowed instead."""

_PROPERTIES = ("kafka", "properties")
_SECTIONS_WITH_SECRETS = frozenset({"http", "alerting", "alertmanager", "schema_registry"})


def problems_of(error: ValidationError, root: type[BaseModel], document: Document, origins: Origins) -> list[Problem]:
    """One problem for each thing that is wrong, in the order of the file."""
    found: dict[KeyPath, Problem] = {}
    for detail in error.errors(include_url=False, include_context=True):
        path, problem = _problem(detail, root, document, origins)
        if path not in found:
            found[path] = problem
    # "no models" only says that those given were refused
    if any(path[:1] == ("models",) and len(path) > 1 for path in found):
        found.pop(("models",), None)
    return [found[path] for path in sorted(found, key=document.line)]


def place(document: Document, origins: Origins, path: KeyPath) -> str:
    """Where the value at this path was given: "file:line", an environment variable, or `--set` on the command line."""
    variable = origins.variable(path, made=path not in document.lines)
    if variable is None:
        return document.place(path)
    return variable if variable.startswith(SETTING) else f"environment variable {variable}"


def given(document: Document, origins: Origins, path: KeyPath) -> str:
    """What was given at this path, for showing: masked if its name says it is secret, ${VAR} unreplaced."""
    if _hidden(path):
        return f"given {MASK}"
    if path in origins.raw:
        return f"given {shorten(origins.raw[path])}"
    value: Any = document.value
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return "absent"
    return show(value)


def written(value: Any, path: KeyPath) -> KeyPath:
    """The path as it is written: where one entry stands for a list of one, and a number for its long form.

    Settings read {accuracy: {max_drop: 0.05}} as {accuracy: [{max_drop: {major: 0.05}}]}.
    """
    found: list[str | int] = []
    here: Any = value
    for at, part in enumerate(path):
        if isinstance(part, int) and isinstance(here, dict):
            continue
        if here is not None and not isinstance(here, (dict, list)):
            break
        found.append(part)
        try:
            here = _inside(here, part)
        except (KeyError, IndexError, TypeError):
            return (*found, *path[at + 1 :])
    return tuple(found)


def _inside(value: Any, part: str | int) -> Any:
    return value[part]


def _hidden(path: KeyPath) -> bool:
    """Whether what stands there is never shown: a property of Kafka or a setting by whose name it is secret.

    Names of files with secrets are shown, and the paths of the HTTP pages' own key.
    """
    if path[:2] == _PROPERTIES:
        return len(path) > 2 and is_secret(str(path[2]))
    name = str(path[-1]) if path and path[0] in _SECTIONS_WITH_SECRETS else ""
    return is_secret(name) and name != "key" and not name.endswith("_file")


def suggestion(name: str, valid: Iterable[str]) -> str:
    """What is allowed instead of an unknown name: the nearest one, or the list."""
    names = list(valid)
    near = nearest(name, names)
    return f"allowed are {', '.join(names)}" if near is None else f'did you mean "{near}"?'


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that this one may be a slip of."""
    near = difflib.get_close_matches(name.lower(), list(valid), n=1, cutoff=0.6)
    return near[0] if near else None


def _problem(
    detail: ErrorDetails, root: type[BaseModel], document: Document, origins: Origins
) -> tuple[KeyPath, Problem]:
    path: KeyPath = tuple(detail["loc"])
    kind = detail["type"]
    if "performance" in path or "features" in path:
        path = written(document.value, path)
    if path[-1:] == ("[key]",):
        path, kind = path[:-1], "key"
    if path[:2] == _PROPERTIES:
        path = path[:3]
        kind = "property" if len(path) == 3 else kind
    said, allowed = _words(kind, path, detail, root)
    at = (detail.get("ctx") or {}).get("at")
    if at is not None:  # between two keys of the mapping: the wrong one
        path, allowed = (*path, *at), detail["msg"]
    said = said or given(document, origins, path)
    where = place(document, origins, path)
    repeated = where.lower() == f"{SETTING}{dotted(path)}".lower()
    return path, Problem(where, () if repeated else path, said, allowed)


def _words(kind: str, path: KeyPath, detail: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    """What was given (empty: the value itself) and what is allowed."""
    context = detail.get("ctx") or {}
    if kind in {"extra_forbidden", "key"}:
        return "unknown key", suggestion(str(path[-1]), _names(root, path[:-1]))
    if kind == "missing":
        return "absent", "this key is required"
    if kind == "literal_error":
        context = {"expected": str(context.get("expected", "")).replace("'", "")}
    if kind in _ALLOWED:
        return "", _ALLOWED[kind].format(**context)
    return "", f"{detail['msg']} is needed" if _is_phrase(detail["msg"]) else detail["msg"]


def _is_phrase(message: str) -> bool:
    """The house's own messages are noun phrases ("a duration such as ..."); pydantic's are sentences."""
    return message[:1].islower() and not message.startswith(("needs", "each"))


def _names(root: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that a mapping at this path may have."""
    annotation: Any = root
    for part in path:
        annotation = _step(_inner(annotation), part)
    inner = _inner(annotation)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        hidden = {"metric", "comparison", "target"}  # how an Objective is kept, not how it is written
        written = ["objective"] if hidden <= inner.model_fields.keys() else []
        return written + [name for name in inner.model_fields if not written or name not in hidden]
    keys = _inner(get_args(inner)[0]) if get_origin(inner) is dict else None
    return [str(name) for name in get_args(keys)] if get_origin(keys) is Literal else []


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _inner(annotation: Any) -> Any:
    """The annotation without Annotated and Optional."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(argument for argument in get_args(annotation) if argument is not type(None))
        else:
            return annotation

"""Paths that the settings of an edge name."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from stream.config.edges.alertmanager import AlertmanagerSettings
from stream.config.edges.http import HttpSettings
from stream.config.edges.registry import RegistrySettings

if TYPE_CHECKING:
    from operators.settings.parts import Settings

Edge = TypeVar("Edge", HttpSettings, AlertmanagerSettings, RegistrySettings)


def anchored(edge: Edge, base: Path) -> Edge:
    """The settings with relative paths starting at a directory."""
    parts: dict[str, Settings | None] = {"tls": edge.tls, "auth": edge.auth}
    return edge.model_copy(
        update={
            name: part.model_copy(
                update={key: base / path for key, path in part.__dict__.items() if isinstance(path, Path)}
            )
            for name, part in parts.items()
            if part is not None
        }
    )

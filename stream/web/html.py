"""HTML without templates: elements are functions, and every text is escaped unless it is HTML already."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Child = str | int | float | None | Iterable["Child"]


class Html(str):
    """Text that is HTML: not escaped again."""

    __slots__ = ()


OF_HTML = frozenset({"meta", "link", "br", "input", "img"})
VOID = OF_HTML | {"line", "rect", "path", "circle"}
"""Elements without content, those of SVG that we use included."""


def tag(element: str, /, *children: Child, **attributes: object) -> Html:
    """An element. Attributes: `class_` is class, `_` is `-`; None and False are left out, True is the bare name."""
    opened = "".join(_attribute(key, value) for key, value in attributes.items())
    if element in VOID:
        return Html(f"<{element}{opened}>" if element in OF_HTML else f"<{element}{opened}/>")
    return Html(f"<{element}{opened}>{join(children)}</{element}>")


def join(children: Iterable[Child]) -> Html:
    """One after the other."""
    return Html("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int | float):
        return escape(str(child))
    return join(child)


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-") if key not in {"viewBox", "preserveAspectRatio"} else key
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'

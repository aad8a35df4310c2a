"""Pages inside of one file: their ids get a name in front, so that each is there once."""

from __future__ import annotations

import re

from stream.web.html import Html
from stream.web.views.parts import anchor

_SCOPED = re.compile(r' (id|aria-labelledby|data-part)="([^"]+)"')


def scoped(html: Html, scope: str) -> Html:
    """The same with ids of its own; those that links lead to stay."""

    def renamed(found: re.Match[str]) -> str:
        name, value = found.groups()
        return found.group() if value.startswith("at-") else f' {name}="{anchor(scope)}-{value}"'

    return Html(_SCOPED.sub(renamed, html))

"""A frame of the view as an SVG picture that needs nothing from the network."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.console import Console

from stream.view.frame import render

if TYPE_CHECKING:
    from stream.view.state import View

WIDTH = 96
_FONT_FACE = re.compile(r"\s*@font-face\s*{[^}]*}")
_FONTS = "Fira Code, ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono"


def picture(view: View, title: str = "driftgauge demo", width: int = WIDTH) -> str:
    """The frame in a window of its own, `width` columns wide."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(render(view, width))
    # Fonts from elsewhere would be fetched by whoever looks at it.
    svg = _FONT_FACE.sub("", console.export_svg(title=title, unique_id="driftgauge"))
    return svg.replace("font-family: Fira Code", f"font-family: {_FONTS}")

"""The frame around every page: head, bar, main, foot."""

from __future__ import annotations

from dataclasses import dataclass

from stream.web.html import Html, tag

LOGO = "M2 14 L6 14 L8.5 4 L12 18 L14.5 10 L16 12 L22 12"


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `trail` are (text, address) of the pages above it."""

    title: str
    main: Html
    trail: tuple[tuple[str, str], ...] = ()


def document(page: Page, *, head: Html, live: bool) -> Html:
    """The whole document. Live pages follow what changes, others are as they were written."""
    crumbs = [tag("li", tag("a", text, href=address)) for text, address in page.trail]
    status = tag("span", "connecting", id="live", class_="live", role="status") if live else ""
    bar = tag(
        "header",
        tag(
            "a",
            tag("svg", tag("path", d=LOGO), viewBox="0 0 24 22", class_="logo", aria_hidden="true"),
            "driftgauge",
            href="/" if live else "#top",
            class_="brand",
        ),
        tag("nav", tag("ol", crumbs, tag("li", page.title, aria_current="page")), aria_label="Where you are"),
        status,
        tag("button", "Dark / light", type="button", id="theme", class_="quiet") if live else "",
        class_="bar",
    )
    body = tag(
        "body",
        tag("a", "To the content", href="#main", class_="skip"),
        bar,
        tag("main", page.main, id="main", tabindex="-1"),
        tag("div", id="tip", role="presentation", hidden=True),
        id="top",
    )
    first = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{page.title} · driftgauge"),
        head,
    )
    return Html(f"<!doctype html>{tag('html', first, body, lang='en')}")

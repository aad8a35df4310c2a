"""The site: which address is which page. Answers are kept until something is known that was not."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import msgspec

from stream.http.pages import Answer
from stream.web import api
from stream.web.html import Html, tag
from stream.web.views.alert import Outside, alert_page
from stream.web.views.feature import feature_page
from stream.web.views.model import model_page
from stream.web.views.overview import overview
from stream.web.views.shell import Page, document

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.web.knowledge import Knowledge

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

ASSETS = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

KEPT = 128
"""Answers kept."""

Query = dict[str, str]


@dataclass(slots=True)
class Site:
    """Everything under `/` that is not of the monitor's own pages.

    Attributes:
        knowledge: what is shown.
        revision: grows with everything that becomes known.
        outside: what lies outside of pages.
        problems: what is wrong with the history or the monitor, a sentence each.
        reloads: what came of reloads of the config; None where there are none.
        ledger: answers what was asked of other systems; None where nobody knows.
    """

    knowledge: Knowledge
    revision: Callable[[], int]
    outside: Outside = field(default_factory=Outside)
    problems: Callable[[], tuple[str, ...]] = tuple
    reloads: api.Reloads | None = None
    ledger: Callable[[tuple[str, ...], Query], dict[str, Any]] | None = None
    _kept: OrderedDict[str, tuple[int, Answer]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, target: str) -> Answer | None:
        """The answer to a path with its query; None where there is no such page."""
        path, _, given = target.partition("?")
        parts = tuple(unquote(part) for part in path.strip("/").split("/")) if path != "/" else ()
        query = {name: values[-1] for name, values in parse_qs(given, keep_blank_values=True).items()}
        if parts[:1] == ("assets",):
            return _asset("/".join(parts[1:]))
        if parts[:2] == ("api", "v1"):
            return self._api(parts[2:], query)
        return self._page(target, parts, query)

    def _page(self, target: str, parts: tuple[str, ...], query: Query) -> Answer | None:
        revision = self.revision()
        with self._lock:
            kept = self._kept.get(target)
            if kept is not None and kept[0] == revision:
                self._kept.move_to_end(target)
                return kept[1]
        with self._making:  # ten readers of one page are one piece of work after another, not ten at once
            with self._lock:
                kept = self._kept.get(target)
            if kept is not None and kept[0] >= revision:
                return kept[1]
            page = self._made(parts, query)
            if page is None:
                return None
            answer = _answer(page, fragment="fragment" in query)
            with self._lock:
                self._kept[target] = (revision, answer)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return answer

    def _made(self, parts: tuple[str, ...], query: Query) -> Page | None:
        known = self.knowledge
        match parts:
            case ():
                return overview(known, self.problems())
            case ("models", model) if model in known.plans:
                span = known.span(model, query.get("version", ""), query.get("range", ""))
                return model_page(known, model, span)
            case ("models", model, "features", feature) if model in known.plans and feature in known.fields(model):
                span = known.span(model, query.get("version", ""), query.get("range", ""))
                return feature_page(known, model, feature, span, query.get("window", ""))
            case ("alerts", key):
                life = known.life(key)
                return None if life is None else alert_page(known, life, self.outside)
        return None

    def _api(self, parts: tuple[str, ...], query: Query) -> Answer:
        try:
            now = api.Now(self.revision(), self.problems(), self.outside, self.reloads)
            if parts[:1] == ("actions",) and len(parts) <= 2 and self.ledger is not None:
                found = self.ledger(parts[1:], query)
            else:
                found = api.answer(self.knowledge, parts, query, now)
        except api.ApiError as error:
            return _json({"error": str(error)}, error.status)
        return _json(found)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, msgspec.json.encode(value), "application/json; charset=utf-8", HEADERS)


def _answer(page: Page, *, fragment: bool) -> Answer:
    if fragment:
        return Answer(HTTPStatus.OK, page.main.encode(errors="replace"), "text/html; charset=utf-8", HEADERS)
    head = Html(
        tag("link", rel="stylesheet", href=f"/assets/style.css?{_stamp('style.css')}")
        + tag("link", rel="icon", href="/assets/icon.svg", type="image/svg+xml")
        + tag("script", src=f"/assets/page.js?{_stamp('page.js')}", defer=True)
    )
    whole = document(page, head=head, live=True)
    return Answer(HTTPStatus.OK, whole.encode(errors="replace"), "text/html; charset=utf-8", HEADERS)


def asset(name: str) -> bytes:
    """A file that comes with this package."""
    return files("stream.web").joinpath("assets", name).read_bytes()


def _stamp(name: str) -> str:
    """Changes with the file, so that browsers may keep it."""
    return hashlib.sha256(asset(name)).hexdigest()[:8]


def _asset(name: str) -> Answer | None:
    kind = ASSETS.get(name)
    if kind is None:
        return None
    return Answer(HTTPStatus.OK, asset(name), kind, {**HEADERS, "Cache-Control": "private, max-age=86400"})

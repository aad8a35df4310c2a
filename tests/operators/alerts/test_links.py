from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from operators.alerts.links import model_dashboard


def test_a_link_chooses_model_version_segment_and_time() -> None:
    """An hour before the alert to now, or to its end; what has no name is All; any text survives the address."""
    odd = "a&b=c #1 käse+"
    link = model_dashboard("https://grafana.example.org/sub/", (odd, "7", "country=de"), 7_200_000, None)
    parts = urlsplit(link)
    assert (parts.netloc, parts.path) == ("grafana.example.org", "/sub/d/driftgauge-model")
    assert parse_qs(parts.query) == {
        "var-model": [odd],
        "var-version": ["7"],
        "var-segment": ["country=de"],
        "from": ["3600000"],
        "to": ["now"],
    }
    ended = parse_qs(urlsplit(model_dashboard("http://g", ("click", "", ""), 7_200_000, 9_000_000)).query)
    assert (ended["var-version"], ended["var-segment"], ended["to"]) == (["$__all"], ["$__all"], ["9000000"])


def test_without_an_address_there_is_no_link() -> None:
    """The config names Grafana or nobody does."""
    assert model_dashboard(None, ("click", "7", ""), 0, None) == ""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from counting import python_calls

from stream.config.problems import ConfigError
from stream.config.yaml_file import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_yaml, read_yaml


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[yaml.Event]:
    """The parser's events that were asked for."""
    asked: list[yaml.Event] = []
    parse = yaml.parse

    def watched(*given: Any, **options: Any) -> Iterator[yaml.Event]:
        for event in parse(*given, **options):
            asked.append(event)
            yield event

    monkeypatch.setattr(yaml, "parse", watched)
    return asked


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "c.yaml")
    return str(caught.value)


def test_values_and_lines() -> None:
    """Plain values come as Python's, and each path knows its line."""
    document = parse_yaml("a: 1\nb:\n  - x\n  - {c: true, d: null}\ne: 1.5\n", "c.yaml")
    assert document.value == {"a": 1, "b": ["x", {"c": True, "d": None}], "e": 1.5}
    assert document.place(("b", 1, "c")) == "c.yaml:4"
    assert document.place(("e",)) == "c.yaml:5"
    assert document.place(("b", 7)) == "c.yaml:3"
    assert document.place(("nowhere",)) == "c.yaml:1"


def test_aliases_and_merges() -> None:
    """An alias is a copy; << adds the keys that are not given."""
    document = parse_yaml("base: &b {x: 1, y: 2}\none: *b\ntwo: {<<: *b, y: 3}\n", "c.yaml")
    assert document.value["one"] == {"x": 1, "y": 2}
    assert document.value["two"] == {"x": 1, "y": 3}
    document.value["one"]["x"] = 9
    assert document.value["base"]["x"] == 1


def test_dates_stay_text() -> None:
    """What YAML takes for a date is text."""
    assert parse_yaml("a: 2024-01-01", "c").value == {"a": "2024-01-01"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_duplicate_keys_are_told_in_the_order_of_the_file() -> None:
    """Each by its path and both its lines, also one within another."""
    assert _refusal("a: 1\na: {b: 1,\n b: 2}").splitlines() == [
        "c.yaml:2: a: key 'a' is already on line 1; each key only once",
        "c.yaml:3: a.b: key 'b' is already on line 2; each key only once",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("# nothing", "empty"),
        ("- a", "a list; the top level must be a mapping"),
        ("text", "a single value"),
        ("a: 1\na: 2", "c.yaml:2: a: key 'a' is already on line 1"),
        ("a:\n  - b\n  - {c: 1,\n    c: 2}", "c.yaml:4: a.1.c: key 'c' is already on line 3"),
        ("a: [1", "not YAML"),
        ("a: b: c", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("a: &x [*x]", "contains itself"),
        ("a: *x", "not"),
        ("1: a", "key 1 is not text"),
        ("yes: a", "key yes is not text"),
        ("? [a]\n: b", "not text"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: !mine x", "tag !mine"),
        ("a: !!int x", "is not of type int"),
        ("a: " + "9" * 10_000, "is not of type int"),
        ("a: {<<: 5}", "<<"),
        ("a: " + "[" * 500 + "]" * 500, "nested too deeply"),
        ("[" * 400_000, "not"),
        ("a: " + "{a: " * 30 + "1" + "}" * 30, "nested too deeply"),
        (BOMB, "too many values"),
        ("a: [" + "x," * 200_000 + "]", "too many values"),
    ],
)
def test_refused(text: str, said: str, looked_at: list[yaml.Event]) -> None:
    """Each is refused in one line that says what is wrong, before more is looked at than a file may hold."""
    line = _refusal(text)
    assert len(looked_at) <= 2 * MAX_NODES + MAX_DEPTH  # a list or a mapping has a beginning and an end
    assert said in line or "nested too deeply" in line
    assert "\n" not in line
    assert len(line) < 400


def test_a_file_without_end(looked_at: list[yaml.Event]) -> None:
    """No more than the cap is read of it, and nothing of that is parsed."""
    with pytest.raises(ConfigError, match=f"too large; at most {MAX_BYTES:,} bytes"):
        read_yaml(Path("/dev/zero"))
    assert looked_at == []


def test_the_largest_file(tmp_path: Path) -> None:
    """A file just under the cap is read."""
    path = tmp_path / "big.yaml"
    path.write_text("a:\n" + "".join(f"  key{number:06d}: {'v' * 18}\n" for number in range(29_000)))
    assert 900_000 < path.stat().st_size < MAX_BYTES
    assert len(read_yaml(path).value["a"]) == 29_000


def test_the_work_grows_no_faster_than_the_file() -> None:
    """A thousand keys more cost as many calls, however many there are: nothing is looked at twice."""

    def calls(keys: int) -> int:
        text = "".join(f"key{number:06d}: v\n" for number in range(keys))
        return python_calls(lambda: parse_yaml(text, "c.yaml"))

    few, some, many = (calls(keys) for keys in (1_000, 2_000, 3_000))
    assert 0 < many - some < 1.01 * (some - few)  # garbage collection may call a finalizer or two


@pytest.mark.parametrize("make", ["absent", "directory", "latin"])
def test_unreadable_files(tmp_path: Path, make: str) -> None:
    """A file that is absent, a directory, or not UTF-8 is refused in one line with its name."""
    path = tmp_path / "c.yaml"
    if make == "directory":
        path.mkdir()
    if make == "latin":
        path.write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match=r"c\.yaml") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)

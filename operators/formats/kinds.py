"""Kinds: messages of several kinds in one topic, told apart by the decoder itself where a text on top names the kind.

A filter such as `where: {path: type, in: [score]}` costs one decoding a message then: those that count become the
source's own type, all others nothing. The kinds of the others are learnt as they come.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.heads import decoded
from windows.values import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.formats.field_map import Shape
    from operators.settings.source import Filter

MOST_KINDS = 64
"""Kinds that are told apart: a topic whose messages have more is filtered in another way."""

LONGEST = 200
"""Characters of a kind's name; a longer text is no such name."""

PATIENCE = 16
"""Batches without success, at least, after which it is not tried any more."""

SHARE = 4
"""One in so many batches may be without success."""


class Kinds:
    """Decodes lines of JSON of one model, those that count and those that do not.

    Args:
        shape: what those that count are decoded as.
        where: which those are.
    """

    def __init__(self, shape: Shape, where: Filter) -> None:
        self._shape = shape
        self._tag = str((where.path or ("",))[0])
        self._allowed = frozenset(map(name_of, where.values))
        self._read: dict[str, type[msgspec.Struct]] = {}
        self._left: dict[str, type[msgspec.Struct]] = {}
        self._tried = self._failed = 0
        self._naming: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            msgspec.defstruct("Kind", [("kind", Any, None)], rename={"kind": self._tag})
        )
        for name in where.values:
            self._add(str(name))
        self._decoder = self._made()

    @staticmethod
    def fits(shape: Shape, where: Filter) -> bool:
        """Whether the decoder can tell kinds apart: texts under a key on top that no field is read from."""
        path = where.path
        if path is None or len(path) > 1 or not isinstance(path[0], str) or shape.rooted:
            return False
        texts = all(isinstance(value, str) for value in where.values) and len(where.values) <= MOST_KINDS // 2
        return texts and path[0] not in {one.encode_name for one in msgspec.structs.fields(shape.root)}

    def __call__(self, lines: Sequence[bytes], text: bytes) -> tuple[list[Any], list[bool]] | None:
        """What those that count are decoded as, and which of all these are; None where it takes a closer look.

        Raises:
            msgspec.DecodeError: a line is none.
        """
        if self._failed > PATIENCE and self._failed * SHARE > self._tried:
            return None
        self._tried += 1
        try:
            objects = decoded(self._decoder, lines, text)
        except msgspec.ValidationError:
            if not self._learnt(lines, text):
                self._failed += 1
                return None
            try:
                objects = decoded(self._decoder, lines, text)
            except msgspec.ValidationError:
                self._failed += 1
                return None
        if len(objects) != len(lines):
            raise msgspec.DecodeError("not one record a line")
        wanted = list(map(frozenset(self._read.values()).__contains__, map(type, objects)))
        return list(compress(objects, wanted)), wanted

    def _learnt(self, lines: Sequence[bytes], text: bytes) -> bool:
        """Add the kinds of these that are not known yet; whether there were some, and all could be added."""
        try:
            names = {one.kind for one in decoded(self._naming, lines, text) if isinstance(one.kind, str)}
        except msgspec.ValidationError:
            return False
        new = sorted(names - self._read.keys() - self._left.keys())
        if not new or len(self._read) + len(self._left) + len(new) > MOST_KINDS or max(map(len, new)) > LONGEST:
            return False
        for name in new:
            self._add(name)
        self._decoder = self._made()
        return True

    def _add(self, name: str) -> None:
        """Give a kind a type of its own."""
        if name_of(name) in self._allowed:
            root = self._shape.root
            names = {one.name: one.encode_name for one in msgspec.structs.fields(root)}
            fields = [(one.name, one.type, None) for one in msgspec.structs.fields(root)]
            self._read[name] = msgspec.defstruct(
                "Root", fields, rename=names, gc=False, eq=False, tag_field=self._tag, tag=name
            )
        else:
            self._left[name] = msgspec.defstruct("Left", [], gc=False, eq=False, tag_field=self._tag, tag=name)

    def _made(self) -> msgspec.json.Decoder[Any]:
        kinds: Any = None
        for kind in (*self._read.values(), *self._left.values()):
            kinds = kind if kinds is None else kinds | kind
        return msgspec.json.Decoder(kinds, strict=False)

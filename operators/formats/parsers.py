"""Parsers: the way of reading that a source's format asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.formats.arrow import arrow_codec
from operators.formats.avro import AvroCodec
from operators.formats.map_tree import MapError
from operators.formats.mapped_lines import MappedParser, Reader
from operators.formats.presets import PresetCodec
from operators.formats.protobuf import ProtobufCodec
from operators.formats.tables import columns_codec
from operators.formats.values import ValuesParser, msgpack_codec
from operators.settings.places import TimePlace
from operators.settings.source import UTC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import msgspec

    from operators.formats.json_lines import Fault
    from operators.formats.schemas import Schemas
    from operators.formats.values import Codec
    from operators.settings.source import SourceSettings
    from windows.arrays import IntArray

CODECS: dict[str, Codec] = {"msgpack": msgpack_codec, "columns": columns_codec, "arrow": arrow_codec}


def parser_of(
    targets: Mapping[str, type[msgspec.Struct]],
    source: SourceSettings,
    max_ahead: int,
    faults: Callable[[list[Any], IntArray], Sequence[Fault]],
    silent: Callable[[Any], bool],
    schemas: Schemas | None = None,
) -> MappedParser:
    """What reads the messages of a source; `silent` tells which records say nothing, where a topic holds both.

    `schemas` are those of the registry.

    Raises:
        MapError: its map cannot be followed.
    """
    skips = silent if source.holds == "both" else None
    if source.format == "json" and source.preset is None:
        return MappedParser(Reader(targets, source), max_ahead, faults, skips)
    codec = codec_of(source, schemas)
    if codec is None:
        raise MapError("/format", f"{source.format} is not read")
    return ValuesParser(codec, Reader(targets, source, values=True), max_ahead, faults, skips)


def codec_of(source: SourceSettings, schemas: Schemas | None = None) -> Codec | None:
    """What decodes the messages of a source; None for JSON without a preset, which is read line by line.

    Raises:
        MapError: its schema cannot be read, or does not have the message type.
    """
    codec = _by_schema(source, schemas) if source.schematic else CODECS.get(source.format)
    return codec if source.preset is None else PresetCodec(source.preset, codec)


def _clocks(source: SourceSettings) -> frozenset[str]:
    """The fields that times are read from by clocks of a zone other than UTC."""
    places = (source.map.place("timestamp"), source.map.place("predicted_at"))
    return frozenset(
        str(place.path[-1])
        for place in places
        if isinstance(place, TimePlace) and place.path and place.timezone not in {None, UTC} and not place.numeric
    )


def _by_schema(source: SourceSettings, schemas: Schemas | None) -> Codec:
    try:
        if source.format == "avro":
            return AvroCodec(schemas, source.schema_file, _clocks(source))
        return ProtobufCodec(schemas, source.schema_file, source.message)
    except (OSError, ValueError) as error:
        raise MapError("/schema_file", str(error)) from None
    except KeyError as error:
        raise MapError("/message", str(error.args[0])) from None

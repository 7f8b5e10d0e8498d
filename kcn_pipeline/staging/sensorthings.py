"""Pages of an OGC SensorThings 1.1 service → readings.

It must not guess a station, a parameter or a unit: contracts/monitoring/streams.yaml says what a datastream is, the
datastream itself its unit, unless that contract overrides it. The surprising fact: observations come in three shapes,
one object each, rows of a data array whose columns stand in any order, or nested in an expanded datastream.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.staging.page_readings import PageReader, PageReadings, text_of

#: An entity that holds, or could hold, observations further down.
_OUTER = ("dataArray", "Observations", "Datastreams", "unitOfMeasurement")
_STREAM_IN_LINK = re.compile(r"Datastreams\((?:'(.*)'|([^')]+))\)")


class _Origin(NamedTuple):
    """What is known of the datastream that observations belong to: its id, its unit, a name for people."""

    stream: str
    unit: Any
    described: str


class _Group(NamedTuple):
    """Observations of one datastream; `components` name the columns where they are rows of a data array."""

    origin: _Origin
    observations: list[Any]
    components: Any = None


def read_page(content: bytes, metadata: Mapping[str, Any], name: str, monitoring: Monitoring) -> PageReadings:
    """The readings of one page as it landed; a page that lists datastreams has none.

    Every observation is a reading or an unread item, except those of a datastream whose station or unit is not known:
    they are one unread item together.
    """
    reader = PageReader(monitoring, metadata["source"])
    outer = _Origin(
        str(metadata.get("datastream", "")),
        metadata.get("unit"),
        " / ".join(text for text in (text_of(metadata, "thing_name"), text_of(metadata, "datastream_name")) if text),
    )
    for group in _find_groups(reader.parse(content), outer):
        _read_group(reader, group)
    known = monitoring.stream(metadata["source"], outer.stream)
    return reader.finish(known.station_id if known else None)


def _find_groups(node: Any, origin: _Origin) -> Iterator[_Group]:
    """The observations in a page, datastream by datastream, at whatever depth they stand."""
    if isinstance(node, list):
        observations = [item for item in node if not _is_outer(item)]
        if observations:
            yield _Group(origin, observations)
        for item in node:
            if _is_outer(item):
                yield from _find_groups(item, origin)
    elif isinstance(node, dict) and isinstance(node.get("dataArray"), list):
        linked = _STREAM_IN_LINK.search(text_of(node, "Datastream@iot.navigationLink"))
        inner = origin._replace(stream=linked[1] or linked[2]) if linked and not origin.stream else origin
        yield _Group(inner, node["dataArray"], node.get("components"))
    elif isinstance(node, dict):
        is_stream = "unitOfMeasurement" in node or "Observations" in node
        inner = _origin_of(node, origin) if is_stream else origin
        for key in ("value", "Observations", "Datastreams"):
            if isinstance(node.get(key), list):
                yield from _find_groups(node[key], inner)


def _is_outer(item: Any) -> bool:
    return isinstance(item, dict) and any(key in item for key in _OUTER)


def _origin_of(datastream: Mapping[str, Any], outer: _Origin) -> _Origin:
    """What an expanded datastream says of itself; what it does not say, the page's metadata do."""
    number = datastream.get("@iot.id")
    return _Origin(
        outer.stream if number is None else str(number),
        datastream.get("unitOfMeasurement", outer.unit),
        text_of(datastream, "name") or outer.described,
    )


def _read_group(reader: PageReader, group: _Group) -> None:
    origin = group.origin
    count = f"{len(group.observations)} observations"
    stream = reader.stream_of(origin.stream, f"{origin.described or 'no name'}: {count}")
    if stream is None or not group.observations:
        return
    unit = stream.unit or text_of(origin.unit, "symbol") or text_of(origin.unit, "name")
    resolved = reader.monitoring.resolve(stream.parameter, unit)
    if isinstance(resolved, str):
        reader.refuse_page(resolved, f"{stream.parameter}, {unit or 'no unit'}: {count}", stream)
        return
    for observation in group.observations:
        said = _to_mapping(observation, group.components)
        if said is None or "result" not in said:
            reader.refuse("unreadable_line", observation, stream)
        else:
            reader.read(stream, resolved, observation, said.get("phenomenonTime"), said["result"])


def _to_mapping(observation: Any, components: Any) -> Mapping[str, Any] | None:
    """An observation by the names of its parts; None where it is neither an object nor a row that fits the columns."""
    if isinstance(observation, dict):
        return observation
    if isinstance(observation, list) and isinstance(components, list) and len(observation) == len(components):
        return {str(key): value for key, value in zip(components, observation, strict=True)}
    return None

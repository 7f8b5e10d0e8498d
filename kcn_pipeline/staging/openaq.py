"""Pages of measurements of OpenAQ v3 → readings.

It must not guess a station or a parameter: contracts/monitoring/streams.yaml says what a sensor is, and a sensor that
says of itself that it measures something else is not read. The surprising fact: a measurement is filed under the
beginning of its interval, though the service sorts and filters by the end, because the end of a day's last hour already
lies in the next day.
"""

from collections.abc import Mapping
from typing import Any

from kcn_pipeline.contracts.monitoring import Monitoring, Resolved, Stream
from kcn_pipeline.staging.page_readings import PageReader, PageReadings, text_of


def read_page(content: bytes, metadata: Mapping[str, Any], name: str, monitoring: Monitoring) -> PageReadings:
    """The readings of one page as it landed; every measurement is a reading or an unread item.

    Those of a sensor that no contract names are one unread item together. Times are taken from `utc`, since `local` is
    local where the sensor says it stands. A flagged measurement is a device error (02): it is kept and not counted.
    """
    reader = PageReader(monitoring, metadata["source"])
    parsed = reader.parse(content)
    results = parsed.get("results") if isinstance(parsed, dict) else None
    stream = monitoring.stream(metadata["source"], str(metadata["sensor"]))
    if isinstance(results, list):
        _read_results(reader, results, str(metadata["sensor"]), stream)
    elif parsed is not None:
        reader.refuse_page("unreadable_line", str(parsed), stream)
    return reader.finish(stream.station_id if stream else None)


def _read_results(reader: PageReader, results: list[Any], sensor: str, stream: Stream | None) -> None:
    if not results:
        return
    if stream is None:
        reader.stream_of(sensor, f"{_describe(results[0])}: {len(results)} measurements")
        return
    for result in results:
        resolved = _resolve(reader.monitoring, stream, result)
        if isinstance(resolved, str):
            reader.refuse(resolved, result, stream)
        else:
            is_flagged = _part(result, "flagInfo").get("hasFlags") is True
            time = _part(_part(result, "period"), "datetimeFrom").get("utc")
            reader.read(stream, resolved, result, time, result["value"], "02" if is_flagged else "00")


def _resolve(monitoring: Monitoring, stream: Stream, result: Any) -> Resolved | str:
    """What the parameter and unit of a measurement mean, or the rule by which it cannot be read."""
    if not isinstance(result, dict) or "value" not in result:
        return "unreadable_line"
    parameter = _part(result, "parameter")
    resolved = monitoring.resolve(stream.parameter, stream.unit or text_of(parameter, "units"))
    if isinstance(resolved, str):
        return resolved
    said = monitoring.resolve(text_of(parameter, "name"), text_of(parameter, "units"))
    is_other = not isinstance(said, str) and said.parameter_code != resolved.parameter_code
    return "unknown_symbol" if is_other else resolved


def _describe(result: Any) -> str:
    parameter = _part(result, "parameter")
    return f"{text_of(parameter, 'name')} {text_of(parameter, 'units')}".strip()


def _part(said: Any, key: str) -> Mapping[str, Any]:
    """The mapping under a key; empty where there is none."""
    part = said.get(key) if isinstance(said, Mapping) else None
    return part if isinstance(part, Mapping) else {}

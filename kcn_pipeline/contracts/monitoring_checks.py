"""What the monitoring contracts say of one another must fit: parameters, units, regulations, coefficients, steps.

It must not judge a reading. The surprising fact: a coefficient that a discharge point does not state is an error here,
because taking it as 1 would quietly make a limit laxer or stricter than the permit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

from kcn_pipeline.contracts.monitoring import (
    Band,
    Breakpoint,
    DischargePoint,
    LimitRow,
    Parameter,
    Spelling,
    StatusSpelling,
    Stream,
    plain,
)
from kcn_pipeline.contracts.monitoring_settings import Settings
from kcn_pipeline.contracts.reference import Unit

#: Where in an entry, and what is wrong there.
Fault = tuple[Sequence[str | int], str]
#: The key of the entry, where in it, and what is wrong.
Complaint = tuple[str, Sequence[str | int], str]


def check_monitoring(
    read: Mapping[str, Mapping[str, Any]], settings: Settings, units: Mapping[str, Unit]
) -> Iterator[tuple[str, str, Sequence[str | int], str]]:
    """Every name that points nowhere and every two entries that contradict each other: kind, key, place, reason."""
    parameters: Mapping[str, Parameter] = read["monitoring_parameters"]
    limits: Mapping[str, LimitRow] = read["monitoring_limits"]
    checks: dict[str, Iterator[Complaint]] = {
        "monitoring_settings": _settings(settings, parameters),
        "monitoring_parameters": chain(_parameters(parameters, units), _symbols(parameters)),
        "monitoring_spellings": _spellings(read["monitoring_spellings"], parameters),
        "monitoring_statuses": _statuses(read["monitoring_statuses"]),
        "monitoring_limits": _limits(limits, parameters, settings),
        "monitoring_discharge_points": _points(read["monitoring_discharge_points"], limits.values()),
        "monitoring_aqi_breakpoints": _breakpoints(read["monitoring_aqi_breakpoints"], parameters),
        "monitoring_aqi_bands": _bands(read["monitoring_aqi_bands"]),
        "monitoring_streams": _streams(read["monitoring_streams"], parameters),
    }
    for kind, complaints in checks.items():
        for key, place, reason in complaints:
            yield kind, key, place, reason


def _settings(settings: Settings, parameters: Mapping[str, Parameter]) -> Iterator[Complaint]:
    named = {
        "load_parameters": settings.load_parameters,
        "flow_parameter": (settings.flow_parameter,),
        "aqi_needs_one_of": settings.aqi_needs_one_of,
    }
    for name, codes in named.items():
        for code in codes:
            if code not in parameters:
                yield name, ["value"], _no_parameter(code)


# ---- parameters and how they are written -----------------------------------------------------------------------------


def _parameters(parameters: Mapping[str, Parameter], units: Mapping[str, Unit]) -> Iterator[Complaint]:
    for code, parameter in parameters.items():
        if parameter.unit not in units:
            yield code, ["unit"], f"no unit {parameter.unit!r} in units.yaml"
            continue
        for place, reason in (*_shown(parameter, units), *_derived(parameter, parameters)):
            yield code, place, reason


def _shown(parameter: Parameter, units: Mapping[str, Unit]) -> Iterator[Fault]:
    own = units[parameter.unit]
    for kind, shown in parameter.shown_units.items():
        place: list[str | int] = ["shown_units", kind]
        unit = units.get(shown.unit)
        if unit is None:
            yield [*place, "unit"], f"no unit {shown.unit!r} in units.yaml"
        elif unit.quantity != own.quantity:
            yield [*place, "unit"], f"{unit.code} measures {unit.quantity}, {own.code} {own.quantity}"
        elif abs(shown.factor * unit.factor / own.factor - 1) > 1e-9:
            right = own.factor / unit.factor
            yield [*place, "factor"], f"must be {right:g}, which is how much of {unit.code} one {own.code} is"


def _derived(parameter: Parameter, parameters: Mapping[str, Parameter]) -> Iterator[Fault]:
    for index, part in enumerate(parameter.derived):
        place: list[str | int] = ["derived", index, "parameter"]
        found = parameters.get(part.parameter)
        if found is None:
            yield place, _no_parameter(part.parameter)
        elif found.derived:
            yield place, f"{part.parameter} is derived itself"
        elif found.unit != parameter.unit:
            yield place, f"{part.parameter} is in {found.unit}, not in {parameter.unit}"


def _symbols(parameters: Mapping[str, Parameter]) -> Iterator[Complaint]:
    """A symbol of two parameters: chance would decide which of them a line is."""
    owners: dict[str, str] = {plain(code): code for code in parameters}
    for code, parameter in parameters.items():
        for index, symbol in enumerate(parameter.symbols):
            owner = owners.setdefault(plain(symbol), code)
            if owner != code:
                yield code, ["symbols", index], f"{symbol!r} is a symbol of {owner}, too"


def _spellings(spellings: Mapping[str, Spelling], parameters: Mapping[str, Parameter]) -> Iterator[Complaint]:
    canonical = {parameter.unit for parameter in parameters.values()}
    known: dict[tuple[str, str, str | None], Spelling] = {}
    for key, one in spellings.items():
        if one.unit not in canonical:
            yield key, ["unit"], f"no parameter has the canonical unit {one.unit!r}"
        named = parameters.get(one.parameter) if one.parameter else None
        if one.parameter and named is None:
            yield key, ["parameter"], _no_parameter(one.parameter)
        elif named and named.unit != one.unit:
            yield key, ["unit"], f"the canonical unit of {named.code} is {named.unit}"
        earlier = known.setdefault((one.unit, plain(one.written), one.parameter), one)
        if (earlier.factor, earlier.offset) != (one.factor, one.offset):
            yield key, ["factor"], f"{earlier.written!r} is the same spelling and converts otherwise"


def _statuses(statuses: Mapping[str, StatusSpelling]) -> Iterator[Complaint]:
    known: dict[str, StatusSpelling] = {}
    for key, one in statuses.items():
        earlier = known.setdefault(plain(one.written), one)
        if earlier.status != one.status:
            yield key, ["status"], f"{earlier.written!r} is the same spelling of {earlier.status}"


def _streams(streams: Mapping[str, Stream], parameters: Mapping[str, Parameter]) -> Iterator[Complaint]:
    for key, stream in streams.items():
        if stream.parameter not in parameters:
            yield key, ["parameter"], _no_parameter(stream.parameter)


# ---- limits ----------------------------------------------------------------------------------------------------------


def _limits(
    limits: Mapping[str, LimitRow], parameters: Mapping[str, Parameter], settings: Settings
) -> Iterator[Complaint]:
    for key, row in limits.items():
        parameter = parameters.get(row.parameter)
        if parameter is None:
            yield key, ["parameter"], _no_parameter(row.parameter)
        elif row.unit != (expected := parameter.shown(row.kind).unit):
            yield key, ["unit"], f"{row.kind} stations show {row.parameter} in {expected}"
        if row.averaging is None and row.kind not in settings.judged_averaging:
            reason = f"the row names no averaging time and the setting judged_averaging has none for {row.kind}"
            yield key, ["averaging"], reason


def _points(points: Mapping[str, DischargePoint], limits: Iterable[LimitRow]) -> Iterator[Complaint]:
    needed: dict[tuple[str, str, str], set[str]] = {}
    for row in limits:
        needed.setdefault((row.regulation, row.kind, row.column), set()).update(row.coefficients)
    for key, point in points.items():
        names = needed.get((point.regulation, point.kind, point.column))
        if names is None:
            columns = sorted({column for *table, column in needed if table == [point.regulation, point.kind]})
            reason = f"limits.yaml has {columns or 'no columns'} of {point.regulation} for {point.kind} stations"
            yield key, ["column"], f"{reason}, not {point.column!r}"
        elif names != set(point.coefficients):
            reason = f"must be {sorted(names)}, which its rows name; stated are {sorted(point.coefficients)}"
            yield key, ["coefficients"], reason


# ---- VN_AQI ----------------------------------------------------------------------------------------------------------


def _breakpoints(rows: Mapping[str, Breakpoint], parameters: Mapping[str, Parameter]) -> Iterator[Complaint]:
    steps: dict[tuple[str, str], list[tuple[str, Breakpoint]]] = {}
    for key, row in rows.items():
        parameter = parameters.get(row.parameter)
        if parameter is None:
            yield key, ["parameter"], _no_parameter(row.parameter)
        elif row.unit != parameter.unit:
            yield key, ["unit"], f"the canonical unit of {row.parameter} is {parameter.unit}"
        if row.bp_low >= row.bp_high or row.i_low >= row.i_high:
            yield key, [], "the step must rise, in concentration and in index"
        steps.setdefault((row.parameter, row.averaging), []).append((key, row))
    for rising in steps.values():
        for (_, low), (key, high) in pairwise(sorted(rising, key=lambda one: one[1].step)):
            if (low.bp_high, low.i_high) != (high.bp_low, high.i_low):
                reason = f"must begin where step {low.step} ends, at {low.bp_high:g} and index {low.i_high:g}"
                yield key, ["bp_low"], reason


def _bands(bands: Mapping[str, Band]) -> Iterator[Complaint]:
    for (_, low), (key, high) in pairwise(sorted(bands.items(), key=lambda one: one[1].low)):
        if high.low != low.high + 1:
            yield key, ["low"], f"must be {low.high + 1}, one above the band before"


def _no_parameter(code: str) -> str:
    return f"no parameter {code!r} in monitoring/parameters.yaml"

"""What stations may send and how it is judged: parameters, spellings, limits, discharge points, streams, AQI, settings.

It must not read a station's file nor compare a mean with a limit. The surprising fact: a parameter has one canonical
unit whatever the station, and the unit in which people see it (mg/Nm3 for a stack, µg/m3 for the air) depends on the
kind of station.
"""

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field, field_validator, model_validator

from kcn_pipeline.contracts.base import Averaging, Bilingual, Confidence, Contract, Dated, Name, Sourced, StationKind
from kcn_pipeline.contracts.monitoring_settings import Settings

#: Of a reading: measuring, calibrating, device error (Thông tư 10/2021/TT-BTNMT).
Status = Literal["00", "01", "02"]
UnreadableRule = Literal["unknown_symbol", "unknown_unit"]
EVERY_STATION = "*"
_FROM_WEAK: tuple[Confidence, ...] = ("low", "medium", "high")

#: What may be reworded without a mean or a judgement changing.
_WORDS = {"label", "source", "confidence", "note"}


def plain(text: str) -> str:
    """Symbols and units as they are compared: blanks, letter case and ways of coding a character (³ and 3) aside."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


class Resolved(NamedTuple):
    """What a symbol and unit mean: canonical value = value as written × factor + offset."""

    parameter_code: str
    factor: float
    offset: float


class Converter(NamedTuple):
    """How one spelling of a unit converts: canonical value = value as written × factor + offset."""

    factor: float
    offset: float = 0.0


class Range(Contract):
    """The lowest and highest value that can be true, both included."""

    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self


class Shown(Contract):
    """The unit in which one kind of station is shown and judged: shown value = canonical value × factor."""

    unit: str
    factor: float = Field(gt=0, allow_inf_nan=False)


class Part(Contract):
    """One parameter of which a derived one is the sum, with its factor."""

    parameter: str
    factor: float = Field(gt=0, allow_inf_nan=False)


class Parameter(Range, Sourced):
    """One measured thing. `low` and `high` are the plausible range in the canonical `unit`, `ranges` that of a kind.

    The loader fills `units` from monitoring/spellings.yaml: every spelling accepted, by its `plain` form.
    """

    code: Name
    label: Bilingual
    symbols: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    unit: str
    #: A line without a unit is read in the canonical unit.
    missing_unit: bool = False
    shown_units: Mapping[StationKind, Shown] = {}
    ranges: Mapping[StationKind, Range] = {}
    #: Identical values for so many hours are a flat line; None: not judged.
    flat_hours: float | None = Field(default=None, gt=0)
    #: A value of so many times the median of the readings around it is a spike; None: not judged.
    spike_ratio: float | None = Field(default=None, gt=1)
    #: Computed from valid readings of the same time where a station does not send it itself.
    derived: tuple[Part, ...] = ()
    note: str | None = None
    units: Mapping[str, Converter] = {}

    @field_validator("units")
    @classmethod
    def _is_not_written(cls, units: Mapping[str, Converter]) -> Mapping[str, Converter]:
        raise ValueError("spellings of units belong in monitoring/spellings.yaml")

    def shown(self, kind: str) -> Shown:
        """The unit in which stations of that kind are shown and judged; the canonical one unless stated."""
        stated = (shown for name, shown in self.shown_units.items() if name == kind)
        return next(stated, Shown(unit=self.unit, factor=1.0))

    def range_of(self, kind: str) -> Range:
        """The plausible range at stations of that kind, in the canonical unit."""
        stated = (each for name, each in self.ranges.items() if name == kind)
        return next(stated, Range(low=self.low, high=self.high))


class Spelling(Sourced):
    """How a unit is written: canonical value (in `unit`) = value as written × factor + offset.

    It holds for every parameter whose canonical unit is `unit`, or for one `parameter` only.
    """

    unit: str
    written: str = Field(min_length=1)
    factor: float = Field(gt=0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    parameter: str | None = None
    note: str | None = None


class StatusSpelling(Sourced):
    """What a logger writes for a status; the empty text is a line without one."""

    written: str
    status: Status
    note: str | None = None


class Sentinel(Sourced):
    """A number that loggers write for "no value", before any conversion; its status becomes 02."""

    value: float = Field(allow_inf_nan=False)
    note: str | None = None


class LimitRow(Dated):
    """One figure of a regulation. `coefficients` name the factors of the discharge point that multiply it.

    Where the regulation names no averaging time the loader fills in that of the setting `judged_averaging`.
    """

    regulation: str = Field(min_length=1)
    kind: StationKind
    parameter: str
    #: The column or zone of the table; empty where it has none.
    column: str = ""
    averaging: Averaging | None = None
    limit_min: float | None = Field(default=None, allow_inf_nan=False)
    limit_max: float | None = Field(default=None, allow_inf_nan=False)
    unit: str
    coefficients: tuple[Name, ...] = ()
    note: str | None = None

    @model_validator(mode="after")
    def _has_sides(self) -> "LimitRow":
        if self.limit_min is None and self.limit_max is None:
            raise ValueError("needs limit_min, limit_max or both")
        if self.limit_min is not None and self.limit_max is not None and self.limit_min > self.limit_max:
            raise ValueError("limit_min is above limit_max")
        return self


class DischargePoint(Dated):
    """By which column of which regulation a station is judged where its permit says nothing.

    `station` is `*` for every station of the kind without a row of its own that day.
    """

    station: str = Field(min_length=1)
    kind: StationKind
    regulation: str
    column: str = ""
    coefficients: Mapping[Name, float] = {}
    #: Means are converted to this share of O2 before they are judged; None: as measured.
    o2_reference_pct: float | None = Field(default=None, ge=0, lt=20)
    note: str | None = None

    @model_validator(mode="after")
    def _is_positive(self) -> "DischargePoint":
        for name, factor in self.coefficients.items():
            if not 0 < factor < math.inf:
                raise ValueError(f"coefficient {name} must be above 0")
        return self


class PointLimit(NamedTuple):
    """What a mean at a discharge point must not pass, in the unit in which the kind of station is shown."""

    parameter: str
    averaging: Averaging
    limit_min: float | None
    limit_max: float | None
    unit: str
    #: Regulation, column and coefficients, such as `QCVN 40:2011/BTNMT, A, kf=1, kq=0.9`.
    regulation: str
    o2_reference_pct: float | None
    source: str
    confidence: Confidence


class Breakpoint(Dated):
    """One step of VN_AQI for a parameter: concentrations bp_low..bp_high give i_low..i_high."""

    parameter: str
    averaging: Literal["1h", "8h", "24h"]
    step: int = Field(ge=1)
    i_low: float = Field(allow_inf_nan=False)
    i_high: float = Field(allow_inf_nan=False)
    bp_low: float = Field(allow_inf_nan=False)
    bp_high: float = Field(allow_inf_nan=False)
    unit: str


class Band(Dated):
    """A band of VN_AQI: whole index values low..high, both included."""

    code: Name
    label: Bilingual
    colour: Bilingual
    low: int
    high: int
    rgb: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Aqi:
    """The tables of VN_AQI: breakpoints by parameter, averaging and step, and bands from good to hazardous."""

    breakpoints: tuple[Breakpoint, ...]
    bands: tuple[Band, ...]

    def band_of(self, index: int) -> Band | None:
        """The band of a whole index value; None outside 0..500."""
        return next((band for band in self.bands if band.low <= index <= band.high), None)


class Stream(Contract):
    """Which station and parameter a datastream (SensorThings) or sensor (OpenAQ) of a feed is.

    `unit` replaces what the service says of the unit; None: the service is believed.
    """

    source: Name
    stream: str = Field(min_length=1)
    station_id: str = Field(min_length=1)
    parameter: str
    unit: str | None = None
    #: Minutes between two observations; None: as of station files (setting cadence_minutes).
    cadence_minutes: int | None = Field(default=None, gt=0, le=60)
    note: str | None = None

    @model_validator(mode="after")
    def _divides_the_hour(self) -> "Stream":
        if self.cadence_minutes and 60 % self.cadence_minutes:
            raise ValueError("cadence_minutes must divide 60")
        return self


@dataclass(frozen=True, eq=False)
class Monitoring:
    """Every monitoring contract. `statuses` are by their `plain` spelling, `sentinels` in the unit as written."""

    parameters: Mapping[str, Parameter]
    statuses: Mapping[str, Status]
    sentinels: tuple[float, ...]
    settings: Settings
    limits: tuple[LimitRow, ...]
    discharge_points: tuple[DischargePoint, ...]
    aqi: Aqi
    streams: tuple[Stream, ...]
    #: Of what the hours, days and judgements depend on: equal content, equal text.
    fingerprint: str = field(default="")

    def resolve(self, symbol: str, unit: str) -> Resolved | UnreadableRule:
        """What a symbol and a unit as written mean, or the rule that says which of the two is not known.

        A parameter's code is accepted as its symbol. A missing unit is the empty text.
        """
        parameter = self._by_symbol.get(plain(symbol))
        if parameter is None:
            return "unknown_symbol"
        written = plain(unit)
        if not written and parameter.missing_unit:
            return Resolved(parameter.code, 1.0, 0.0)
        converter = parameter.units.get(written)
        return "unknown_unit" if converter is None else Resolved(parameter.code, *converter)

    def parameter_of(self, symbol: str) -> Parameter | None:
        """The parameter that a symbol, or a code, means; None when it is not known."""
        return self._by_symbol.get(plain(symbol))

    def status(self, written: str) -> Status | None:
        """The status that a logger's text means; None when it is not known."""
        return self.statuses.get(plain(written))

    def stream(self, source: str, stream: str) -> Stream | None:
        """The station and parameter of a stream of a feed; None when no contract names it."""
        return self._by_stream.get((source, stream))

    def point_on(self, station_id: str, kind: str, day: date) -> DischargePoint | None:
        """By what a station is judged on a day where its permit says nothing: its own row, or that of its kind."""
        holding = [point for point in self.discharge_points if point.kind == kind and point.holds_on(day)]
        for station in (station_id, EVERY_STATION):
            own = [point for point in holding if point.station == station]
            if own:
                return max(own, key=lambda point: point.valid_from or date.min)
        return None

    def limits_on(self, station_id: str, kind: str, day: date) -> tuple[PointLimit, ...]:
        """The regulation's limits for a station on a day, coefficients applied; permit values come before them.

        Of two rows for the same thing the one that began last holds.
        """
        point = self.point_on(station_id, kind, day)
        if point is None:
            return ()
        newest: dict[tuple[str, str | None], LimitRow] = {}
        for row in self._by_regulation.get((point.regulation, point.kind, point.column), []):
            if row.holds_on(day):
                newest[row.parameter, row.averaging] = row
        return tuple(_limit_at(point, row) for row in newest.values())

    @cached_property
    def _by_symbol(self) -> dict[str, Parameter]:
        return {plain(text): one for one in self.parameters.values() for text in (one.code, *one.symbols)}

    @cached_property
    def _by_stream(self) -> dict[tuple[str, str], Stream]:
        return {(stream.source, stream.stream): stream for stream in self.streams}

    @cached_property
    def _by_regulation(self) -> dict[tuple[str, str, str], list[LimitRow]]:
        rows: dict[tuple[str, str, str], list[LimitRow]] = {}
        for row in sorted(self.limits, key=lambda row: row.valid_from or date.min):
            rows.setdefault((row.regulation, row.kind, row.column), []).append(row)
        return rows


def _limit_at(point: DischargePoint, row: LimitRow) -> PointLimit:
    factor = math.prod(point.coefficients[name] for name in row.coefficients)
    # A product such as 75 × 0.9 × 1.1 is 74.25000000000001; twelve digits are more than any limit has.
    low, high = (None if side is None else float(f"{side * factor:.12g}") for side in (row.limit_min, row.limit_max))
    applied = [f"{name}={point.coefficients[name]:g}" for name in row.coefficients]
    basis = ", ".join([row.regulation, *([row.column] if row.column else []), *applied])
    assert row.averaging is not None, "the loader fills it in"
    weakest = min(point.confidence, row.confidence, key=_FROM_WEAK.index)
    o2 = point.o2_reference_pct
    return PointLimit(row.parameter, row.averaging, low, high, row.unit, basis, o2, row.source, weakest)


def build_monitoring(read: Mapping[str, Mapping[str, Any]], settings: Settings) -> Monitoring:
    """The monitoring contracts of what was read, by kind and key: spellings joined, averaging times filled in."""
    parameters = {
        code: parameter.model_copy(update={"units": _units_of(parameter, read["monitoring_spellings"].values())})
        for code, parameter in read["monitoring_parameters"].items()
    }
    limits = tuple(
        row.model_copy(update={"averaging": row.averaging or settings.judged_averaging.get(row.kind)})
        for row in read["monitoring_limits"].values()
    )
    points = tuple(read["monitoring_discharge_points"].values())
    streams = tuple(read["monitoring_streams"].values())
    bands = tuple(sorted(read["monitoring_aqi_bands"].values(), key=lambda band: band.low))
    breakpoints = tuple(
        sorted(read["monitoring_aqi_breakpoints"].values(), key=lambda row: (row.parameter, row.averaging, row.step))
    )
    return Monitoring(
        parameters=parameters,
        statuses={plain(one.written): one.status for one in read["monitoring_statuses"].values()},
        sentinels=tuple(one.value for one in read["monitoring_sentinels"].values()),
        settings=settings,
        limits=limits,
        discharge_points=points,
        aqi=Aqi(breakpoints, bands),
        streams=streams,
        fingerprint=_fingerprint([settings, *parameters.values(), *limits, *points, *breakpoints, *bands, *streams]),
    )


def _units_of(parameter: Parameter, spellings: Any) -> dict[str, Converter]:
    """Every accepted spelling of the parameter's unit; one stated for this parameter comes before the general one."""
    ours = [one for one in spellings if one.unit == parameter.unit and one.parameter in (None, parameter.code)]
    ours.sort(key=lambda one: one.parameter is not None)
    return {plain(one.written): Converter(one.factor, one.offset) for one in ours}


def _fingerprint(models: list[BaseModel]) -> str:
    said = [model.model_dump(mode="json", exclude=_WORDS) for model in models]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

"""Reads the packaged contracts, lays the board's own over them, and returns one frozen set.

It must not judge SQL nor data. The surprising fact: YAML is turned into JSON before the models see it, because strict
models then accept exactly what a file can say (lists, ISO dates) and still refuse every silent conversion.
"""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from kcn_pipeline.contracts.checks import check_links
from kcn_pipeline.contracts.documents import DocumentError, read_document
from kcn_pipeline.contracts.errors import ContractError, Problem
from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.contracts.indicators import Indicator, Measure
from kcn_pipeline.contracts.loaded import Contracts, Origin
from kcn_pipeline.contracts.monitoring import (
    Band,
    Breakpoint,
    DischargePoint,
    LimitRow,
    Parameter,
    Sentinel,
    Spelling,
    StatusSpelling,
    Stream,
    build_monitoring,
)
from kcn_pipeline.contracts.monitoring_checks import check_monitoring
from kcn_pipeline.contracts.monitoring_settings import Setting, Settings
from kcn_pipeline.contracts.ratings import Criterion, Ratings, Scale, Threshold, Verdict, build_eras
from kcn_pipeline.contracts.reference import (
    Area,
    Calendar,
    CodeList,
    Correction,
    Deadline,
    ExchangeRate,
    Factor,
    ParkName,
    PublishedSum,
    RuleText,
    Unit,
)
from kcn_pipeline.contracts.survey_checks import check_ratings, check_surveys
from kcn_pipeline.contracts.surveys import Survey, build_surveys
from kcn_pipeline.contracts.tables import Column, Table

PACKAGED = Path(__file__).parent

#: What is read: kind → (model, files, the list's key in the file or None for one entry per file, what names an entry).
_KINDS: dict[str, tuple[type[BaseModel], str, str | None, Callable[[dict[str, Any]], str]]] = {
    "tables": (Table, "tables/*.yaml", None, lambda e: str(e.get("table"))),
    "forms": (Form, "forms/*.yaml", None, lambda e: str(e.get("id"))),
    "code_lists": (CodeList, "codes/*.yaml", None, lambda e: str(e.get("name"))),
    "bookkeeping": (Column, "bookkeeping.yaml", "columns", lambda e: str(e.get("name"))),
    "indicators": (Indicator, "indicators.yaml", "indicators", lambda e: str(e.get("code"))),
    "measures": (Measure, "measures.yaml", "measures", lambda e: str(e.get("name"))),
    "units": (Unit, "units.yaml", "units", lambda e: str(e.get("code"))),
    "deadlines": (
        Deadline,
        "deadlines.yaml",
        "deadlines",
        lambda e: f"{e.get('form')}/{e.get('frequency')}/{e.get('valid_from')}",
    ),
    "exchange_rates": (ExchangeRate, "exchange_rates.yaml", "exchange_rates", lambda e: str(e.get("valid_from"))),
    "factors": (Factor, "factors.yaml", "factors", lambda e: f"{e.get('name')}/{e.get('valid_from')}"),
    "areas": (Area, "areas.yaml", "areas", lambda e: f"{e.get('area_code')}/{e.get('valid_from')}"),
    "parks": (ParkName, "parks.yaml", "parks", lambda e: str(e.get("park_code"))),
    "rules": (RuleText, "rules.yaml", "rules", lambda e: str(e.get("rule"))),
    "corrections": (Correction, "corrections.yaml", "corrections", lambda e: str(e.get("id"))),
    "published_sums": (PublishedSum, "published_sums.yaml", "published_sums", lambda e: str(e.get("total"))),
    "monitoring_parameters": (Parameter, "monitoring/parameters.yaml", "parameters", lambda e: str(e.get("code"))),
    "monitoring_spellings": (
        Spelling,
        "monitoring/spellings.yaml",
        "spellings",
        lambda e: f"{e.get('unit')}/{e.get('written')}/{e.get('parameter') or ''}",
    ),
    "monitoring_statuses": (StatusSpelling, "monitoring/statuses.yaml", "statuses", lambda e: repr(e.get("written"))),
    "monitoring_sentinels": (Sentinel, "monitoring/sentinels.yaml", "sentinels", lambda e: str(e.get("value"))),
    "monitoring_settings": (Setting, "monitoring/settings.yaml", "settings", lambda e: str(e.get("name"))),
    "monitoring_limits": (
        LimitRow,
        "monitoring/limits.yaml",
        "limits",
        lambda e: "/".join(
            str(e.get(part) or "") for part in ("regulation", "kind", "parameter", "column", "averaging", "valid_from")
        ),
    ),
    "monitoring_discharge_points": (
        DischargePoint,
        "monitoring/discharge_points.yaml",
        "discharge_points",
        lambda e: f"{e.get('station')}/{e.get('kind')}/{e.get('valid_from') or ''}",
    ),
    "monitoring_aqi_breakpoints": (
        Breakpoint,
        "monitoring/aqi_breakpoints.yaml",
        "breakpoints",
        lambda e: f"{e.get('parameter')}/{e.get('averaging')}/{e.get('step')}",
    ),
    "monitoring_aqi_bands": (Band, "monitoring/aqi_bands.yaml", "bands", lambda e: str(e.get("code"))),
    "monitoring_streams": (
        Stream,
        "monitoring/streams.yaml",
        "streams",
        lambda e: f"{e.get('source')}/{e.get('stream')}",
    ),
    "surveys": (Survey, "surveys/*.yaml", None, lambda e: str(e.get("survey"))),
    "rating_scales": (Scale, "ratings/scales.yaml", "scales", lambda e: str(e.get("name"))),
    "rating_criteria": (Criterion, "ratings/criteria.yaml", "criteria", lambda e: str(e.get("name"))),
    "rating_thresholds": (
        Threshold,
        "ratings/thresholds.yaml",
        "thresholds",
        lambda e: "/".join(str(e[part]) for part in ("name", "valid_from") if e.get(part)),
    ),
    "rating_verdicts": (Verdict, "ratings/verdicts.yaml", "verdicts", lambda e: str(e.get("name"))),
}


@lru_cache(maxsize=4)
def load_contracts(overlay: Path | None = None) -> Contracts:
    """The packaged contracts with `overlay` laid over them; raises ContractError listing every problem.

    An overlay file has the name and shape of the packaged one. An entry with a known key changes the keys it gives, an
    entry with a new key is added; nothing is ever removed (retire an indicator with `status: retired`).
    """
    if overlay is not None and not overlay.is_dir():
        raise ContractError([Problem(str(overlay), "", "KCN_CONTRACTS is not a folder")])
    problems: list[Problem] = []
    read: dict[str, dict[str, Any]] = {}
    origins: dict[tuple[str, str], Origin] = {}
    for kind in _KINDS:
        read[kind] = _read_kind(kind, [PACKAGED, *([overlay] if overlay else [])], origins, problems)
    _refuse_strangers(overlay, problems)
    calendar, version = _read_single(overlay, problems)
    settings = _read_settings(read["monitoring_settings"], origins, problems)
    ratings = _read_ratings(_split(read, "rating_"), origins, problems)
    if problems or calendar is None or settings is None:
        raise ContractError(problems)
    columns = tuple(read.pop("bookkeeping").values())
    read["tables"] = _complete_tables(read["tables"], columns, read["measures"].values())
    of_stations = _split(read, "monitoring_")
    asked = read["surveys"]
    read["surveys"] = build_surveys(asked, ratings, read["indicators"], read["parks"])
    contracts = Contracts(
        **read,
        monitoring=build_monitoring(of_stations, settings),
        ratings=ratings,
        calendar=calendar,
        catalog_version=version,
        origins=origins,
    )
    problems = check_links(contracts)
    complaints = [
        *check_monitoring(of_stations, settings, contracts.units),
        *check_ratings(ratings, contracts.indicators),
        *check_surveys(asked, contracts),
    ]
    problems += [contracts.problem(kind, key, inner, reason) for kind, key, inner, reason in complaints]
    if problems:
        raise ContractError(problems)
    return contracts


def _read_kind(
    kind: str, layers: list[Path], origins: dict[tuple[str, str], Origin], problems: list[Problem]
) -> dict[str, Any]:
    """The entries of one kind over all layers, validated, by key and in file order."""
    model, pattern, list_key, key_of = _KINDS[kind]
    entries: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for path in sorted(layer.glob(pattern)):
            in_file: set[str] = set()
            for index, entry in _entries_of(path, list_key, problems):
                key = key_of(entry)
                if key in in_file:
                    problems.append(Problem(path.name, key, f"{kind} has this key twice in the file"))
                in_file.add(key)
                entries[key] = {**entries.get(key, {}), **entry}
                origins[kind, key] = Origin(path, () if index is None else (str(list_key), index))
    validated: dict[str, Any] = {}
    for key, entry in entries.items():
        try:
            validated[key] = model.model_validate_json(json.dumps(entry, default=str))
        except ValidationError as error:
            problems.extend(origins[kind, key].problems(key, error, entry))
    return validated


def _entries_of(path: Path, list_key: str | None, problems: list[Problem]) -> Iterable[tuple[int | None, dict]]:
    document, found = _read_content(path)
    problems.extend(found)
    if found:
        return
    if list_key is None:
        if isinstance(document, dict):
            yield None, document
        else:
            problems.append(Problem(path.name, "", "must hold one mapping"))
        return
    entries = document.get(list_key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        problems.append(Problem(path.name, list_key, f"must hold a list under the key {list_key!r}"))
        return
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield index, entry
        else:
            problems.append(Problem(path.name, f"{list_key}[{index}]", "must be a mapping"))


def _read_content(path: Path) -> tuple[Any, list[Problem]]:
    """The content of a contract file and why it cannot be used; without content there is always a reason."""
    try:
        document = read_document(path)
    except DocumentError as error:
        return None, [Problem(path.name, "", error.reason, error.line)]
    except OSError as error:
        return None, [Problem(path.name, "", f"cannot be read: {error.strerror}")]
    if document.content is None:
        # An empty file is more often a copy that failed than the wish to change nothing.
        return None, [Problem(path.name, "", "is empty; write the entries or remove the file")]
    return document.content, [
        Problem(path.name, ".".join(map(str, place)), "is written twice; keep one", line)
        for place, line in document.repeated
    ]


def _refuse_strangers(overlay: Path | None, problems: list[Problem]) -> None:
    """A file of the overlay that no kind reads is a misspelt name: it would change nothing, silently."""
    if overlay is None:
        return
    known = {path for _, pattern, _, _ in _KINDS.values() for path in overlay.glob(pattern)}
    for path in sorted({*overlay.rglob("*.yaml"), *overlay.rglob("*.yml"), *overlay.rglob("*.csv")} - known):
        if path.name != "calendar.yaml":
            problems.append(
                Problem(str(path.relative_to(overlay)), "", "is no contract file; the README lists the names")
            )


def _read_single(overlay: Path | None, problems: list[Problem]) -> tuple[Calendar | None, str]:
    """The calendar and the catalog's version, from the topmost layer that has them."""
    layers = [layer for layer in (overlay, PACKAGED) if layer]
    calendar_path = next(layer / "calendar.yaml" for layer in layers if (layer / "calendar.yaml").exists())
    calendar = _read_calendar(calendar_path, problems)
    versions = []
    for layer in layers:
        path = layer / "indicators.yaml"
        # What is wrong with this file was told when its indicators were read.
        document = _read_content(path)[0] if path.exists() else None
        versions.append(str(document.get("version") or "") if isinstance(document, dict) else "")
    return calendar, next((version for version in versions if version), "1")


def _read_calendar(path: Path, problems: list[Problem]) -> Calendar | None:
    document, found = _read_content(path)
    problems.extend(found)
    if found:
        return None
    entry = document.get("calendar") if isinstance(document, dict) else None
    if not isinstance(entry, dict):
        problems.append(Problem(path.name, "calendar", "must hold a mapping under the key 'calendar'"))
        return None
    try:
        return Calendar.model_validate_json(json.dumps(entry, default=str))
    except ValidationError as error:
        problems.extend(Origin(path, ("calendar",)).problems("calendar", error, entry))
        return None


def _read_settings(
    entries: dict[str, Setting], origins: dict[tuple[str, str], Origin], problems: list[Problem]
) -> Settings | None:
    """The settings of monitoring as one record; a name without a row, or a row without a meaning, is a problem."""
    try:
        return Settings.model_validate_json(json.dumps({name: one.value for name, one in entries.items()}))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name, *inner = detail["loc"] or ("cadence_minutes",)
            origin = origins.get(("monitoring_settings", str(name)))
            if detail["type"] == "missing" and origin is None:
                problems.append(Problem("settings.yaml", str(name), "has no row; every setting needs one"))
            elif detail["type"] == "extra_forbidden" and origin:
                known = ", ".join(Settings.model_fields)
                problems.append(origin.problem(str(name), [], f"is no setting; they are {known}"))
            elif detail["type"] != "missing" and origin:
                problems.append(origin.problem(str(name), ["value", *inner], f"{detail['msg']}"))
        return None


def _split(read: dict[str, dict[str, Any]], start: str) -> dict[str, dict[str, Any]]:
    """Take kinds that are one contract to their readers (monitoring_…, rating_…) out of what was read."""
    return {kind: read.pop(kind) for kind in _KINDS if kind.startswith(start) and kind in read}


def _read_ratings(
    read: dict[str, dict[str, Any]], origins: dict[tuple[str, str], Origin], problems: list[Problem]
) -> Ratings:
    """The contracts about ratings; thresholds that are not complete are problems, and then of no use."""
    eras, complaints = build_eras(read["rating_thresholds"])
    for key, inner, reason in complaints:
        origin = origins.get(("rating_thresholds", key))
        problems.append(origin.problem(key, inner, reason) if origin else Problem("thresholds.yaml", key, reason))
    return Ratings(read["rating_scales"], read["rating_criteria"], read["rating_verdicts"], eras)


def _complete_tables(
    tables: dict[str, Table], bookkeeping: tuple[Column, ...], measures: Iterable[Measure]
) -> dict[str, Table]:
    """Staged tables get the bookkeeping columns that they do not name, `enterprise_report` a column per measure."""
    extra = {
        "enterprise_report": tuple(
            Column(name=m.name, type="number", description=m.label.en, label=m.label, unit=m.unit) for m in measures
        )
    }
    return {
        name: table.model_copy(
            update={
                "columns": table.columns
                + (bookkeeping if table.is_staged and not table.has_own_bookkeeping else ())
                + extra.get(name, ())
            }
        )
        for name, table in tables.items()
    }

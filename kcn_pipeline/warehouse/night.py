"""What one night publishes, collected from the lake: a `NightBatch` ready for `publish_night`.

It must not compute a figure nor write. The surprising fact: rows come from the slices of this night only, so that what
publishing reads and writes grows with what the night touched and not with history.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.findings import Finding, Place, tabulate_findings
from kcn_pipeline.lake import Lake
from kcn_pipeline.secrecy import hide_name
from kcn_pipeline.warehouse import station_night, survey_night
from kcn_pipeline.warehouse.incoming import ArrowTable
from kcn_pipeline.warehouse.publish import NightBatch
from kcn_pipeline.warehouse.refused import Refused

Row = dict[str, Any]

#: Topics of which every refused row is listed; readings of stations and answers to surveys can be too many for that.
_TOLD_WHOLE = ("register", "enterprise_reports", "published_figures")
TOPICS = (*_TOLD_WHOLE, station_night.TOPIC, survey_night.TOPIC)
_FIGURE_COLUMNS = (
    "figure_id what_vi what_en value value_raw qualifier unit unit_mult as_of area_code document indicator_code note"
).split()
_SUBMISSION_COLUMNS = (
    "enterprise_id form_code period_code revision park_code province_code freq is_current is_expected status due_on "
    "submitted_on channel required_total required_filled report_id"
).split()


def collect_night(
    lake: Lake,
    contracts: Contracts,
    night: str,
    *,
    dimensions: Mapping[str, Any],
    scope: Iterable[tuple[str, str]],
    manifest: ArrowTable,
    feeds: Sequence[Row],
    refresh: Row,
) -> NightBatch:
    """The batch of a night; `dimensions` are whole tables, `manifest` and `feeds` what landing noted of the night."""
    readings = station_night.list_refused_readings(lake, contracts, night)
    refused = (readings, survey_night.list_refused_answers(lake, contracts, night))
    findings = list(_findings(lake, contracts, night, feeds, refused))
    quarantine = list(_quarantine(lake, contracts, night, refused))
    left_out = sum(count for one in refused for count in one.left_out.values())
    values = lake.read("indicators", "indicator_values", night)
    return NightBatch(
        night=night,
        catalog_version=contracts.catalog_version,
        refresh={**refresh, "night": night, "quarantined_rows": len(quarantine) + left_out},
        tables={
            **dimensions,
            "dim_parameter": station_night.list_parameters(contracts),
            "dim_survey": survey_night.list_surveys(contracts),
            "fct_published_figure": list(_published_figures(lake)),
        },
        # As Arrow and not as dictionaries: 3,000 enterprises have 300,000 values, which is 300 MB of Python.
        values=survey_night.withhold_values(lake, values, contracts, dimensions["dim_area"], dimensions["dim_period"]),
        value_scope=tuple(scope),
        submissions=[_submission(row) for row in _rows(lake, "indicators", "report_submissions", night)],
        submission_scope=[
            part.removeprefix("period=") for part in lake.parts("indicators", "report_submissions", night)
        ],
        stations=station_night.collect_stations(lake, contracts, night),
        surveys=survey_night.collect_surveys(lake, night),
        audit={
            "audit_payload": list(_payloads(lake, contracts, night, manifest, feeds, readings, findings)),
            "audit_check": list(_checks(lake, night)),
            "audit_quarantine": quarantine,
            "audit_finding": findings,
        },
    )


def _rows(lake: Lake, stage: str, table: str, night: str | None) -> list[Row]:
    found = lake.read(stage, table, night)
    return [] if found is None else found.to_pylist()


def _submission(row: Row) -> Row:
    """A developer owes a form for each of its parks, so the park is part of the key; the board has none."""
    own = {"park_code": row["park_code"] or "", "payload": row["_payload"]}
    return {name: row[name] for name in _SUBMISSION_COLUMNS} | own


def _published_figures(lake: Lake) -> Iterator[Row]:
    """The accepted list, and the figures that stay in quarantine, printed text and no value."""
    nights = lake.nights("validation", "published_figures")
    accepted = _rows(lake, "validation", "published_figures", nights[-1]) if nights else []
    known = {row["figure_id"] for row in accepted}
    refused = {row["figure_id"]: row for row in _rows(lake, "quarantine", "published_figures", None)}
    for row in accepted:
        yield {name: row[name] for name in _FIGURE_COLUMNS} | {"is_quarantined": False}
    for figure_id, row in refused.items():
        if figure_id is not None and figure_id not in known:
            yield {name: row[name] for name in _FIGURE_COLUMNS} | {"value": None, "is_quarantined": True}


def _findings(
    lake: Lake, contracts: Contracts, night: str, feeds: Sequence[Row], refused: Iterable[Refused]
) -> Iterator[Row]:
    """Findings of every stage of the night, landing first."""
    yield from tabulate_findings(contracts, _feed_findings(feeds)).to_pylist()
    for topic in TOPICS:
        yield from _rows(lake, "staging", f"{topic}_findings", night)
        yield from _rows(lake, "validation", f"{topic}_findings", night)
    for table in ("findings", "monitoring_findings", "survey_findings"):
        yield from _rows(lake, "indicators", table, night)
    yield from tabulate_findings(contracts, [found for one in refused for found in one.findings]).to_pylist()


def _feed_findings(feeds: Sequence[Row]) -> Iterator[Finding]:
    for feed in feeds:
        for found in json.loads(feed["findings"] or "[]"):
            scope = "feed" if found["name"] == feed["source"] else "payload"
            # Names that may be a person's were hidden when the feed landed, also in the details.
            place = Place(source=feed["source"], file=found["name"])
            yield Finding(found["rule"], scope, feed["topic"], place, said=found["params"])  # type: ignore[arg-type]


def _quarantine(lake: Lake, contracts: Contracts, night: str, refused: Iterable[Refused]) -> Iterator[Row]:
    for topic in _TOLD_WHOLE:
        for table in contracts.topic_tables(topic):
            for row in _rows(lake, "quarantine", table.table, night):
                yield _refused_row(table.table, row)
    for name, rows in (item for one in refused for item in one.rows.items()):
        for row in rows:
            yield _refused_row(name, row)


def _refused_row(table: str, row: Row) -> Row:
    return {
        "table_name": table,
        "payload": row["_payload"],
        "file": row["_file"],
        "sheet": row["_sheet"],
        "cell": row["_cell"],
        "line": row["_line"],
        "rules": row["_rules"],
        "reason_vi": row["_reason_vi"],
        "reason_en": row["_reason_en"],
        "row_json": json.dumps(_content(row), ensure_ascii=False, default=str),
    }


def _content(row: Row) -> Row:
    """The row as staged: what is filled, without our bookkeeping."""
    return {name: value for name, value in row.items() if value is not None and not name.startswith("_")}


def _checks(lake: Lake, night: str) -> Iterator[Row]:
    for topic in TOPICS:
        for row in _rows(lake, "validation", f"{topic}_checks", night):
            yield {name: value for name, value in row.items() if name != "message_en"}


def _payloads(
    lake: Lake,
    contracts: Contracts,
    night: str,
    manifest: ArrowTable,
    feeds: Sequence[Row],
    readings: Refused,
    findings: Sequence[Row],
) -> Iterator[Row]:
    """One row per landed payload: how many rows it gave, or why it gave none.

    Of stations only payloads with an unread line that is listed; the manifest in the lake holds the tens of thousands.
    """
    counts = _count_rows(lake, contracts, night)
    reasons = {
        row["payload"]: row for row in reversed(findings) if row["severity"] == "critical" and row["scope"] != "cell"
    }
    stations = {feed["source"] for feed in feeds if feed["topic"] == station_night.TOPIC}
    surveys = {feed["source"] for feed in feeds if feed["topic"] == survey_night.TOPIC}
    unread = station_night.find_unread_payloads(readings)
    read = station_night.count_readings(lake, night, unread)
    for payload in _told(manifest, stations, unread):
        place = payload["source"], payload["name"]
        if payload["source"] in stations:
            yield _payload_row(payload, read[place], unread[place]["_reason_vi"], unread[place]["_reason_en"])
            continue
        reason = reasons.get(payload["sha256"], {})
        row = _payload_row(payload, counts.get(payload["sha256"], 0), reason.get("reason_vi"), reason.get("reason_en"))
        # A form that nobody has answered yet is no broken one.
        yield row | {"status": "landed"} if payload["source"] in surveys and not reason else row


def _told(manifest: ArrowTable, stations: Collection[str], unread: Collection[tuple[str, str]]) -> Iterator[Row]:
    """The rows of the manifest that are told; the others never become Python objects."""
    for batch in manifest.to_batches():
        for number, place in enumerate(zip(batch["source"].to_pylist(), batch["name"].to_pylist(), strict=True)):
            if place[0] not in stations or place in unread:
                yield from batch.slice(number, 1).to_pylist()


def _payload_row(payload: Row, rows: int, reason_vi: str | None, reason_en: str | None) -> Row:
    return {
        "source": payload["source"],
        "name": _show_name(payload),
        "sha256": payload["sha256"],
        "size": payload["size"],
        "fetched_at": payload["fetched_at"],
        "status": "landed" if rows else "rejected",
        "rows": rows,
        "reason_vi": None if rows else reason_vi,
        "reason_en": None if rows else reason_en,
    }


def _show_name(payload: Row) -> str:
    """The payload's name; of a file that holds personal data the one that its rows are told by."""
    metadata = json.loads(payload.get("metadata") or "{}")
    is_hidden = metadata.get("holds_personal_data") and metadata.get("kind") != "survey/kobo"
    return hide_name(payload["sha256"], payload["name"]) if is_hidden else payload["name"]


def _count_rows(lake: Lake, contracts: Contracts, night: str) -> Counter[str]:
    """Staged rows by payload, over all staged tables of the night but readings of stations and answers to surveys."""
    counts: Counter[str] = Counter()
    for topic in (*_TOLD_WHOLE, survey_night.TOPIC):
        for table in contracts.topic_tables(topic):
            if table.table == survey_night.ANSWERS:
                continue
            staged = lake.read("staging", table.table, night, columns=["_payload"])
            if staged is not None:
                found = staged.column("_payload").value_counts().to_pylist()
                counts.update({one["values"]: one["counts"] for one in found})
    return counts

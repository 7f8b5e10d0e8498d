"""What assets show of themselves: cells, previews, records, charts, descriptions and the sources of tables."""

from datetime import UTC, date, datetime

import dagster as dg
import pyarrow as pa
import pytest

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.defs.describe import (
    bar_chart,
    column_schema,
    count_quarantined,
    count_rules,
    findings_of,
    preview,
    table_of,
)
from kcn_pipeline.defs.landing import _metadata
from kcn_pipeline.defs.marts import _occupancy_chart, describe_mart, find_tables
from kcn_pipeline.findings import FINDING_SCHEMA
from kcn_pipeline.landing import FeedResult
from kcn_pipeline.marts import list_marts, read_mart


def _text(value: dg.MarkdownMetadataValue) -> str:
    assert value.md_str is not None
    return value.md_str


def _records(value: dg.TableMetadataValue) -> list[dict[str, object]]:
    return [dict(record.data) for record in value.records]


def _findings(*found: tuple[str | None, str]) -> pa.Table:
    rows = [{"table": table, "rule": rule, "severity": "warning", "line": 7, "file": "a.xlsx"} for table, rule in found]
    return pa.Table.from_pylist(rows, schema=FINDING_SCHEMA)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "True"),
        (2026, "2026"),
        (12_500_000, "12,500,000"),
        (1_234_567.89, "1,234,567.89"),
        (999_999.96, "999,999.96"),
        (3e12, "3,000,000,000,000"),
        (1234.5, "1,234.5"),
        (date(2026, 3, 31), "2026-03-31"),
        (datetime(2026, 3, 31), "2026-03-31"),
        (datetime(2026, 3, 31, 9, 30, tzinfo=UTC), "2026-03-31 09:30:00+00:00"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "…"),
    ],
)
def test_cell_reads_well(value: object, shown: str) -> None:
    assert _text(table_of(["a"], [[value]])).splitlines()[2] == f"| {shown} |"


def test_text_of_a_form_cannot_become_markup() -> None:
    text = _text(table_of(["a"], [["<b>|![x](http://example.org)\\|`c`\n*d*"]])).splitlines()
    assert len(text) == 3
    assert text[2] == r"| &lt;b&gt;\|!\[x\](http://example.org)\\\|\`c\` \*d\* |"


def test_error_of_a_feed_is_escaped() -> None:
    failed = FeedResult("paper", "register", "failed", error="no <host> | try again")
    shown = _text(_metadata([failed])["feeds"])
    assert r"no &lt;host&gt; \| try again" in shown


def test_rows_of_respondents_are_not_shown() -> None:
    rows = pa.table({"response_id": ["a1"], "question": ["mg01_necessity"], "score": [4.0]})
    assert "mg01" not in _text(preview(rows))
    assert "1 or more rows" in _text(preview(rows))


def test_preview_begins_with_the_reasons_and_stays_narrow() -> None:
    names = [f"c{n}" for n in range(9)]
    rows = pa.table({**{name: [1] for name in names}, "empty": pa.nulls(1), "_cell": ["D14"], "_rules": ["range"]})
    head = _text(preview(rows, first=("_rules", "_reason_vi", "_cell", "empty"))).splitlines()[0]
    assert head == "| _rules | _cell | c0 | c1 | c2 | c3 | c4 | c5 |"


def test_finding_is_shown_on_its_own_table() -> None:
    found = _findings(("a", "r1"), ("b", "r2"), ("register", "r3"), (None, "r4"))
    assert [row["rule"] for row in findings_of(found, "a", ["a", "b"])] == ["r1", "r3", "r4"]
    assert [row["rule"] for row in findings_of(found, "b")] == ["r2"]
    assert findings_of(None, "a") == []


def test_findings_are_counted_as_records() -> None:
    found = findings_of(_findings(("a", "r1"), ("a", "r2"), ("a", "r2")), "a")
    counted = _records(count_rules(found))
    assert [(row["rule"], row["count"], row["where"]) for row in counted] == [
        ("r2", 2, "a.xlsx dòng 7"),
        ("r1", 1, "a.xlsx dòng 7"),
    ]
    assert _records(count_rules([])) == []


def test_quarantined_rows_are_counted_by_rules() -> None:
    rows = pa.table({"_rules": ["range", "range; key", "range"]})
    assert _records(count_quarantined(rows)) == [{"rules": "range", "rows": 2}, {"rules": "range; key", "rows": 1}]
    assert _records(count_quarantined(None)) == []


def test_chart_is_shown_at_once_and_says_what_it_leaves_out() -> None:
    lines = _text(bar_chart("Parks", [("Quế Võ", 30.0), ("Tiên Sơn", 0.1), ("VSIP", 0.0)], "%", full=60)).splitlines()
    assert lines[4:] == [f"| Quế Võ | {'█' * 10} | 30 |", "| Tiên Sơn | █ | 0.1 |", "| VSIP |  | 0 |"]
    crowded = _text(bar_chart("Parks", [(f"park {n}", 50.0) for n in range(99)], "%"))
    assert len(crowded) < 1000
    drawn = crowded.count("| park ")
    assert crowded.endswith(f"| … {99 - drawn} more | | |")


def test_occupancy_chart_names_its_threshold_and_begins_with_the_emptiest() -> None:
    parks = [("A", 50.0), ("B", 5.0)]
    rows = [{"park_name_vi": name, "occupancy_pct": value, "threshold_pct": 65.0} for name, value in parks]
    lines = _text(_occupancy_chart(rows, 3)).splitlines()
    assert lines[0] == "**Parks under 65 % occupancy (2 of 3)**"
    assert lines[4:] == ["| B | █ | 5 |", f"| A | {'█' * 10} | 50 |"]


def test_schema_of_a_contract_tells_every_column() -> None:
    table = load_contracts().tables["enterprise_reports"]
    schema = column_schema(table)["dagster/column_schema"]
    assert [column.name for column in schema.columns] == [column.name for column in table.columns]
    assert all(column.description for column in schema.columns)


@pytest.mark.parametrize("name", list_marts())
def test_mart_is_described_and_knows_its_tables(name: str) -> None:
    lines = describe_mart(read_mart(name)).splitlines()
    assert lines[0].startswith("**Audience** ")
    assert lines[2].startswith("**Grain** ")
    assert lines[lines.index("**Columns**") + 1] == ""
    assert sum(line.startswith("- `") for line in lines) > 3
    assert find_tables(read_mart(name))


def test_tables_of_a_mart_are_those_of_its_statement() -> None:
    assert find_tables("-- reads dim_park\nCREATE VIEW m AS SELECT dim_part FROM fct_indicator_value") == [
        "fct_indicator_value"
    ]

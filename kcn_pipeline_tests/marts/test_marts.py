"""Every mart on rows of its own, on both databases: cases/<mart>/<case>/input.yaml and expected.csv."""

import csv
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, text

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.marts import list_marts, read_mart
from kcn_pipeline.warehouse.database import open_engine, write_transaction
from kcn_pipeline.warehouse.schema import metadata, prepare_schema
from kcn_pipeline.warehouse.views import publish_marts

CASES = Path(__file__).parent / "cases"
#: Required cells that a case need not spell out.
DEFAULTS: dict[str, dict[str, Any]] = {
    "dim_area": {"valid_from": date(2025, 7, 1), "level": "province"},
    "dim_indicator": {"catalog_version": "1", "is_current": True, "scale": 100.0},
    "fct_indicator_value": {"obs_status": "A", "conf_status": "N", "freq": "Q", "refreshed_night": "2026-04-10",
                            "catalog_version": "1"},
    "fct_report_submission": {"revision": 1, "freq": "Q", "is_current": True, "is_expected": True},
    "fct_published_figure": {"is_quarantined": False},
    "fct_monitoring_daily": {
        "kind": "wastewater", "park_code": "QUE_VO", "unit": "MG_PER_L", "n_received": 288, "n_valid": 288,
        "n_expected": 288, "n_flagged": 0, "hours_valid": 24, "is_sufficient": True, "is_derived": False,
    },
    "fct_survey_response": {"conf_status": "F"},
    "audit_payload": {"night": "2026-04-10"},
}  # fmt: skip


def _insert_case(connection: Connection, path: Path) -> None:
    """The rows of input.yaml: table → rows; an indicator is named after its code unless it says otherwise."""
    for name, rows in yaml.safe_load(path.read_text("utf-8")).items():
        for row in rows:
            if name == "dim_indicator":
                row = {"name_vi": f"Chỉ tiêu {row['indicator_code']}", "name_en": row["indicator_code"], **row}
            connection.execute(metadata.tables[name].insert().values({**DEFAULTS.get(name, {}), **row}))


def _show(cell: Any) -> str:
    """A cell as both databases and a person would write it; views of SQLite have 1 and 0 for true and false."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return f"{cell:.12g}"
    if isinstance(cell, date | datetime):
        return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell).removesuffix(".000000")


@pytest.mark.parametrize("case", [f"{p.parent.name}/{p.name}" for p in sorted(CASES.glob("*/*"))])
def test_mart_shows_what_the_case_expects(warehouse_url: str, case: str) -> None:
    mart, folder = case.split("/")[0], CASES / case
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as handle:
        header, *expected = list(csv.reader(handle))
    engine = open_engine(warehouse_url)
    with write_transaction(engine) as connection:
        prepare_schema(connection)
        _insert_case(connection, folder / "input.yaml")
        publish_marts(connection)
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT {', '.join(header)} FROM {mart}")).all()
    assert sorted([_show(cell) for cell in row] for row in rows) == sorted(expected)


def test_every_mart_has_a_case() -> None:
    assert {path.name for path in CASES.iterdir()} == set(list_marts())


@pytest.mark.parametrize("mart", list_marts())
def test_header_tells_audience_grain_and_every_column(sqlite_url: str, mart: str) -> None:
    header = read_mart(mart).split("CREATE VIEW")[0]
    assert re.search(r"^-- Audience: \w", header, re.M)
    assert re.search(r"^-- Grain: \w", header, re.M)
    told = re.findall(r"^--   ([a-z_0-9]+(?:, [a-z_0-9]+)*): ", header, re.M)
    columns = [name for names in told for name in names.split(", ")]
    engine = open_engine(sqlite_url)
    with write_transaction(engine) as connection:
        prepare_schema(connection)
        publish_marts(connection)
        found = connection.execute(text(f"SELECT * FROM {mart}")).keys()
    assert sorted(columns) == sorted(found)


@pytest.mark.parametrize("mart", list_marts())
def test_mart_reads_only_what_it_may(mart: str) -> None:
    body = read_mart(mart).split("CREATE VIEW")[1]
    assert re.match(rf" {mart} AS\n", body)
    own = set(re.findall(r"^(?:WITH )?(\w+) AS \($", body, re.M))
    read = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", body)) - own
    allowed = ("dim_", "fct_", "audit_") if mart == "mart_data_quality" else ("dim_", "fct_")
    assert read
    assert all(name.startswith(allowed) and name in metadata.tables for name in read)


def test_the_traffic_light_is_the_same_everywhere() -> None:
    lights = {
        re.search(r"traffic light: begin.*traffic light: end", read_mart(name), re.S).group()  # type: ignore[union-attr]
        for name in ("mart_park_indicator", "mart_province_indicator")
    }
    assert len(lights) == 1


def test_verdicts_are_called_what_the_contracts_call_them() -> None:
    """A view cannot read a contract, so the words stand in both."""
    sql = read_mart("mart_indicator_assessment")
    for language in ("vi", "en"):
        words = re.search(rf"CASE a.verdict(?:(?!CASE).)*END AS verdict_{language}", sql, re.S)
        assert words is not None
        told = dict(re.findall(r"WHEN '(\w+)' THEN '([^']+)'", words.group()))
        verdicts = load_contracts().ratings.verdicts.values()
        assert told == {verdict.name: getattr(verdict.label, language) for verdict in verdicts}

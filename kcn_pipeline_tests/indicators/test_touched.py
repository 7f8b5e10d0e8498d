"""Which periods a night computes again, and the reason it gives."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.indicators import Touched, find_touched, record_definitions
from kcn_pipeline_tests.indicators.lakes import QUANG_CHAU, QUE_VO, SmallProvince, enterprise, packaged, park

FIRST, SECOND = "2026-08-01", "2026-08-02"


def settled(province: SmallProvince, night: str = FIRST) -> SmallProvince:
    """A lake whose first night is done."""
    record_definitions(province.lake, province.contracts, night)
    return province


def touch(province: SmallProvince, night: str = SECOND, contracts: Contracts | None = None) -> Touched:
    return find_touched(province.lake, contracts or province.contracts, night)


def reasons(touched: Touched) -> dict[str, tuple[str, ...]]:
    return {reason: codes for reason, codes in touched.reasons.items() if codes}


def test_first_night_computes_everything_that_has_ended(province: SmallProvince) -> None:
    touched = touch(province, "2025-04-01")
    assert touched.periods == touched.every == ("2025-Q1", "2025-01", "2025-02", "2025-03")
    assert set(touched.indicators) == set(packaged().indicators)
    assert "all of them" in touched.describe()


def test_quiet_night(province: SmallProvince) -> None:
    assert reasons(touch(settled(province))) == {}


def test_reports_touch_the_periods_around_theirs(province: SmallProvince) -> None:
    settled(province)
    province.report(SECOND, "E0001", "a_iii_1_2023", "2025-Q3", {"export_usd": 1})
    province.report(SECOND, "E0001", "a_iii_1_2023", "2026-Q1", refused=True)
    assert reasons(touch(province)) == {"reports": ("2025", "2025-S2", "2025-Q3", "2026-S1", "2026-Q1")}


def test_reports_of_a_night_that_was_not_computed_are_caught_up(province: SmallProvince) -> None:
    settled(province)
    province.report(SECOND, "E0001", "a_iii_1_2023", "2026-Q2", {"export_usd": 1})
    assert reasons(touch(province, "2026-08-03")) == {"reports": ("2026-S1", "2026-Q2")}
    assert reasons(touch(settled(province, SECOND), "2026-08-03")) == {}


def test_report_on_a_period_before_the_calendar_is_named(province: SmallProvince) -> None:
    settled(province)
    province.report(SECOND, "E0001", "a_iii_2", "2024", {"export_usd": 1})
    touched = touch(province)
    assert touched.periods == ()
    assert touched.outside == ("2024",)
    assert "outside the calendar, not computed: 2024" in touched.describe()


def test_refused_report_without_a_readable_period_touches_nothing(province: SmallProvince) -> None:
    settled(province)
    province.report(SECOND, "E0001", "a_iii_1_2023", "quý 1", refused=True)
    province.report(SECOND, "E0001", "a_iii_1_2023", None, refused=True)
    assert reasons(touch(province)) == {}


def test_periods_that_ended_since(province: SmallProvince) -> None:
    settled(province, "2026-06-30")
    assert reasons(touch(province, "2026-07-02")) == {"ended": ("2026-S1", "2026-Q2", "2026-06")}


@pytest.mark.parametrize(("night", "found"), [("2026-07-10", {}), ("2026-07-11", {"deadlines": ("2026-Q2",)})])
def test_deadline_counts_the_day_after(province: SmallProvince, night: str, found: dict[str, Any]) -> None:
    settled(province, "2026-07-05")
    assert reasons(touch(province, night)) == found


# ---- the register ----------------------------------------------------------------------------------------------------


def test_new_version_touches_the_periods_from_its_first_day(province: SmallProvince) -> None:
    province.enterprises(FIRST, {"E0001": QUE_VO})
    settled(province)
    before = enterprise("E0001", QUE_VO, valid_to=date(2026, 4, 30))
    after = enterprise("E0001", QUANG_CHAU, valid_from=date(2026, 5, 1))
    province.register(SECOND, "register_enterprises", [before, after])
    assert reasons(touch(province)) == {"register": ("2026-S1", "2026-Q2", "2026-05", "2026-06", "2026-07")}


def test_same_register_again_touches_only_what_it_now_speaks_of(province: SmallProvince) -> None:
    province.register(FIRST, "register_parks", [park(QUE_VO)], as_of=date(2026, 5, 2))
    settled(province)
    province.register(SECOND, "register_parks", [park(QUE_VO)], as_of=date(2026, 6, 30))
    assert reasons(touch(province)) == {"register": ("2026-S1", "2026-Q2", "2026-05", "2026-06")}


def test_event_touches_its_periods_when_it_appears_moves_or_goes(province: SmallProvince) -> None:
    incident = {"incident_id": "I1", "park_code": QUE_VO, "kind": "flooding", "hours": 2, "as_of": date(2026, 7, 31)}
    province.register(FIRST, "register_incidents", [{**incident, "occurred_on": date(2026, 1, 5)}])
    settled(province)
    province.register(SECOND, "register_incidents", [{**incident, "occurred_on": date(2026, 2, 5)}])
    assert reasons(touch(province)) == {"register": ("2026-S1", "2026-Q1", "2026-01", "2026-02")}


def test_yearly_total_touches_its_year(province: SmallProvince) -> None:
    settled(province)
    totals = {"province_code": "BN", "year": 2025, "period_code": "2025", "gross_output_vnd": 5.0}
    province.register(SECOND, "register_province_statistics", [totals], as_of=date(2024, 1, 1))
    assert reasons(touch(province)) == {"register": ("2025",)}


# ---- definitions -----------------------------------------------------------------------------------------------------


def changed(kind: str, key: str, /, **update: Any) -> Contracts:
    entries = dict(getattr(packaged(), kind))
    entries[key] = entries[key].model_copy(update=update)
    fields: dict[str, Any] = {kind: entries}
    return replace(packaged(), **fields)


def test_changed_indicator_is_computed_for_every_period(province: SmallProvince) -> None:
    settled(province)
    touched = touch(province, contracts=changed("indicators", "EC08", scale=1e-6))
    assert (touched.periods, touched.indicators) == ((), ("EC08",))
    assert "new definition, every period: EC08" in touched.describe()


def test_better_words_compute_nothing(province: SmallProvince) -> None:
    settled(province)
    contracts = changed("indicators", "EC08", note="a better note", targets=())
    assert touch(province, contracts=contracts).indicators == ()


@pytest.mark.parametrize(
    ("kind", "key", "update"),
    [
        ("measures", "export_usd", {"kind": "stock"}),
        ("factors", "toe_coal_t/2011-04-19", {"value": 0.7}),
        ("deadlines", "A.III.1/Q/2021-04-09", {"day": 20}),
        ("areas", "BN/2025-07-01", {"successor": "X"}),
        ("parks", "QUE_VO", {"former_province": "BG_OLD"}),
    ],
)
def test_what_all_stand_on_computes_everything(
    province: SmallProvince, kind: str, key: str, update: dict[str, Any]
) -> None:
    settled(province)
    touched = touch(province, contracts=changed(kind, key, **update))
    assert touched.reasons["definitions"] == touched.every


def test_new_state_of_the_register_since_a_night_run_again_is_not_forgotten(province: SmallProvince) -> None:
    """Night 1, then night 3; night 2 again sees what night 3 knows and calls nobody late too early."""
    settled(province)
    settled(province, "2026-08-20")
    touched = touch(province, SECOND)
    assert touched.known_until == "2026-08-20"
    assert reasons(touched) == {}


def test_older_night_does_not_count_again_what_newer_nights_have_counted(province: SmallProvince) -> None:
    """A backfilled night comes after newer ones: neither their register nor what ended before them touches anything."""
    settled(province)
    province.parks("2026-08-20", QUE_VO)
    settled(province, "2026-10-20")
    assert reasons(touch(province, "2026-08-10")) == {}
    province.parks("2026-08-10", QUE_VO, QUANG_CHAU)
    assert "register" not in reasons(touch(province, "2026-08-10")), "the newer register holds"

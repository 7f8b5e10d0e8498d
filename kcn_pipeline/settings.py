"""Where this installation keeps its data and finds its sources: the one place that reads environment variables.

It must not hold a default that belongs to a contract (a limit, a deadline, a form). The surprising fact: secrets are
never settings; `data/sources.yaml` names them as `${ENV_NAME}` and `landing` resolves them at the moment of use.
"""

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

#: Vietnam keeps UTC+7 all year round and has no daylight saving, so a fixed offset is exact.
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

#: The pilot begins here; there is no night before it.
FIRST_NIGHT = "2025-01-01"

#: The variable that may hold the key by which respondents of surveys are hashed.
SURVEY_KEY = "KCN_SURVEY_KEY"


@dataclass(frozen=True)
class Settings:
    """The folders and addresses of one installation (see the table "Settings" of the README)."""

    data_dir: Path
    sources: Path
    contracts: Path | None
    warehouse_url: str

    @classmethod
    def from_env(cls) -> "Settings":
        """Read `KCN_DATA_DIR`, `KCN_SOURCES`, `KCN_CONTRACTS` and `KCN_WAREHOUSE_URL`, with their defaults."""
        data_dir = Path(os.environ.get("KCN_DATA_DIR", "data")).resolve()
        overlay = os.environ.get("KCN_CONTRACTS")
        return cls(
            data_dir=data_dir,
            sources=Path(os.environ.get("KCN_SOURCES", "data/sources.yaml")).resolve(),
            contracts=Path(overlay).resolve() if overlay else None,
            warehouse_url=os.environ.get("KCN_WAREHOUSE_URL", f"sqlite:///{data_dir / 'warehouse.db'}"),
        )


def read_survey_key() -> str:
    """The key given by the environment, or nothing; no part of `Settings`, since Dagster shows those."""
    return os.environ.get(SURVEY_KEY, "")


def tonight(now: datetime | None = None) -> str:
    """The night a refresh started now belongs to: the local date in Vietnam, `YYYY-MM-DD`."""
    return (now or datetime.now(VIETNAM)).astimezone(VIETNAM).date().isoformat()


def parse_night(text: str) -> str:
    """A night as `YYYY-MM-DD`, from the first one to tonight; raises ValueError that says what is wrong."""
    try:
        night = date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"night {text!r} is not a date; write it as YYYY-MM-DD, for example 2026-11-21") from None
    if not FIRST_NIGHT <= night <= tonight():
        raise ValueError(f"night {night} does not exist; nights run from {FIRST_NIGHT} to {tonight()}")
    return night

"""What 10,000 responses to 280 questions cost from landed pages to ratings, against merely parsing the pages.

It must not measure a network. The surprising fact: both sides parse the same bytes in the same process, and what the
path remembers of what people wrote is forgotten before each walk, which would else profit from the walk before it.
"""

import gc
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.contracts.sources import load_sources
from kcn_pipeline.indicators.surveys import compute_surveys
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.landing import iterate_payloads, land_feed
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.surveys import stage_survey
from kcn_pipeline.validation.survey import validate_survey
from kcn_pipeline_tests.bench import processes
from kcn_pipeline_tests.bench.figures import Figure, Pair, alternate, compare, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.bench.staging import forget
from kcn_pipeline_tests.simulate.province import FIRST_PARKS, make_tax_code
from kcn_pipeline_tests.simulate.surveys.kobo import write_page
from kcn_pipeline_tests.simulate.surveys.people import make_person
from kcn_pipeline_tests.simulate.surveys.questionnaire import read_questionnaire

NIGHT, BEFORE, ROUND = "2026-05-02", "2026-05-01", "2026-1"
SECRET, PAGE = b"a secret of the benchmarks", 1_000
#: Experts among the responses; the others are enterprises.
_EXPERTS = 40

#: The path in a process of its own, which tells the most memory it held.
_PATH = """
import json, re
from pathlib import Path
from kcn_pipeline_tests.bench.surveys import run_path
said = run_path(Path({folder!r}))
peak = re.search(r"^VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read(), re.MULTILINE)
print(json.dumps(said | dict(peak_mb=int(peak[1]) / 1000)))
"""


def measure_surveys(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """Stage, validate and rate against json.loads of the same pages; then the memory of a process that does it."""
    pages = write_pages(folder / "pages", sizes.survey_responses)
    prepare(folder, sizes.survey_responses)
    yield from compare("surveys_10000_vs_json_loads", 12, _measure_pairs(folder, pages, sizes), ("path", "json_loads"))
    said = json.loads(processes.run_python(_PATH.format(folder=str(folder))))
    _check(said, sizes.survey_responses)
    yield Figure("surveys_10000_memory", said["peak_mb"], "MB", 1024)
    for name in ("staged", "validated", "rated"):
        yield Figure(f"surveys_10000.{name}", said[f"{name}_s"], "s")


def _measure_pairs(folder: Path, pages: Sequence[Path], sizes: Sizes) -> list[Pair]:
    contents = [path.read_bytes() for path in pages]

    def walk() -> float:
        forget()
        said: list[dict[str, Any]] = []
        seconds = time_call(lambda: said.append(run_path(folder)))
        _check(said[0], sizes.survey_responses)
        return seconds

    def parse() -> float:
        gc.collect()
        return time_call(lambda: [len(json.loads(content)["results"]) for content in contents])

    walk()
    return alternate(sizes.survey_repetitions, walk, parse)


def _check(said: dict[str, Any], responses: int) -> None:
    if said["responses"] != responses or said["ratings"] < 70 * 4 * 2:
        raise BenchmarkError(f"{responses} responses were written, the path made {said}")


def run_path(folder: Path) -> dict[str, Any]:
    """Stage, validate and rate the landed pages; says what came of it and the seconds of each step."""
    contracts, lake = load_contracts(), Lake(folder / "data")
    staged = time_call(lambda: stage_survey(lake, contracts, NIGHT, iterate_payloads(lake, ["surveys"], NIGHT), SECRET))
    validated = time_call(lambda: validate_survey(lake, contracts, NIGHT, SECRET))
    rated = time_call(lambda: compute_surveys(lake, contracts, NIGHT))
    return {
        "responses": lake.count("validation", "survey_responses", NIGHT),
        "ratings": lake.count("indicators", "survey_ratings", NIGHT),
        "staged_s": staged,
        "validated_s": validated,
        "rated_s": rated,
    }


# ---- what is measured ------------------------------------------------------------------------------------------------


def write_pages(folder: Path, responses: int) -> list[Path]:
    """Pages of 1,000 submissions as the server gives them; every question is answered, comments here and there."""
    form, draw = read_questionnaire("indicator_set"), Random(4)
    uid, days = form.forms[0], form.rounds[ROUND]
    ratings = [one.path for one in form.of_role("rating")]
    comments = [one.path for one in form.of_role("comment") if one.indicator_code]
    paths = []
    for first in range(0, responses, PAGE):
        rows = []
        for number in range(first, min(first + PAGE, responses)):
            row = _submission(number, uid, days.opens_on, draw)
            row.update(zip(ratings, draw.choices("12345", (1, 2, 4, 8, 6), k=len(ratings)), strict=True))
            row[draw.choice(comments)] = f"Nên làm rõ cách tính, gọi số 09991{number:05d} ({number} trang)."
            rows.append(row)
        path = folder / uid / f"data-{first // PAGE + 1}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_page(rows, responses))
        paths.append(path)
    return paths


def _submission(number: int, uid: str, opens_on: date, draw: Random) -> dict[str, Any]:
    uuid = f"00000000-0000-4000-8000-{number:012x}"
    at = datetime(opens_on.year, opens_on.month, opens_on.day, 2) + timedelta(minutes=number % 50_000)
    is_expert, person = number < _EXPERTS, make_person(4, number)
    who = {"thong_tin/respondent_type": "expert", "thong_tin/expert_code": f"CGM-{number:05d}"}
    if not is_expert:
        park = FIRST_PARKS[number % len(FIRST_PARKS)]
        who = {"thong_tin/respondent_type": "enterprise", "thong_tin/tax_code": _tax_code(number)}
        who["thong_tin/park"] = park
    return {
        "_id": 100_000 + number,
        "start": f"{(at - timedelta(minutes=30)).isoformat(timespec='milliseconds')}+00:00",
        "end": f"{(at - timedelta(minutes=2)).isoformat(timespec='milliseconds')}+00:00",
        **who,
        "thong_tin/respondent_name": person.name,
        "thong_tin/phone": person.phone,
        "__version__": "vThird3c",
        "meta/instanceID": f"uuid:{uuid}",
        "meta/rootUuid": uuid,
        "_xform_id_string": uid,
        "_uuid": uuid,
        "_attachments": [],
        "_submission_time": at.isoformat(),
        "_validation_status": {},
        "_submitted_by": "ban_qly",
    }


def _tax_code(number: int) -> str:
    """One of many: the range of the simulator holds 10,000, of which branches make as many as are wanted."""
    return make_tax_code(number % 9000, branch=number // 9000 + 1)


def prepare(folder: Path, responses: int) -> None:
    """Land the pages, and put the enterprises and parks into the register that validation reads."""
    (folder / "sources.yaml").write_text("- {id: surveys, kind: survey/files, url: pages}\n", "utf-8")
    (feed,) = load_sources(folder / "sources.yaml")
    lake, contracts = Lake(folder / "data"), load_contracts()
    land_feed(lake, feed, NIGHT, folder)
    firms = [
        {
            "enterprise_id": f"E{number:05d}",
            "tax_code": _tax_code(number),
            "name_vi": f"Công ty Mẫu {number:05d}",
            "park_code": FIRST_PARKS[number % len(FIRST_PARKS)],
            "is_operating": True,
            "valid_from": date(2020, 1, 1),
            "as_of": date(2026, 4, 30),
        }
        for number in range(_EXPERTS, responses)
    ]
    parks = [{"park_code": code, "name_vi": code, "valid_from": date(2020, 1, 1)} for code in FIRST_PARKS]
    for table, rows in (("register_enterprises", firms), ("register_parks", parks)):
        schema = schema_of(contracts.tables[table])
        known = [{name: value for name, value in row.items() if name in schema.names} for row in rows]
        lake.replace("validation", table, BEFORE, {WHOLE: pa.Table.from_pylist(known, schema=schema)})

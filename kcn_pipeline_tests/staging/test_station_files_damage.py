"""100,000 randomly damaged lines: each is read as a slow reader of its own reads it, or unread with file and line."""

import math
from collections import defaultdict
from datetime import datetime, timedelta

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.staging.monitoring import read_batches
from kcn_pipeline.staging.monitoring_tables import tabulate_batches
from kcn_pipeline.staging.readings import STATUSES, Collected
from kcn_pipeline_tests.staging.damaged_files import DamagedFile, Said, Words, make_files, read_slowly
from kcn_pipeline_tests.staging.test_station_files import Batch

LINES = 100_000


def test_damaged_lines_are_read_correctly_or_are_unread() -> None:
    monitoring = load_contracts().monitoring
    words = Words(monitoring)
    files = list(make_files(words, seed=20261121, lines=LINES))
    assert sum(file.damaged for file in files) >= LINES
    batches = [
        Batch(
            {f"{row}/{file.name}": file.content for row, file in enumerate(files[start : start + 256], start)},
            first_row=start,
        )
        for start in range(0, len(files), 256)
    ]
    collected = read_batches(monitoring, batches)
    tabulate_batches(collected, "2026-11-22")
    read, unread = _readings(collected), _unread(collected)
    read_count = 0
    for row, file in enumerate(files):
        said, silent, blank = read_slowly(words, file)
        found = read[row]
        assert found.keys() == said.keys(), _tell(file, found, said)
        assert unread[row] == (silent or ({None} if not file.content.removeprefix(b"\xef\xbb\xbf") else set()))
        assert not blank & found.keys()
        for number, reading in found.items():
            assert _is_same(reading, said[number]), _tell(file, found, said)
        for number, reading in file.untouched.items():
            assert _is_same(found[number], reading), _tell(file, found, said)
        read_count += len(found)
    # The damage is neither so heavy that nothing is left to read nor so light that nothing is refused.
    assert 0.2 < read_count / (read_count + len(collected.unread)) < 0.8


def _readings(collected: Collected) -> dict[int, dict[int, Said]]:
    """The readings by the number of their file and of their line; no line may give two."""
    found: dict[int, dict[int, Said]] = defaultdict(dict)
    for columns in collected.columns:
        for parameter, at, value, status, row, line in zip(
            *(
                columns[columns._fields.index(name)].tolist()
                for name in ("parameter", "at", "value", "status", "row", "line")
            ),
            strict=True,
        ):
            moment = datetime(1970, 1, 1) + timedelta(microseconds=at)
            assert line not in found[row]
            shown = None if math.isnan(value) else value
            found[row][line] = (collected.parameters.texts[parameter], moment, shown, STATUSES[status])
    return found


def _unread(collected: Collected) -> dict[int, set[int | None]]:
    """The unread lines by the number of their file, which stands before its name."""
    found: dict[int, set[int | None]] = defaultdict(set)
    for each in collected.unread:
        row = int(each.file.partition("/")[0])
        assert each.line not in found[row]
        assert each.payload
        assert each.text.isprintable()
        found[row].add(each.line)
    return found


def _is_same(one: Said, other: Said) -> bool:
    if (one[2] is None) or (other[2] is None):
        return one == other
    return (one[0], one[1], one[3]) == (other[0], other[1], other[3]) and math.isclose(
        one[2], other[2], rel_tol=1e-9, abs_tol=1e-9
    )


def _tell(file: DamagedFile, found: dict[int, Said], said: dict[int, Said]) -> str:
    lines = file.content.split(b"\n")
    return "\n".join(
        f"{number}: {lines[number - 1]!r} was read as {found.get(number)}, says {said.get(number)}"
        for number in sorted(found.keys() | said.keys())
        if found.get(number) != said.get(number)
    )

"""What happens to a station for a while: each event with what must come of it.

It must not choose when (`plans.py`). The surprising fact: figures are changed before they are written, so an exceedance
or a frozen sensor is as true as anything else, while what is lost or refused takes its figures along.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

from kcn_pipeline_tests.simulate.stations.files import Line, StationFile
from kcn_pipeline_tests.simulate.stations.loggers import Logger
from kcn_pipeline_tests.simulate.stations.tape import FLAGGED, NOTED, READ, REFUSED, Tape
from kcn_pipeline_tests.simulate.stations.traps import Trap, is_untouched

Event = Callable[[Tape], None]


def _write_as(line: Line, figure: float) -> None:
    assert line.sensor is not None
    line.figure = round(figure, line.sensor.decimals)


# ---- figures ---------------------------------------------------------------------------------------------------------


def scale(code: str, start: datetime, end: datetime, factor: float, case: str, what: str) -> Event:
    """The true value rises or falls: an exceedance, or a value close to a limit."""

    def happen(tape: Tape) -> None:
        for line in tape.lines(code, start, end):
            if line.figure is not None:
                _write_as(line, line.figure * factor)
        tape.note(case, what, NOTED)

    return happen


def freeze(code: str, start: datetime, end: datetime) -> Event:
    """The sensor shows the same figure for hours, with status 00."""

    def happen(tape: Tape) -> None:
        lines = list(tape.lines(code, start, end))
        for line in lines:
            line.figure = lines[0].figure
        tape.note("flat_line", f"{code} shows one figure for hours", FLAGGED, "flat_line")

    return happen


def leap(code: str, moment: datetime, factor: float) -> Event:
    """One figure far from those around it."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        for number, line in enumerate(file.lines, 1):
            if line.sensor and line.sensor.code == code and line.figure is not None:
                _write_as(line, line.figure * factor)
                tape.note("spike", f"{code} leaps for five minutes", FLAGGED, "spike", file, number)

    return happen


# ---- devices ---------------------------------------------------------------------------------------------------------


def calibrate(code: str, start: datetime, end: datetime, is_long: bool = False) -> Event:
    """Status 01, with the figures of the calibration fluid."""

    def happen(tape: Tape) -> None:
        for line in tape.lines(code, start, end):
            assert line.sensor is not None
            line.status = 1
            _write_as(line, line.sensor.level * 1.9)
        if is_long:
            tape.note("long_calibration", f"{code} is calibrated for too long", FLAGGED, "long_calibration")
        else:
            tape.note("calibration", f"{code} is calibrated", READ)

    return happen


def fail(code: str, start: datetime, end: datetime, written: str) -> Event:
    """The sensor fails: `written` is what stands in the value column beside status 02."""

    def happen(tape: Tape) -> None:
        for line in tape.lines(code, start, end):
            line.status, line.texts = 2, {"value": written}
            line.figure = None if written in ("", "-9999") else float(written)
        tape.note("failed_sensor", f"{code} fails and is written {written or 'empty'!r} with status 02", READ)

    return happen


def send_sentinels(code: str, start: datetime, end: datetime, written: str) -> Event:
    """The sensor fails, and a sentinel stands in the value column beside status 00."""

    def happen(tape: Tape) -> None:
        for line in tape.lines(code, start, end):
            line.status, line.figure = 2, None
            line.texts = {"value": written, "status": tape.station.logger.statuses[0]}
        tape.note("sentinel", f"{code} is written {written} with status 00", READ)

    return happen


# ---- files -----------------------------------------------------------------------------------------------------------


def lose(start: datetime, end: datetime) -> Event:
    """The station sends nothing, and never will."""

    def happen(tape: Tape) -> None:
        tape.files = [file for file in tape.files if not start <= file.moment < end]
        tape.note("gap", f"no file from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}", FLAGGED, "gap")

    return happen


def send_late(start: datetime, end: datetime, sent: datetime) -> Event:
    """After an outage the logger sends what it kept, oldest first, a file a second."""

    def happen(tape: Tape) -> None:
        for number, file in enumerate(tape.span(start, end)):
            file.modified_at = sent + timedelta(seconds=number)
        tape.note("late_files", f"the files from {start:%Y-%m-%d %H:%M} on come at {sent:%Y-%m-%d %H:%M}", READ)

    return happen


def shuffle(nights: Sequence[str]) -> Event:
    """Every file comes for any of some nights, in no order; what comes again comes in the same night or a later one."""

    def happen(tape: Tape) -> None:
        draw = tape.draw("shuffle")
        first: dict[datetime, int] = {}
        for number, file in enumerate(tape.files):
            night = draw.randrange(first.get(file.moment, 0), len(nights))
            first.setdefault(file.moment, night)
            arrived = datetime.fromisoformat(nights[night]) - timedelta(days=1)
            file.modified_at = arrived + timedelta(hours=1, seconds=number)

    return happen


def resend(moment: datetime, suffix: str, after: timedelta) -> Event:
    """The same bytes come again under a longer name."""

    def happen(tape: Tape) -> None:
        file = tape.find(moment)
        if file is None:
            return
        again = _again(file, suffix, after)
        again.content = file.to_bytes()
        tape.files.append(again)
        tape.note("resent", "the same file once more under a longer name", READ, "repeated", again)

    return happen


def correct(moment: datetime, code: str, factor: float, suffix: str, after: timedelta, source: str = "") -> Event:
    """The file comes again under a longer name with another figure: the later one counts."""

    def happen(tape: Tape) -> None:
        file = tape.find(moment)
        if file is None or file.rule:
            return
        again = _again(file, suffix, after)
        again.source = source or again.source
        again.lines = deepcopy(again.lines)
        for line in again.lines:
            if line.sensor and line.sensor.code == code and line.figure is not None:
                _write_as(line, line.figure * factor)
        tape.files.append(again)
        tape.note("corrected", f"the file comes again with another {code}", READ, "corrected", again)

    return happen


def _again(file: StationFile, suffix: str, after: timedelta) -> StationFile:
    assert file.modified_at is not None
    return replace(file, path=file.path.removesuffix(".txt") + suffix + ".txt", modified_at=file.modified_at + after)


def repeat_line(moment: datetime, code: str, factor: float) -> Event:
    """A parameter stands twice in a file with two figures: the last line counts."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        line = deepcopy(next(line for line in file.lines if line.sensor and line.sensor.code == code))
        assert line.figure is not None
        _write_as(line, line.figure * factor)
        file.lines.append(line)
        tape.note("line_twice", f"{code} stands twice", READ, "corrected", file, len(file.lines))

    return happen


def drift(start: datetime, end: datetime, minutes: int) -> Event:
    """The clock of the logger is off: the times of the lines lie so many minutes beside that in the name."""

    def happen(tape: Tape) -> None:
        for file in tape.span(start, end):
            for line in file.lines:
                line.at += timedelta(minutes=minutes)
        tape.note("clock_drift", f"line times lie {minutes} minutes beside file times", FLAGGED, "clock_drift")

    return happen


def misdate(moment: datetime, days: int, rule: str) -> Event:
    """Every line of a file bears a time that is days away."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        for number, line in enumerate(file.lines, 1):
            line.at += timedelta(days=days)
            line.rule = rule
            tape.note("misdated", f"the time of a line lies {days} days beside the file's", REFUSED, rule, file, number)

    return happen


def rename(moment: datetime, path: str, case: str, what: str, rule: str = "") -> Event:
    """One file bears another name, by which it is read or not."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        file.path = path
        for line in file.lines:
            line.rule = rule
        tape.note(case, what, REFUSED if rule else READ, rule, file, 1 if rule else None)

    return happen


def rename_time(moment: datetime, other: datetime, rule: str, what: str) -> Event:
    """One file and its lines bear another time."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        file.path = file.logger.path(file.station_id, other)
        for number, line in enumerate(file.lines, 1):
            line.at, line.rule = other, rule
            tape.note("misdated", what, REFUSED, rule, file, number)

    return happen


def keep_only(start: datetime, end: datetime, rule: str, what: str) -> Event:
    """Few files of a station whose readings nobody may take."""

    def happen(tape: Tape) -> None:
        tape.files = tape.span(start, end)
        for file in tape.files:
            for number in range(1, len(file.lines) + 1):
                tape.note(rule, what, REFUSED, rule, file, number)

    return happen


def write_otherwise(moment: datetime, case: str, what: str, logger: Logger) -> Event:
    """One file is written by another make of logger."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        file.logger = logger
        file.path = logger.path(file.station_id, file.moment)
        tape.note(case, what, READ, "", file)

    return happen


def sprinkle(traps: Sequence[Trap], share: float) -> Event:
    """A trap in so large a share of the files."""

    def happen(tape: Tape) -> None:
        for file in tape.files:
            draw = tape.draw("trap", file.path)
            if draw.random() < share and any(map(is_untouched, file.lines)):
                chosen = draw.choice(traps)
                chosen(file, draw)
                _note_trap(tape, file, chosen, REFUSED if file.rule else NOTED)

    return happen


def trap(moment: datetime, trap: Trap, expected: str) -> Event:
    """A trap of one file (`traps.py`)."""

    def happen(tape: Tape) -> None:
        file = tape.at(moment)
        trap(file, tape.draw(moment))
        _note_trap(tape, file, trap, expected)

    return happen


def _note_trap(tape: Tape, file: StationFile, trap: Trap, expected: str) -> None:
    what = " ".join((trap.__doc__ or "").split())
    touched = [number for number, line in enumerate(file.lines, 1) if line.rule or line.texts or line.text]
    if file.rule or not touched:
        tape.note(trap.__name__, what, expected, file.rule, file)
    for number in touched:
        tape.note(trap.__name__, what, expected, file.lines[number - 1].rule, file, number)

"""What goes wrong in one file of a station: every trap with what must come of the lines it touches.

It must not know a station's day. The surprising fact: a trap changes the meaning of the lines together with their
texts, so nothing has to be read again.
"""

from collections.abc import Callable
from random import Random

from kcn_pipeline_tests.simulate.stations.files import Line, StationFile

Trap = Callable[[StationFile, Random], None]


def _pick(file: StationFile, draw: Random) -> Line:
    """A line that nothing has been done to."""
    return draw.choice([line for line in file.lines if is_untouched(line)])


def is_untouched(line: Line) -> bool:
    """Whether a line measures and nothing has been done to it."""
    return bool(line.sensor and not line.rule and not line.texts and not line.status)


def garbage(file: StationFile, draw: Random) -> None:
    """A line that is no line at all."""
    line = _pick(file, draw)
    line.text = "#ERR 0x7F logger restart"
    line.rule = "unreadable_line"


def cut_line(file: StationFile, draw: Random) -> None:
    """A line that ends after its first two columns."""
    line = _pick(file, draw)
    line.text = "\t".join(line.write(file.logger).split("\t")[:2])
    line.rule = "unreadable_line"


def unknown_symbol(file: StationFile, draw: Random) -> None:
    """A symbol nobody knows."""
    line = _pick(file, draw)
    line.texts = {"symbol": "AUX7"}
    line.rule = "unknown_symbol"


def unknown_unit(file: StationFile, draw: Random) -> None:
    """A unit nobody knows."""
    line = _pick(file, draw)
    if "unit" in file.logger.columns:
        line.texts = {"unit": "mg/kg"}
        line.rule = "unknown_unit"


def two_separators(file: StationFile, draw: Random) -> None:
    """A figure with two separators: which one is the decimal?"""
    line = _pick(file, draw)
    line.texts = {"value": "1.234,5"}
    line.rule = "unreadable_value"


def word_for_value(file: StationFile, draw: Random) -> None:
    """A word where the value should be: a device error, unless the status says that it measures."""
    line = _pick(file, draw)
    line.texts = {"value": "ERR"}
    if file.logger.states_status:
        line.rule = "unreadable_value"
    else:
        line.figure, line.status = None, 2


def unknown_status(file: StationFile, draw: Random) -> None:
    """A status nobody knows."""
    if file.logger.states_status and len(file.logger.columns) == 5:
        line = _pick(file, draw)
        line.texts = {"status": "07"}
        line.rule = "unknown_status"


def broken_bytes(file: StationFile, draw: Random) -> None:
    """Bytes that are no text."""
    line = _pick(file, draw)
    line.raw = b"COD\t\xff\xfe\x00\x9d"
    line.rule = "unreadable_line"


def impossible_time(file: StationFile, draw: Random) -> None:
    """The 32nd of the 13th month."""
    if file.logger.line_time:
        line = _pick(file, draw)
        line.texts = {"time": "20261332250000"}
        line.rule = "unreadable_time"


def sentinel(file: StationFile, draw: Random) -> None:
    """-9999 with status 00."""
    line = _pick(file, draw)
    line.texts, line.figure, line.status = {"value": "-9999"}, None, 2
    line.texts["status"] = file.logger.statuses[0]


def failed_zero(file: StationFile, draw: Random) -> None:
    """A failed sensor writes 0.00, and only the status says so."""
    line = _pick(file, draw)
    if file.logger.states_status:
        line.figure, line.status, line.texts = 0.0, 2, {"value": "0.00"}


def empty_value(file: StationFile, draw: Random) -> None:
    """No value, and status 02 where there is one."""
    line = _pick(file, draw)
    line.figure, line.status, line.texts = None, 2, {"value": ""}


def out_of_range(file: StationFile, draw: Random) -> None:
    """A figure that no sensor can mean."""
    line = _pick(file, draw)
    line.texts, line.rule = {"value": "98765432.1"}, "value_out_of_range"


def below_zero(file: StationFile, draw: Random) -> None:
    """A concentration below zero with status 00."""
    line = _pick(file, draw)
    line.texts, line.rule = {"value": "-3.2"}, "value_out_of_range"


def decimal_comma(file: StationFile, draw: Random) -> None:
    """A decimal comma in the value."""
    line = _pick(file, draw)
    if line.sensor and line.figure is not None:
        line.texts = {"value": f"{line.figure:.{line.sensor.decimals}f}".replace(".", ",")}


def blank_line(file: StationFile, draw: Random) -> None:
    """An empty line between two others."""
    file.lines.insert(draw.randrange(len(file.lines)), Line(None, file.moment, None))


def empty_file(file: StationFile, draw: Random) -> None:
    """0 bytes."""
    file.content, file.lines, file.rule = b"", [], "empty_payload"


#: The traps that any file can get.
TRAPS: tuple[Trap, ...] = (
    garbage,
    cut_line,
    unknown_symbol,
    unknown_unit,
    two_separators,
    word_for_value,
    unknown_status,
    broken_bytes,
    impossible_time,
    sentinel,
    failed_zero,
    empty_value,
    out_of_range,
    decimal_comma,
    blank_line,
    empty_file,
)


def spoil(file: StationFile, draw: Random) -> None:
    """Something goes wrong in a file."""
    draw.choice(TRAPS)(file, draw)

"""Station files with random damage, and a slow reader of lines that shares no code with the one that is tested."""

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache

from kcn_pipeline.contracts.monitoring import Monitoring

#: What a line says: parameter, time, value, status. The value is None where the device gave none.
Said = tuple[str, datetime, float | None, str]

_SHAPES = [
    shape.split()
    for shape in (
        "symbol value unit time status|time symbol value unit status|symbol value unit status time|"
        "symbol value time status|symbol value status time|symbol value unit time|time symbol value status|"
        "time symbol value unit|symbol value time|time symbol value"
    ).split("|")
]
_SENSORS = [
    ("Flow", "m3/h"), ("pH", "-"), ("pH", ""), ("Temp", "°C"), ("COD", "mg/L"), ("TSS", "mg/l"), ("NH4", "mg/L"),
    ("SO2", "mg/Nm3"), ("PM2,5", "µg/m³"), ("O2", "%V"), ("Flow_IN", "m3/h"), ("Color", "Pt-Co"),
]  # fmt: skip
_ODD = [
    b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", "µ".encode(), "٤".encode(), "４".encode(), "²".encode(), b"\t", b"\n",
    b"\r", b" ", "\u00a0".encode(), "\u200b".encode(), b"\x0b", b"\x1c", b"\x85", b".", b",", b"-", b"_", b"e", b"+",
    b"0", b"1", b"2", b"9", b"\\", b'"', b";", "Ð".encode(),
]  # fmt: skip
_ODD_VALUES = [
    "NaN", "nan", "inf", "-inf", "Infinity", "1e999", "1e308", "-1e19", "9" * 400, "9" * 20, "1.234,5", "1,234.5",
    "1_000", "0x1F", "٤١٫٣", "４１.３", "<0.5", "", "ERR", "---", "-9999", "-9999.0", "202611180830", "4 1", "1.5e2",
    "0", "0.00", "+.5", "5.", "\u221241", "true", "None",
]  # fmt: skip


class Words:
    """What symbols, units and statuses mean by the contracts, looked up once each."""

    def __init__(self, monitoring: Monitoring) -> None:
        self.resolve = cache(monitoring.resolve)
        self.status = cache(monitoring.status)
        self.sentinels = monitoring.sentinels


@dataclass
class DamagedFile:
    """A file, the time in its name, how many of its lines were damaged, and what the others say by their number."""

    name: str
    at: datetime
    content: bytes
    damaged: int
    untouched: dict[int, Said] = field(default_factory=dict)


def make_files(words: Words, seed: int, lines: int) -> Iterator[DamagedFile]:
    """Files with together so many damaged lines."""
    dice = random.Random(seed)
    while lines > 0:
        made = _make_file(words, dice)
        lines -= made.damaged
        yield made


def _make_file(words: Words, dice: random.Random) -> DamagedFile:
    at = datetime(2026, 11, dice.randint(1, 28), dice.randrange(24), dice.randrange(0, 60, 5))
    shape, ending = dice.choice(_SHAPES[:5] * 3 + _SHAPES), dice.choice([b"\n", b"\r\n"])
    count = dice.randint(1, 9)
    pieces = [_make_line(words, dice, shape, at) for _ in range(count)]
    damaged = 0
    content, number, untouched = b"", 1, {}
    for line, said in pieces:
        end = ending
        if dice.random() < 0.85:
            line, end = _damage(dice, line, ending)
            damaged += 1
        elif content[-1:] in (b"", b"\n"):
            untouched[number] = said
        content += line + end
        number += (line + end).count(b"\n")
    if dice.random() < 0.1:
        content = content[: dice.randrange(len(content) + 1)]
        whole = content.count(b"\n")
        untouched = {number: said for number, said in untouched.items() if number <= whole}
        damaged += 1
    return DamagedFile(f"KCN_{dice.randint(1, 5)}_NT01_{at:%Y%m%d%H%M%S}.txt", at, content, damaged, untouched)


def _make_line(words: Words, dice: random.Random, shape: list[str], at: datetime) -> tuple[bytes, Said]:
    symbol, unit = dice.choice(_SENSORS)
    status, number = dice.choice(["00"] * 6 + ["01", "02"]), round(dice.uniform(0, 200), dice.randint(0, 4))
    said = {"symbol": symbol, "value": f"{number:.4f}", "unit": unit, "time": f"{at:%Y%m%d%H%M%S}", "status": status}
    if "unit" not in shape:
        symbol, said["symbol"], unit = "pH", "pH", ""
    resolved = words.resolve(symbol, unit)
    assert not isinstance(resolved, str)
    value = number * resolved.factor + resolved.offset
    line = "\t".join(said[column] for column in shape).encode()
    return line, (resolved.parameter_code, at, value, status if "status" in shape else "00")


# ---- damage ----------------------------------------------------------------------------------------------------------


def _damage(dice: random.Random, line: bytes, ending: bytes) -> tuple[bytes, bytes]:
    """A damaged line, and the line end that is left of it."""
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        line = dice.choice(_DAMAGES)(dice, line)
    return line, b"" if dice.random() < 0.03 else ending


def _flip(dice: random.Random, line: bytes) -> bytes:
    at = dice.randrange(len(line) or 1)
    return line[:at] + bytes([line[at] ^ 1 << dice.randrange(8)]) + line[at + 1 :] if line else line


def _delete(dice: random.Random, line: bytes) -> bytes:
    at = dice.randrange(len(line) + 1)
    return line[:at] + line[at + dice.randint(1, 4) :]


def _insert(dice: random.Random, line: bytes) -> bytes:
    at = dice.randrange(len(line) + 1)
    return line[:at] + dice.choice(_ODD) * dice.choice([1, 1, 2]) + line[at:]


def _overwrite(dice: random.Random, line: bytes) -> bytes:
    at = dice.randrange(len(line) + 1)
    return line[:at] + dice.choice(_ODD) + line[at + 1 :]


def _swap_columns(dice: random.Random, line: bytes) -> bytes:
    columns = line.split(b"\t")
    dice.shuffle(columns)
    return b"\t".join(columns)


def _change_value(dice: random.Random, line: bytes) -> bytes:
    columns = line.split(b"\t")
    columns[dice.randrange(len(columns))] = dice.choice(_ODD_VALUES).encode()
    return b"\t".join(columns)


def _change_column(dice: random.Random, line: bytes) -> bytes:
    columns = line.split(b"\t")
    at = dice.randrange(len(columns))
    odd = [b"", b"1", b"00", b"07", b"XYZ", b"pH", b"COD", b"furlong", b"20261321083000", b"202611180830", b"mg/L"]
    columns[at : at + dice.randrange(2)] = [dice.choice(odd)] * dice.choice([1, 1, 1, 0, 2])
    return b"\t".join(columns)


def _change_separator(dice: random.Random, line: bytes) -> bytes:
    return line.replace(b"\t", dice.choice([b" ", b";", b",", b"|", b"\t\t", b"    ", b"\\t"]), dice.choice([-1, 1, 2]))


def _cut(dice: random.Random, line: bytes) -> bytes:
    return line[: dice.randrange(len(line) + 1)]


def _repeat(dice: random.Random, line: bytes) -> bytes:
    return dice.choice([line * 2, b"\x00" * len(line), bytes(dice.randrange(256) for _ in range(20)), b"\t" * 4, b" "])


_DAMAGES: list[Callable[[random.Random, bytes], bytes]] = [
    _flip, _flip, _delete, _delete, _insert, _overwrite, _swap_columns, _change_value, _change_column,
    _change_separator, _cut, _repeat,
]  # fmt: skip


# ---- the slow reader -------------------------------------------------------------------------------------------------


def read_slowly(words: Words, file: DamagedFile) -> tuple[dict[int, Said], set[int], set[int]]:
    """What each line of a file says by its number, the numbers of the lines that say nothing, and of blank lines.

    A line says something when all the ways to read it that are allowed agree.
    """
    content = file.content.removeprefix(b"\xef\xbb\xbf")
    lines = content.split(b"\n")
    is_whole = content.endswith(b"\n") or not content
    said, silent, blank = {}, set(), set()
    for number, line in enumerate(lines[:-1] if is_whole else lines, 1):
        if not line.strip(b" \t\r\n\x0b\x0c"):
            blank.add(number)
            continue
        is_last = number == len(lines)
        found = set() if is_last and _lacks(lines[:-1], line) else set(_interpret(words, line, file.at))
        if len(found) == 1:
            said[number] = found.pop()
        else:
            silent.add(number)
    return said, silent, blank


def _lacks(others: list[bytes], last: bytes) -> bool:
    """Whether a last line without an end is shorter than all the others agree that a line is."""
    table = [line.rstrip(b"\r").split(b"\t") for line in others if line.strip(b" \t\r\n\x0b\x0c")]
    columns = last.rstrip(b"\r").split(b"\t")
    if len({len(row) for row in table}) != 1:
        return False
    if len(columns) < len(table[0]):
        return True
    is_time_first = others[0].removeprefix(b"\xef\xbb\xbf")[:12].isdigit()
    ends_with_value = len(columns) == (3 if is_time_first else 2)
    sizes = {len(row[-1]) for row in table}
    return len(columns) == len(table[0]) and not ends_with_value and len(sizes) == 1 and len(columns[-1]) < min(sizes)


def _interpret(words: Words, line: bytes, file_at: datetime) -> Iterator[Said]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return
    text = text.rstrip("\r").removeprefix("\ufeff")
    columns = [column.replace("\u00a0", " ").strip(" ") for column in text.split("\t")]
    odd = {letter for column in columns for letter in column if unicodedata.category(letter)[0] in "CZ"}
    if odd - {" "}:
        return
    for shape in _SHAPES:
        if len(shape) == len(columns):
            found = _read_shape(words, dict(zip(shape, columns, strict=True)), file_at, len(columns))
            if found is not None:
                yield found


def _read_shape(words: Words, said: dict[str, str], file_at: datetime, width: int) -> Said | None:
    at = file_at if said["time"] == "" and width == 5 else _read_time(said["time"])
    if at is None:
        return None
    resolved = words.resolve(said["symbol"], said.get("unit", ""))
    status = words.status(said.get("status", ""))
    if isinstance(resolved, str) or status is None:
        return None
    written, text = said.get("status", ""), said["value"]
    try:
        number = Decimal(text.replace(",", ".")) if text.isascii() and "_" not in text and " " not in text else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        if any(letter.isnumeric() for letter in text) or (written and status == "00"):
            return None
        return resolved.parameter_code, at, None, status if written else "02"
    if len(text) > 20 or abs(float(number)) >= 1e20:
        return None
    if float(number) in words.sentinels:
        return resolved.parameter_code, at, None, "02"
    return resolved.parameter_code, at, float(number) * resolved.factor + resolved.offset, status


def _read_time(text: str) -> datetime | None:
    if not (text.isascii() and text.isdecimal() and 2000 <= int(text[:4]) <= 2099 and len(text) in (12, 14)):
        return None
    try:
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
    except ValueError:
        return None

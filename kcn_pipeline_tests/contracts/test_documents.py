"""Files that are no usable YAML: each is refused with its name, its line and a reason, never with a traceback."""

from pathlib import Path

import pytest

from kcn_pipeline.contracts import ContractError, load_contracts
from kcn_pipeline.contracts.documents import DocumentError, read_document
from kcn_pipeline.contracts.loader import PACKAGED
from kcn_pipeline.contracts.sources import load_sources

BOMB = "\n".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9 if n else ['1'] * 9)}]" for n in range(12))

BROKEN = [
    (b"a: 1\nindicators: [\n", "is not YAML", 2),
    (b"a: 1\n b: 2\n", "is not YAML: mapping values are not allowed", 2),
    (b"a: 1\nb: *nowhere\n", "is not YAML: found undefined alias", 2),
    (b"a: 1\n---\nb: 2\n", "is not YAML: but found another document", 2),
    (b"a: 1\nb: !!python/object:os.system x\n", "is not YAML: could not determine a constructor", 2),
    (b"a: 1\nb: 'Khu c\xf4ng'\n", "cannot be read, it is not UTF-8 (byte 0xf4)", 2),
    ("a: Khu\n".encode("utf-16"), "cannot be read, it is not UTF-8 (byte 0xff)", 1),
    (b"a: 1\nb: \x00\n", "holds the control character U+0000", 2),
    (b"a: 1\nb: &b\n  c: *b\n", "stands inside its own anchor", 2),
    (b"a: 1\nb: &b [*b]\n", "stands inside its own anchor", 2),
    (b"a: 1\nb: " + b"[" * 100_000, "nested more than 50 levels deep", 2),
    (b"- " * 100_000 + b"a", "nested more than 50 levels deep", 1),
    (BOMB.encode(), "unfolds its aliases into more than 100000 values", 1),
    (b"a: 1\nb: 2026-02-30\n", "holds the value '2026-02-30', which cannot be read: day is out of range", 2),
    (b"a: 1\nb: !!bool perhaps\n", "holds the value 'perhaps', which cannot be read", 2),
    (b"a: 1\n2026-02-01: x\n", "has the key '2026-02-01'; put it in quotes", 2),
    (b"a: 1\n? [b]\n: x\n", "has a key that is no single word", 2),
]


@pytest.mark.parametrize(("payload", "reason", "line"), BROKEN)
def test_every_reader_names_file_line_and_reason(tmp_path: Path, payload: bytes, reason: str, line: int) -> None:
    names = ("indicators.yaml", "calendar.yaml", "forms/own.yaml", "tables/own.yaml")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(payload)
    load_contracts.cache_clear()
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    found = sorted((problem.file, problem.line) for problem in caught.value.problems)
    assert found == sorted((Path(name).name, line) for name in names), "each file once"
    assert all(reason in problem.reason for problem in caught.value.problems)

    with pytest.raises(ContractError) as caught:
        load_sources(tmp_path / "indicators.yaml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "indicators.yaml"), line)
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("indicators.yaml", "version: '1'\nindicators:\n  - code: MG01\n    scale: 1\n    scale: 100\n",
         "indicators.yaml:5: indicators.0.scale: is written twice; keep one"),
        ("indicators.yaml", "indicators: []\nindicators: []\n", "indicators.yaml:2: indicators: is written twice"),
        ("calendar.yaml", "calendar:\n  breaks: []\n  breaks: []\n", "calendar.yaml:3: calendar.breaks: is written"),
        ("forms/own.yaml", "id: own\ncode: a\ncode: b\n", "own.yaml:3: code: is written twice"),
        ("calendar.yaml", "calendars: {}\n", "calendar.yaml: calendar: must hold a mapping under the key 'calendar'"),
        ("calendar.yaml", "calendar:\n  first_day: 2025-01-01\n  breaks: []\n  brakes: []\n",
         "calendar.yaml:4: calendar.brakes: Extra inputs"),
        ("indicators.yaml", "", "indicators.yaml: is empty; write the entries or remove the file"),
        ("indicators.yaml", "# nothing yet\n", "indicators.yaml: is empty; write the entries or remove the file"),
        ("calendar.yaml", "", "calendar.yaml: is empty; write the entries or remove the file"),
        ("forms/own.yaml", "", "own.yaml: is empty; write the entries or remove the file"),
        ("indicators.yaml", "indicators:\n", "indicators.yaml: indicators: must hold a list"),
        ("indicators.yaml", "- MG01\n", "indicators.yaml: indicators: must hold a list"),
    ],
)  # fmt: skip
def test_overlay_mistake_is_told_once(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text, "utf-8")
    load_contracts.cache_clear()
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    assert [str(p) for p in caught.value.problems if str(p).startswith(told)] == str(caught.value).splitlines()[:1]
    assert sum(problem.reason in told for problem in caught.value.problems) <= 1


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "indicators.yaml").mkdir()
    load_contracts.cache_clear()
    with pytest.raises(ContractError, match=r"indicators\.yaml: cannot be read: Is a directory"):
        load_contracts(tmp_path)


def test_good_files_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_bytes("\ufeffa: &a {x: Khu công nghiệp}\nb: *a\nc: {<<: *a, y: 1}\n".encode())
    document = read_document(path)
    held = {"x": "Khu công nghiệp"}
    assert (document.content, document.repeated) == ({"a": held, "b": held, "c": {**held, "y": 1}}, ())
    path.write_text("a: {b: 1, b: 2}\n'1': x\n1: y\n", "utf-8")
    assert read_document(path).repeated == ((("a", "b"), 1), (("1",), 3)), "JSON would take 1 and '1' for one key"
    path.write_text("[" * 51 + "]" * 51, "utf-8")
    with pytest.raises(DocumentError, match="nested more than 50"):
        read_document(path)


# ---- forms that cannot be told apart ---------------------------------------------------------------------------------


def copied_form(tmp_path: Path, **changes: str) -> Path:
    """An overlay with the packaged form A.III.2 under another id, with texts in it replaced."""
    packaged = PACKAGED / "forms" / "a_iii_2.yaml"
    text = packaged.read_text("utf-8").replace("id: a_iii_2\n", "id: own_copy\n", 1)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "forms").mkdir(exist_ok=True)
    (tmp_path / "forms" / "own_copy.yaml").write_text(text, "utf-8")
    load_contracts.cache_clear()
    return tmp_path


def test_form_that_copies_another_is_refused(tmp_path: Path) -> None:
    told = r"own_copy.yaml:\d+: own_copy.recognise: sheets of own_copy cannot be told from those of a_iii_2"
    with pytest.raises(ContractError, match=told):
        load_contracts(copied_form(tmp_path))


def test_form_that_can_be_told_apart_is_accepted(tmp_path: Path) -> None:
    folder = copied_form(tmp_path, **{"recognise:\n": "recognise:\n  without: [ZZ.9]\n"})
    assert "own_copy" in load_contracts(folder).forms
    assert {"a_iii_1_2021", "a_iii_1_2023"} <= {*load_contracts().forms}

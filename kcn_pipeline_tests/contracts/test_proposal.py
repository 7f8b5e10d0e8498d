"""The next catalog is the old text with other statuses and reasons: nothing else moves, and it loads."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kcn_pipeline.contracts import ContractError, load_contracts
from kcn_pipeline.contracts.loader import PACKAGED
from kcn_pipeline.contracts.proposal import Decision, Proposal, next_version, propose_catalog

CATALOG = (PACKAGED / "indicators.yaml").read_text("utf-8")


def decision(code: str, status_next: str, status_now: str = "pilot", **cells: Any) -> Decision:
    said = {
        "verdict": "drop" if status_next == "retired" else "keep",
        "reason_vi": "Mức độ cần thiết trung bình 2,4, dưới 3,0 (42 doanh nghiệp trả lời).",
        "reason_en": "Mean necessity 2.4, below 3.0 (42 enterprises answered).",
        "survey_id": "indicator_set",
        "round_code": "2026-2",
    }
    return Decision(code, status_now=status_now, status_next=status_next, **(said | cells))


def read(text: str) -> dict[str, dict[str, Any]]:
    """Indicator → its entry, notes in one line."""
    entries = yaml.safe_load(text)["indicators"]
    return {one["code"]: one | {"note": " ".join((one.get("note") or "").split())} for one in entries}


def load_with(tmp_path: Path, text: str) -> Any:
    (tmp_path / "indicators.yaml").write_text(text, "utf-8")
    return load_contracts(tmp_path)


def apply(text: str, diff: str) -> str:
    """A unified diff of one file applied as `patch` would."""
    old, new, at = text.split("\n"), [], 0
    for line in diff.split("\n")[2:-1]:
        if start := re.match(r"@@ -(\d+)", line):
            begin = int(start[1]) - 1
            new += old[at:begin]
            at = begin
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert line[1:] == old[at], (line, old[at])
            at += 1
            new += [line[1:]] if line.startswith(" ") else []
    return "\n".join([*new, *old[at:]])


# ---- the packaged catalog --------------------------------------------------------------------------------------------


def test_every_indicator_at_once_loads_and_says_the_same_otherwise(tmp_path: Path) -> None:
    """Every way a note stands in the packaged file: absent, quoted, folded; at the end and before other keys."""
    before = read(CATALOG)
    proposal = propose_catalog(CATALOG, [decision(code, "retired", one["status"]) for code, one in before.items()])
    assert proposal.version == "2026.2"
    assert proposal.changed == tuple(before)
    after = read(proposal.text)
    for code, entry in before.items():
        assert after[code]["status"] == "retired"
        assert after[code]["note"].startswith(entry["note"])
        assert after[code]["note"].endswith("(42 enterprises answered).")
        assert "Version 2026.2, survey indicator_set 2026-2: Mức độ" in after[code]["note"]
        assert {**after[code], "status": 0, "note": 0} == {**entry, "status": 0, "note": 0}
    loaded = load_with(tmp_path, proposal.text)
    assert loaded.catalog_version == "2026.2"
    assert {one.status for one in loaded.indicators.values()} == {"retired"}
    assert max(map(len, proposal.text.split("\n"))) <= 120


def test_only_lines_of_version_status_and_note_change() -> None:
    codes = ("MG01", "MG02", "MG08", "SO11")
    statuses = {code: one["status"] for code, one in read(CATALOG).items()}
    proposal = propose_catalog(CATALOG, [decision(code, "retired", statuses[code]) for code in codes])
    changed = [line for line in proposal.diff.split("\n")[2:] if line.startswith(("+", "-"))]
    removed = [line[1:].split(":")[0].strip() for line in changed if line.startswith("-")]
    assert removed == ["version", "status", "status", "status", "note", "status", "note"], "two notes are one line yet"
    comments = [line for line in CATALOG.split("\n") if line.lstrip().startswith("#")]
    assert [line for line in proposal.text.split("\n") if line.lstrip().startswith("#")] == comments
    assert apply(CATALOG, proposal.diff) == proposal.text


def test_the_diff_tells_each_reason() -> None:
    one, other = decision("MG01", "adopted", reason_en="Needed: mean 4.6."), decision("MG02", "retired")
    proposal = propose_catalog(CATALOG, [one, other])
    assert proposal.diff.startswith("--- a/indicators.yaml\n+++ b/indicators.yaml\n@@ ")
    added = " ".join(line[1:].strip() for line in proposal.diff.split("\n") if line.startswith("+"))
    assert "Needed: mean 4.6." in added
    assert "Mean necessity 2.4, below 3.0 (42 enterprises answered)." in added


def test_nothing_to_change_is_the_same_text() -> None:
    kept = [decision("MG01", "pilot"), decision("MG02", "pilot")]
    assert propose_catalog(CATALOG, kept) == Proposal(CATALOG, "", "2026.1", (), ())
    assert propose_catalog(CATALOG, []) == Proposal(CATALOG, "", "2026.1", (), ())


def test_a_proposal_that_was_accepted_is_not_made_again() -> None:
    accepted = propose_catalog(CATALOG, [decision("MG01", "adopted")])
    again = propose_catalog(accepted.text, [decision("MG01", "adopted")])
    assert (again.text, again.version, again.left) == (accepted.text, "2026.2", ())


def test_the_votes_of_a_round_promote_nobody_twice() -> None:
    """After a replay with the accepted catalog the same round is judged with the new statuses."""
    first = propose_catalog(CATALOG, [decision("MG01", "adopted"), decision("MG02", "retired")])
    again = [decision("MG01", "retired", "adopted"), decision("MG02", "pilot", "retired")]
    assert propose_catalog(first.text, again).changed == ()
    later = [decision("MG01", "retired", "adopted", round_code="2031-1")]
    assert propose_catalog(first.text, later).changed == ("MG01",)


def test_a_status_that_somebody_changed_since_is_left() -> None:
    decisions = [decision("MG01", "adopted", "proposed"), decision("MG02", "retired")]
    proposal = propose_catalog(CATALOG, [*decisions[:1], decision("SO01", "retired", "adopted"), *decisions[1:]])
    assert proposal.changed == ("MG02",)
    assert [line.split(":")[0] for line in proposal.left] == ["MG01", "SO01"]
    assert "is pilot in the catalog and was proposed when it was judged" in proposal.left[0]


@pytest.mark.parametrize(
    ("version", "following"),
    [("2026.1", "2026.2"), ("2026.9", "2026.10"), ("1", "2"), ("v3-beta", "v3-beta.2"), ("2026.1a7", "2026.1a8")],
)
def test_versions_count_on(version: str, following: str) -> None:
    assert next_version(version) == following
    text = f'version: "{version}"\nindicators:\n  - code: MG01\n    status: pilot\n'
    assert yaml.safe_load(propose_catalog(text, [decision("MG01", "adopted")]).text)["version"] == following


# ---- files as boards write them --------------------------------------------------------------------------------------

REASON = "Version 8, survey indicator_set 2026-2: Vì / Why."
#: Text → what becomes of it when MG01 goes from pilot to adopted.
LAYOUTS = {
    "plain version, no note, comments": (
        "version: 7\nindicators:\n  - code: MG01\n    status: pilot  # since May\n\n  # next\n  - {code: MG02}\n",
        f'version: "8"\nindicators:\n  - code: MG01\n    status: adopted  # since May\n    note: >-\n      {REASON}\n'
        "\n  # next\n  - {code: MG02}\n",
    ),
    "quoted status, folded note in the middle": (
        "version: '7'\nindicators:\n- code: MG01\n  status: \"pilot\"\n  note: >-\n     Cũ,\n     rồi.\n\n  unit: PT\n",
        'version: "8"\nindicators:\n- code: MG01\n  status: "adopted"\n  note: >-\n     Cũ,\n     rồi.\n'
        f"     {REASON}\n\n  unit: PT\n",
    ),
    "literal note": (
        "version: 7\nindicators:\n  - code: MG01\n    note: |\n      Một\n      Hai\n    status: pilot\n",
        f'version: "8"\nindicators:\n  - code: MG01\n    note: |\n      Một\n      Hai\n      {REASON}\n'
        "    status: adopted\n",
    ),
    "note over two lines, with a comment": (
        "version: 7\nindicators:\n  - code: MG01\n    note: Một\n      hai  # of May\n    status: pilot\n",
        'version: "8"\nindicators:\n  - code: MG01\n    note: >-  # of May\n'
        f"      Một hai {REASON}\n    status: adopted\n",
    ),
    "empty note": (
        'version: 7\nindicators:\n  - code: MG01\n    note: ""\n    status: pilot',
        f'version: "8"\nindicators:\n  - code: MG01\n    note: >-\n      {REASON}\n    status: adopted',
    ),
    "in braces": (
        'version: 7\nindicators:\n  - {code: MG01, status: pilot, note: "Cũ."}\n',
        f'version: "8"\nindicators:\n  - {{code: MG01, status: adopted, note: "Cũ. {REASON}"}}\n',
    ),
    "in braces without a note": (
        "version: 7\nindicators:\n  - {code: MG01, status: pilot}  # May\n",
        f'version: "8"\nindicators:\n  - {{code: MG01, status: adopted, note: "{REASON}"}}  # May\n',
    ),
    "no status, as an overlay may": (
        "version: 7\nindicators:\n  - code: MG01\n    targets:\n      - op: none\n        basis: x\n",
        'version: "8"\nindicators:\n  - code: MG01\n    targets:\n      - op: none\n        basis: x\n'
        f"    status: adopted\n    note: >-\n      {REASON}\n",
    ),
    "no such indicator, as an overlay may": (
        "version: 7\nindicators:\n  - code: MG02\n    unit: PT  # %\n\n# end\n",
        'version: "8"\nindicators:\n  - code: MG02\n    unit: PT  # %\n  - code: MG01\n    status: adopted\n'
        f"    note: >-\n      {REASON}\n\n# end\n",
    ),
    "no indicator at all": (
        "version: 7\nindicators: []\n",
        f'version: "8"\nindicators: \n  - code: MG01\n    status: adopted\n    note: >-\n      {REASON}\n',
    ),
    "no version, as an overlay may": (
        "# ours\nindicators:\n  - {code: MG01, status: pilot}\n",
        f'# ours\nversion: "8"\nindicators:\n  - {{code: MG01, status: adopted, note: "{REASON}"}}\n',
    ),
    "lines of Windows": (
        "version: 7\r\nindicators:\r\n  - code: MG01\r\n    status: pilot\r\n    unit: PT\r\n",
        'version: "8"\r\nindicators:\r\n  - code: MG01\r\n    status: adopted\r\n    unit: PT\r\n    note: >-\r\n'
        f"      {REASON}\r\n",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_keeps_its_layout(layout: str) -> None:
    text, expected = LAYOUTS[layout]
    proposal = propose_catalog(text, [decision("MG01", "adopted", reason_vi="Vì", reason_en="Why.")], version="7")
    assert proposal.text == expected
    assert apply(text, proposal.diff) == expected


def test_an_overlay_of_the_packaged_catalog_loads(tmp_path: Path) -> None:
    overlay = "indicators:\n  - code: MG01\n    note: Ghi chú của Ban\n"
    decisions = [decision("MG01", "adopted"), decision("MG02", "retired")]
    proposal = propose_catalog(overlay, decisions, version=load_contracts().catalog_version)
    loaded = load_with(tmp_path, proposal.text)
    assert (loaded.catalog_version, proposal.version) == ("2026.2", "2026.2")
    statuses = {code: one.status for code, one in loaded.indicators.items() if code in ("MG01", "MG02", "MG03")}
    assert statuses == {"MG01": "adopted", "MG02": "retired", "MG03": "pilot"}
    assert loaded.indicators["MG01"].note.startswith("Ghi chú của Ban Version 2026.2")


def test_a_reason_cannot_break_the_file() -> None:
    nasty = "a: b # c\n  - d\t'\" \x07 {e} \\ và một-từ-rất-dài " + "x" * 200
    for text in ('version: "1"\nindicators:\n  - code: MG01\n    status: pilot\n', LAYOUTS["in braces"][0]):
        found = read(propose_catalog(text, [decision("MG01", "adopted", reason_vi=nasty, reason_en="#y")]).text)
        assert "a: b # c - d '\" {e} \\ và một-từ-rất-dài " + "x" * 200 + " / #y" in found["MG01"]["note"]


REFUSED: dict[str, tuple[str, str]] = {
    "not YAML": ("version: [", "is not YAML"),
    "a list": ("- code: MG01", "must hold a mapping"),
    "empty": ("", "must hold a mapping"),
    "no indicators": ("version: 1\n", "must hold a list of mappings under the key 'indicators'"),
    "texts for indicators": ("indicators: [MG01]", "must hold a list of mappings"),
    "a list in brackets": ("indicators: [{code: MG02}]", "write one indicator per '- ' line"),
    "an alias for the status": (
        "x: &now pilot\nindicators:\n  - code: MG02\n    status: *now\n  - code: MG01\n    status: *now\n",
        "cannot be edited safely",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_edited_is_refused(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(ContractError, match=re.escape(message)):
        propose_catalog(text, [decision("MG01", "adopted")])


MUTATIONS: list[Callable[[str], str]] = [str.rstrip, lambda text: text + "\n\n# end\n", lambda text: text + "   \n"]


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_the_end_of_the_file_stays(mutate: Callable[[str], str]) -> None:
    text = mutate(CATALOG)
    last = list(read(text))[-1]
    proposal = propose_catalog(text, [decision(last, "retired", read(text)[last]["status"])])
    assert read(proposal.text)[last]["status"] == "retired"
    assert apply(text, proposal.diff) == proposal.text
    assert proposal.text[-20:].count("\n") >= text[-3:].count("\n")

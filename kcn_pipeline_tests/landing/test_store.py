"""Packs: bytes come back as they came, packs are whole or absent, and the manifests alone know what has landed."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import store
from kcn_pipeline.landing.store import (
    MANIFEST_SCHEMA,
    PERSONAL_DATA,
    Ledger,
    PackDamagedError,
    PackWriter,
    Payload,
    find_payloads,
    iterate_batches,
    iterate_payloads,
    read_content,
    read_manifest,
    receive,
    write_together,
)
from kcn_pipeline.secrecy import hide_name
from kcn_pipeline_tests.landing.conftest import NIGHT


def make_payload(name: str, content: bytes, metadata: Mapping[str, Any] | None = None, **fields: Any) -> Payload:
    return receive("inbox", name, f"inbox/{name}", content, metadata=metadata or {}, **fields)


def write(lake: Lake, *payloads: Payload, source: str = "inbox", night: str = NIGHT) -> None:
    with PackWriter(lake, source, night) as writer:
        for payload in payloads:
            writer.add(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            texts,
            st.binary(max_size=200),
            st.none() | texts,
            st.none() | texts,
            st.dictionaries(texts.filter(str.isalpha), json_values, max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_lands_comes_back_identical(rows: list[tuple[str, bytes, str | None, str | None, dict]]) -> None:
    payloads = [
        make_payload(name, content, metadata, modified_at=modified_at, etag=etag)
        for name, content, modified_at, etag, metadata in rows
    ]
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        write(lake, *payloads)
        assert list(iterate_payloads(lake, ["inbox"], NIGHT)) == payloads
        for payload in payloads:
            contents = [read_content(found) for found in find_payloads(lake, payload.sha256)]
            assert contents
            assert set(contents) == {payload.content}


def test_the_manifest_is_read_without_the_content(lake: Lake) -> None:
    assert read_manifest(lake).num_rows == 0
    write(lake, make_payload("a.xlsx", b"one", {"channel": "paper"}), make_payload("b.xlsx", b"two"))
    write(lake, make_payload("c.xlsx", b"three"), source="portal", night="2026-11-22")
    manifest = read_manifest(lake)
    assert manifest.column_names == ["night", *MANIFEST_SCHEMA.names]
    assert manifest["name"].to_pylist() == ["a.xlsx", "b.xlsx", "c.xlsx"]
    assert manifest["night"].to_pylist() == [NIGHT, NIGHT, "2026-11-22"]
    assert manifest["metadata"].to_pylist()[0] == '{"channel": "paper"}'
    assert manifest.schema.field("fetched_at").type == pa.timestamp("us", tz="UTC")
    assert read_manifest(lake, "portal")["size"].to_pylist() == [5]
    assert read_manifest(lake, "inbox", "2026-11-22").schema == manifest.schema


def test_payloads_of_a_night_come_source_by_source(lake: Lake) -> None:
    write(lake, make_payload("a", b"1"), source="one")
    write(lake, make_payload("b", b"2"), source="two")
    write(lake, make_payload("c", b"3"), source="one")
    write(lake, make_payload("d", b"4"), source="one", night="2026-11-22")
    names = [payload.name for payload in iterate_payloads(lake, ["two", "absent", "one"], NIGHT)]
    assert names == ["b", "a", "c"]


def test_packs_are_closed_by_size_and_by_count(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PACK_BYTES", 10)
    monkeypatch.setattr(store, "PACK_PAYLOADS", 3)
    write(
        lake, *(make_payload(f"{i}", b"x") for i in range(7)), make_payload("large", b"x" * 50), make_payload("z", b"")
    )
    rows = [pq.read_metadata(pack).num_rows for pack in lake.packs("inbox", NIGHT)]
    assert rows == [3, 3, 2, 1]
    assert read_manifest(lake)["name"].to_pylist() == [*"0123456", "large", "z"]


def test_a_crash_leaves_whole_packs_and_the_next_run_adds_to_them(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PACK_PAYLOADS", 2)

    def crash() -> None:
        with PackWriter(lake, "inbox", NIGHT) as writer:
            for number in range(3):
                writer.add(make_payload(f"{number}", b"%d" % number))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    before = {pack: pack.read_bytes() for pack in lake.packs()}
    assert read_manifest(lake)["name"].to_pylist() == ["0", "1"]
    ledger = Ledger.read(lake, "inbox")
    write(lake, *(make_payload(f"{n}", b"%d" % n) for n in range(3) if ledger.named(f"{n}") is None))
    assert read_manifest(lake)["name"].to_pylist() == ["0", "1", "2"]
    assert {pack: pack.read_bytes() for pack in before} == before, "a pack is written once"
    leftovers = [path for path in lake.landing_dir.rglob("*") if path.is_file() and path not in lake.packs()]
    assert not leftovers


def test_payloads_that_belong_together_are_one_pack_of_small_row_groups(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PACK_BYTES", 10)
    payloads = [make_payload(f"{n}.json", b"x" * size) for n, size in enumerate((5, 4, 0, 5, 3))]
    write_together(lake, "inbox", NIGHT, payloads)
    (pack,) = lake.packs("inbox", NIGHT)
    assert pq.ParquetFile(pack).num_row_groups == 3, "two of the largest fill a pack"
    assert list(iterate_payloads(lake, ["inbox"], NIGHT)) == payloads
    write_together(lake, "inbox", NIGHT, [make_payload("empty.json", b""), make_payload("large.json", b"x" * 11)])
    assert len(lake.packs("inbox", NIGHT)) == 2


def test_nothing_to_land_writes_no_pack(lake: Lake) -> None:
    write(lake)
    assert lake.packs() == []


def test_payloads_are_found_by_digest_name_and_last_part_of_the_name(lake: Lake) -> None:
    composed, decomposed = (unicodedata.normalize(form, "nộp/Báo cáo.xlsx") for form in ("NFC", "NFD"))
    first, second = make_payload(decomposed, b"first"), make_payload(decomposed, b"second")
    write(lake, first, make_payload("other.xlsx", b"other"))
    write(lake, second, night="2026-11-22")
    for wanted in (composed, decomposed, composed[4:]):
        assert [read_content(found) for found in find_payloads(lake, wanted)] == [b"first", b"second"]
    (found,) = find_payloads(lake, second.sha256[:8].upper())
    assert (found.night, found.receipt.name) == ("2026-11-22", decomposed)
    assert find_payloads(lake, second.sha256[:5]) == []
    assert find_payloads(lake, "cáo.xlsx") == []


def test_payloads_are_found_by_what_messages_call_them(lake: Lake) -> None:
    payload = make_payload("Nguyễn Văn Mẫu.XLSX", b"first")
    write(lake, payload, make_payload("other.xlsx", b"other"))
    (found,) = find_payloads(lake, hide_name(payload.sha256, payload.name))
    assert found.receipt.name == payload.name
    for wanted in (payload.sha256[:12] + ".csv", payload.sha256[:5] + ".xlsx", payload.sha256[:12] + "."):
        assert find_payloads(lake, wanted) == []


def test_a_damaged_payload_of_a_person_is_not_named(lake: Lake) -> None:
    payload = receive("inbox", "Nguyễn Văn Mẫu.csv", "", b"right", metadata={PERSONAL_DATA: True})
    write(lake, payload)
    (pack,) = lake.packs()
    table = pq.read_table(pack, partitioning=None)
    content = pa.array([b"wrong"], pa.large_binary())
    pq.write_table(table.set_column(table.num_columns - 1, table.field("content"), content), pack)
    for read in (iterate_payloads, iterate_batches):
        with pytest.raises(PackDamagedError) as caught:
            list(read(lake, ["inbox"], NIGHT))
        assert hide_name(payload.sha256, payload.name) in str(caught.value)
        assert "Mẫu" not in str(caught.value)


def test_the_row_of_a_payload_is_found_across_row_groups(lake: Lake) -> None:
    write(lake, *(make_payload(f"{number}", b"%d" % number) for number in range(600)))
    (pack,) = lake.packs()
    assert pq.read_metadata(pack).num_row_groups > 1
    for name in ("0", "255", "256", "599"):
        (found,) = [each for each in find_payloads(lake, name) if each.receipt.name == name]
        assert read_content(found) == name.encode()


def test_a_damaged_pack_is_not_served(lake: Lake) -> None:
    payload = make_payload("a.xlsx", b"right")
    write(lake, payload)
    (pack,) = lake.packs()
    table = pq.read_table(pack, partitioning=None)
    content = pa.array([b"wrong"], pa.large_binary())
    pq.write_table(table.set_column(table.num_columns - 1, table.field("content"), content), pack)
    with pytest.raises(PackDamagedError, match=r"a\.xlsx"):
        read_content(find_payloads(lake, "a.xlsx")[0])
    with pytest.raises(PackDamagedError, match="restore"):
        list(iterate_payloads(lake, ["inbox"], NIGHT))


def test_the_ledger_knows_the_newest_payload_of_a_name_only(lake: Lake) -> None:
    old = make_payload("a", b"old", modified_at="2026-01-01T00:00:00+00:00")
    new = make_payload("a", b"newer", modified_at="2026-02-01T00:00:00+00:00")
    # Nights may be landed in any order; what counts is when the bytes came.
    write(lake, old, night="2026-11-22")
    write(lake, new, night=NIGHT)
    write(lake, make_payload("a", b"elsewhere"), source="other")
    ledger = Ledger.read(lake, "inbox")
    assert ledger.has_seen("a", 5, new.modified_at, None)
    assert not ledger.has_seen("a", 3, old.modified_at, None)
    assert not ledger.has_seen("a", 5, new.modified_at, "etag")
    assert ledger.twin(new.sha256) is not None
    assert ledger.twin(old.sha256) is None
    assert [receipt.fetched_at for receipt in ledger.receipts] == [old.fetched_at, new.fetched_at]
    assert not hasattr(ledger.receipts[0], "content")


def test_without_time_and_etag_nothing_is_known_as_seen() -> None:
    ledger = Ledger()
    ledger.note(make_payload("a", b"x"))
    assert not ledger.has_seen("a", 1, None, None)
    assert not hasattr(ledger.receipts[0], "content"), "the ledger must not keep tonight's bytes in memory"


def test_the_time_of_landing_is_utc() -> None:
    before = datetime.now(UTC)
    payload = make_payload("a", b"x")
    assert before <= payload.fetched_at <= datetime.now(UTC)
    assert "content" not in repr(payload)

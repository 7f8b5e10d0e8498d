"""WHAT GOES WRONG in real files: every case with its name, what it does and which files it suits.

It must not decide how much is spoiled (`simulation.py`). The surprising fact: most cases must be read all the same;
only a minority is refused, and then as little as possible: a figure before a report, a report before a file.
"""

import unicodedata
from collections.abc import Callable

from kcn_pipeline_tests.simulate import broken_files
from kcn_pipeline_tests.simulate.dirt import numbers, sheets, texts
from kcn_pipeline_tests.simulate.dirt.bench import Spoil, is_quarterly
from kcn_pipeline_tests.simulate.filing import Filing
from kcn_pipeline_tests.simulate.legacy_fonts import to_tcvn3, to_vni
from kcn_pipeline_tests.simulate.reports import Place


def _has(place: Place, at_least: float = 0.01) -> Callable[[Filing], bool]:
    def suits(filing: Filing) -> bool:
        value = filing.reports[0].cells.get(place) if is_quarterly(filing) else None
        return isinstance(value, int | float) and value >= at_least

    return suits


def _is_clear(filing: Filing) -> bool:
    """Whether the figures, typed as text, show their convention: a decimal, or two separators in one figure."""
    return is_quarterly(filing) and (not _is_foreign(filing) or _has(("II", "A"), 1_000_000)(filing))


def _is_foreign(filing: Filing) -> bool:
    firm = filing.reports[0].enterprise
    return is_quarterly(filing) and firm is not None and firm.currency == "USD"


def _is_ambiguous(filing: Filing) -> bool:
    return is_quarterly(filing) and bool(numbers.ambiguous(filing))


#: Cases that spoil one quarterly workbook; they can be spread over many files.
SPOILS: tuple[Spoil, ...] = (
    Spoil(
        "numbers_as_text_vi", "figures typed as text, 2.677,6", lambda b: numbers.type_as_text(b, ",", "."), _is_clear
    ),
    Spoil(
        "numbers_as_text_en", "figures typed as text, 2,677.6", lambda b: numbers.type_as_text(b, ".", ","), _is_clear
    ),
    Spoil("undecidable_column", "only texts such as 3.946 in a column", numbers.undecidable, _is_ambiguous),
    Spoil("malformed_number", "2.811.08", numbers.refuse(("III", "A"), "2.811.08", "malformed_number")),
    Spoil("range", "a range instead of a figure", numbers.refuse(("II", "A"), "10 - 20", "range_not_number")),
    Spoil("qualifier", "khoảng 20, trên 600", numbers.qualified),
    Spoil("negative_impossible", "imports below zero", numbers.negative_impossible),
    Spoil("negative_allowed", "net loans below zero", numbers.negative_allowed),
    Spoil("total_mismatch", "a total that its parts do not add up to", numbers.total_mismatch),
    Spoil("formula_error", "a cell that shows #REF!", numbers.formula_error),
    Spoil("cached_formulas", "totals as formulas", numbers.cached_formulas),
    Spoil("empty_required", "required figures left empty or a dash", numbers.empty_required),
    Spoil("thousand_usd", "amounts in nghìn USD, oddly spaced", numbers.thousand_usd, _is_foreign),
    Spoil("billion_vnd", "amounts in tỷ đồng instead of triệu", numbers.billion_vnd),
    Spoil("kilograms", "coal in kg instead of tonnes", numbers.kilograms, _has(("VI.2", "A"))),
    Spoil("unknown_unit", "oil in `can nhựa`", numbers.unknown_unit, _has(("VI.3", "A"))),
    Spoil("no_currency", "the sheet does not say which currency", numbers.no_currency, _is_foreign),
    Spoil("text_nfd", "decomposed Unicode", texts.rewritten(lambda t: unicodedata.normalize("NFD", t))),
    Spoil("text_old_tone", "old tone placement, luỹ for lũy", texts.rewritten(texts.to_old_tone)),
    Spoil("text_eth", "the letter Ð for Đ", texts.rewritten(lambda t: t.replace("Đ", "Ð"))),
    Spoil("text_tcvn3", "TCVN3 seen as Latin-1", texts.rewritten(to_tcvn3, "legacy_text_decoded")),
    Spoil("text_vni", "VNI seen as Latin-1", texts.rewritten(to_vni, "legacy_text_decoded")),
    Spoil("line_breaks", "hard line breaks in cells", texts.rewritten(texts.break_lines)),
    Spoil("formula_text", "a remark that begins with = + - @", texts.formula_text),
    Spoil("formula_as_number", "=1000+2000 as text", numbers.refuse(("IV", "A"), "=1000+2000", "unreadable_number")),
    Spoil("hidden_rows", "hidden rows with figures", sheets.hidden_rows),
    Spoil("extra_sheets", "sheets that are no form", sheets.extra_sheets),
    Spoil("columns_moved", "unit before code", sheets.restyled(columns=("unit", "code", "label", "values"))),
    Spoil(
        "column_inserted", "a column of remarks", sheets.restyled(columns=("code", "label", "note", "unit", "values"))
    ),
    Spoil("columns_swapped", "value columns in reverse order", sheets.restyled(swapped=True)),
    Spoil("label_changed", "an item that bears another label", sheets.label_changed),
    Spoil("duplicate_item", "an item that stands twice", sheets.duplicate_item),
    Spoil("tax_code_as_number", "a tax code without its zero", sheets.tax_code_as_number),
    Spoil("park_variant", "the park in other words, in an address", sheets.park_variant),
    Spoil("unknown_tax_code", "a tax code nobody has", sheets.unknown_tax_code),
    Spoil("two_digit_year", "the year typed 25", sheets.two_digit_year),
    Spoil("future_period", "a period in the future", sheets.future_period),
    Spoil("unknown_park", "a park that does not exist", sheets.unknown_park),
    Spoil("unknown_form", "a workbook without a known form", sheets.unknown_form),
    Spoil("empty_file", "0 bytes", sheets.broken("empty_file", bytes)),
    Spoil("truncated_file", "a file cut off", sheets.cut_off),
    Spoil("encrypted_file", "a workbook with a password", sheets.broken("encrypted_file", broken_files.locked)),
    Spoil("pdf_as_xlsx", "a PDF named .xlsx", sheets.broken("not_a_workbook", broken_files.fake_pdf)),
    Spoil("html_as_xlsx", "a web page named .xlsx", sheets.broken("not_a_workbook", broken_files.fake_html)),
    Spoil("zip_bomb", "unpacks to 250 MB", sheets.broken("zip_bomb", broken_files.bomb)),
)

"""Vietnamese text as the sources really hold it, made readable: numbers, dates, periods, text, legacy fonts, keys.

Everything here is a pure function over one cell, one sheet or one file and must not know a form, a table or pandas. The
surprising fact: nothing is guessed; what cannot be read for certain comes back as a problem code with a suggestion.

    encodings   bytes of a text file → text          numbers   `2.677,6`, `khoảng 20`, `966,358 triệu USD`
    legacy      TCVN3 and VNI → Unicode              dates     dates and reporting periods
    text        clean, canonical, fold               keys      tax codes, park names
    syllables   which words can be Vietnamese (the judge behind legacy)
"""

from kcn_pipeline.staging.vietnamese.dates import Period, ReadDate, read_date, read_excel_date, read_period
from kcn_pipeline.staging.vietnamese.encodings import UnreadableTextError, decode_bytes
from kcn_pipeline.staging.vietnamese.keys import TaxCode, park_name_key, read_tax_code
from kcn_pipeline.staging.vietnamese.legacy import (
    LegacyEncoding,
    convert_legacy,
    decode_legacy,
    decode_sheet,
    detect_legacy,
)
from kcn_pipeline.staging.vietnamese.numbers import (
    Convention,
    Decision,
    Number,
    decide_convention,
    format_number,
    is_missing,
    read_number,
)
from kcn_pipeline.staging.vietnamese.text import canonical, clean, fold

__all__ = [
    "Convention",
    "Decision",
    "LegacyEncoding",
    "Number",
    "Period",
    "ReadDate",
    "TaxCode",
    "UnreadableTextError",
    "canonical",
    "clean",
    "convert_legacy",
    "decide_convention",
    "decode_bytes",
    "decode_legacy",
    "decode_sheet",
    "detect_legacy",
    "fold",
    "format_number",
    "is_missing",
    "park_name_key",
    "read_date",
    "read_excel_date",
    "read_number",
    "read_period",
    "read_tax_code",
]

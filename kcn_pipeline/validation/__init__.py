"""WHAT MAY PASS: the rules of the contracts judge tonight's staged rows into accepted, quarantined and findings.

It must not parse a source nor compute an indicator. The surprising fact: Great Expectations judges and pandas counts,
so that neither does the other's work, and a night that staged nothing never imports Great Expectations (250 MB, 3 s).

* Great Expectations answers every question a contract asks of a table: do its columns exist with their types, are
  values present, in range, in a code list, of a pattern, in another table, in order, not in the future, unique; how
  many rows there are and how new they are. One suite per table is built from the contract (`suites.py`).
* Plain pandas, Arrow and Python do what is no expectation: find the enterprise behind a tax code (`reports.py`), merge
  a register into its dated versions (`versions.py`), tell a repeated row from a contradicting one (`keys.py`), refuse a
  batch (`batches.py`), split rows and write down why (`split.py`, `texts.py`).
* Where an expectation would copy a large set (GX copies a value set some hundred times: 0.3 s for 3,000 codes), Arrow
  prepares a column that already holds the answer and the expectation judges that (`context.py`).
"""

from kcn_pipeline.validation.outcomes import CheckOutcome, ConservationError, TableResult, TopicResult
from kcn_pipeline.validation.topics import validate_topic

__all__ = ["CheckOutcome", "ConservationError", "TableResult", "TopicResult", "validate_topic"]

"""The way in: validates one night of one topic and writes all of its slices.

It must not know how a topic does it. The surprising fact: a topic that staged nothing still empties its slices of the
night, so that running a night again after a source took something back leaves nothing of the first run.
"""

from collections.abc import Callable

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.secrecy import load_secret
from kcn_pipeline.validation.figures import validate_figures
from kcn_pipeline.validation.monitoring import validate_monitoring
from kcn_pipeline.validation.outcomes import TableResult, TopicResult
from kcn_pipeline.validation.register import validate_register
from kcn_pipeline.validation.reports import validate_reports
from kcn_pipeline.validation.results import write_findings
from kcn_pipeline.validation.survey import validate_survey

_Validate = Callable[[Lake, Contracts, str], tuple[dict[str, TableResult], list[pa.Table]]]

#: Topics in the order in which they must be validated: reports look up the register.
_TOPICS: dict[str, _Validate] = {
    "register": validate_register,
    "enterprise_reports": validate_reports,
    "published_figures": validate_figures,
    "monitoring": validate_monitoring,
    "survey": lambda lake, contracts, night: validate_survey(lake, contracts, night, load_secret(lake.data_dir)),
}
TOPICS = tuple(_TOPICS)


def validate_topic(lake: Lake, contracts: Contracts, topic: str, night: str) -> TopicResult:
    """Judge what a night staged for a topic; write accepted rows, quarantine and findings; return the counts.

    Reads `staging/<table>` of the night; makes `validation/<table>`, `quarantine/<table>` and
    `validation/<topic>_findings` of the night exactly what it found. Raises KeyError for an unknown topic and
    ConservationError when a row was lost.
    """
    results, findings = _TOPICS[topic](lake, contracts, night)
    write_findings(lake, topic, night, findings)
    return TopicResult(topic, night, results)

"""Report sheets → submissions and their figures, as the form contracts describe them.

It must not judge a figure (that is `validation/`) and drops no row. The surprising fact: sheets that are laid out alike
share one `Layout`, worked out once, so a night of 3,000 forms costs little more than reading their cells.
"""

from kcn_pipeline.staging.forms.assemble import tabulate_reports
from kcn_pipeline.staging.forms.reader import FormReader

__all__ = ["FormReader", "tabulate_reports"]

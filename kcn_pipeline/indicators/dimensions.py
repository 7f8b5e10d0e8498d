"""The dimensions of the warehouse as Arrow tables: areas, parks, enterprises, stations, indicators, periods.

It must not hold a figure of a period. The surprising fact: a park is two areas of one code, before and after the merger
of its province, while its own row of the register never changed.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.indicators import Indicator, Target
from kcn_pipeline.indicators.catalog import describe_operand, is_collected
from kcn_pipeline.indicators.periods import list_periods
from kcn_pipeline.indicators.registers import BOARD, province_on
from kcn_pipeline.indicators.slices import newest_register
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import conform

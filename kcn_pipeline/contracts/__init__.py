"""WHAT DATA MUST BE: tables, forms, indicators, units, limits and corrections as dated data with source and confidence.

It holds YAML and the models that read it strictly, never code that acts on data. The surprising fact: the code
elsewhere knows almost no name of a form, field or indicator; they all live here.
"""

from kcn_pipeline.contracts.errors import ContractError, Problem
from kcn_pipeline.contracts.loaded import Contracts, fingerprint
from kcn_pipeline.contracts.loader import load_contracts

__all__ = ["ContractError", "Contracts", "Problem", "fingerprint", "load_contracts"]

"""What one contract says of another must exist: units, code lists, measures, tables, forms, rules.

It must not check SQL (that is `indicators/catalog.py`). The surprising fact: a dangling name is found here, before
anything runs, because at two in the morning it would be a missing figure instead of an error.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations

from kcn_pipeline.contracts.errors import Problem
from kcn_pipeline.contracts.forms import Form
from kcn_pipeline.contracts.loaded import Contracts
from kcn_pipeline.contracts.tables import Table

#: From this share of equal item labels on, the labels of two forms do not tell their sheets apart.
_SAME_LABELS = 0.9


def check_links(contracts: Contracts) -> list[Problem]:
    """Every name in the contracts that points nowhere."""
    problems: list[Problem] = []
    for name, table in contracts.tables.items():
        problems += [contracts.problem("tables", name, inner, reason) for inner, reason in _table(contracts, table)]
    for name, form in contracts.forms.items():
        problems += [contracts.problem("forms", name, inner, reason) for inner, reason in _form(contracts, form)]
    problems += _twins(contracts)
    problems += _measures(contracts)
    problems += _indicators(contracts)
    form_codes = {form.code for form in contracts.forms.values()}
    for key, deadline in contracts.deadlines.items():
        if deadline.form not in form_codes:
            problems.append(contracts.problem("deadlines", key, ["form"], f"no form has the code {deadline.form!r}"))
    for key, correction in contracts.corrections.items():
        if correction.table not in contracts.tables:
            problems.append(contracts.problem("corrections", key, ["table"], f"no table {correction.table!r}"))
    return problems


def _table(contracts: Contracts, table: Table) -> Iterator[tuple[list[str | int], str]]:
    for index, column in enumerate(table.columns):
        if column.codes and column.codes not in contracts.code_lists:
            yield ["columns", index, "codes"], f"no code list {column.codes!r}"
        if column.unit and column.unit not in contracts.units:
            yield ["columns", index, "unit"], f"no unit {column.unit!r}"
    names = {column.name for column in table.columns}
    for index, rule in enumerate(table.rules):
        if rule.rule not in contracts.rules:
            yield ["rules", index, "rule"], f"rules.yaml has no text for {rule.rule!r}"
        said = rule.model_dump()
        used = [said.get(part) for part in ("column", "when", "low", "high", "total")] + list(said.get("parts") or ())
        for name in used:
            if name is not None and name not in names:
                yield ["rules", index], f"the table has no column {name!r}"
        if rule.kind == "reference" and rule.table not in contracts.tables:
            yield ["rules", index, "table"], f"no table {rule.table!r}"


def _form(contracts: Contracts, form: Form) -> Iterator[tuple[list[str | int], str]]:
    for index, field in enumerate(form.fields):
        for unit in (field.unit, *field.unit_by_column.values()):
            if unit and unit not in contracts.units:
                yield ["fields", index, "unit"], f"no unit {unit!r} in units.yaml"
        for measure in field.measures.values():
            if measure not in contracts.measures:
                yield ["fields", index, "measures"], f"no measure {measure!r} in measures.yaml"
            elif contracts.measures[measure].derive:
                yield ["fields", index, "measures"], f"measure {measure!r} is derived; a field cannot feed it"


def _twins(contracts: Contracts) -> Iterator[Problem]:
    """Forms whose sheets cannot be told apart: chance would decide which of them a report is."""
    for (name, form), (other_name, other) in combinations(contracts.forms.items(), 2):
        if _hold_together(form, other) and _look_alike(form, other):
            reason = f"sheets of {other_name} cannot be told from those of {name}: equal title, codes and item labels; "
            reason += "give it its own title or codes, or end one with valid_to before the other begins"
            yield contracts.problem("forms", other_name, ["recognise"], reason)


def _hold_together(form: Form, other: Form) -> bool:
    begins = max(form.valid_from or date.min, other.valid_from or date.min)
    return begins <= min(form.valid_to or date.max, other.valid_to or date.max)


def _look_alike(form: Form, other: Form) -> bool:
    one, two = form.recognise, other.recognise
    if not _plain(one.titles) & _plain(two.titles) or _plain(one.codes) != _plain(two.codes):
        return False
    if _plain(one.without) != _plain(two.without):
        return False
    labels, others = (_plain(field.label for field in each.fields) for each in (form, other))
    return len(labels & others) >= _SAME_LABELS * max(len(labels), len(others))


def _plain(texts: Iterable[str]) -> set[str]:
    """Texts as people compare them: letter case and spacing aside."""
    return {" ".join(text.casefold().split()) for text in texts}


def _measures(contracts: Contracts) -> Iterator[Problem]:
    form_codes = {form.code for form in contracts.forms.values()}
    fed = {m for form in contracts.forms.values() for field in form.fields for m in field.measures.values()}
    for name, measure in contracts.measures.items():
        if measure.unit not in contracts.units:
            yield contracts.problem("measures", name, ["unit"], f"no unit {measure.unit!r} in units.yaml")
        for code in measure.forms:
            if code not in form_codes:
                yield contracts.problem("measures", name, ["forms"], f"no form has the code {code!r}")
        if not measure.derive and name not in fed:
            yield contracts.problem("measures", name, [], "no form field feeds this measure and it has no derive")


def _indicators(contracts: Contracts) -> Iterator[Problem]:
    for code, indicator in contracts.indicators.items():
        if indicator.unit not in contracts.units:
            yield contracts.problem("indicators", code, ["unit"], f"no unit {indicator.unit!r} in units.yaml")
        for name in ("numerator", "denominator"):
            operand = getattr(indicator, name)
            table = operand and contracts.tables.get(operand.from_)
            if operand and (table is None or table.usage is None):
                usable = sorted(t for t, contract in contracts.tables.items() if contract.usage)
                reason = f"no table {operand.from_!r} to compute from; there are {usable}"
                yield contracts.problem("indicators", code, [name, "from"], reason)

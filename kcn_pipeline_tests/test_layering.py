"""Every dependency has one home: the imports of every module are read with `ast` and held against the table."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kcn_pipeline"

#: Third-party packages that have a home: package → folders or modules that may import it, lazily or not.
HOMES = {
    "dagster": {"defs", "definitions.py", "cli"},
    "requests": {"landing"},
    "fsspec": {"landing"},
    "asyncssh": {"landing"},
    "pandas": {"staging", "validation"},
    "numpy": {"staging", "validation", "indicators"},
    "openpyxl": {"xlsform.py"},
    "python_calamine": {"staging"},
    "olefile": {"staging"},
    "great_expectations": {"validation"},
    "duckdb": {"engine.py"},
    "sqlglot": {"engine.py", "indicators"},
    "sqlalchemy": {"warehouse", "marts"},
    "psycopg": {"warehouse"},
    "pydantic": {"contracts", "defs"},
    "yaml": {"contracts"},
    "pyarrow": {
        "landing", "staging", "validation", "indicators", "engine.py", "lake.py", "schemas.py", "findings.py", "defs",
    },
}  # fmt: skip

#: Our own parts: who may import whom. The stages know the lake and the contracts, never each other.
FOUNDATION = {"contracts", "settings", "lake", "schemas", "findings", "periods"}
OWN = {
    "contracts": {"contracts"},
    "landing": {"landing", "secrecy", *FOUNDATION},
    "staging": {"staging", "secrecy", *FOUNDATION},
    "validation": {"validation", "engine", "secrecy", *FOUNDATION},
    "indicators": {"indicators", "engine", *FOUNDATION},
    "engine.py": FOUNDATION,
    "warehouse": {"warehouse", "marts", "secrecy", *FOUNDATION},
    "marts": {"marts"},
    "lake.py": set(),
    "settings.py": set(),
    "secrecy.py": {"settings"},
    "xlsform.py": {"contracts"},
    "periods.py": set(),
    "schemas.py": {"contracts"},
    "findings.py": {"contracts"},
}


@cache
def _imports() -> list[tuple[str, str, int, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import on line {node.lineno}"
                names = [node.module or ""]
                if node.module == "kcn_pipeline":
                    names = [f"kcn_pipeline.{alias.name}" for alias in node.names]
            else:
                continue
            found += [(str(path.relative_to(PACKAGE)), part, node.lineno, name) for name in names]
    return found


def test_reads_real_imports() -> None:
    """The reader sees imports at all, lazy ones included; otherwise the tests below could not fail."""
    seen = {(part, name.split(".")[0]) for _, part, _, name in _imports()}
    assert {("defs", "dagster"), ("validation", "great_expectations"), ("engine.py", "duckdb")} <= seen


@pytest.mark.parametrize("package", sorted(HOMES))
def test_dependency_stays_at_home(package: str) -> None:
    strays = [
        f"{file}:{line} imports {name}"
        for file, part, line, name in _imports()
        if name.split(".")[0] == package and part not in HOMES[package]
    ]
    assert strays == []


def test_great_expectations_is_imported_inside_functions_only() -> None:
    top = [
        str(path)
        for path in (PACKAGE / "validation").rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "great_expectations" in ast.unparse(node)
    ]
    assert top == []


def test_parts_import_only_what_they_may() -> None:
    strays = [
        f"{file}:{line} imports {name}"
        for file, part, line, name in _imports()
        if name.startswith("kcn_pipeline.") and part in OWN and name.split(".")[1] not in OWN[part]
    ]
    assert strays == []


def test_every_third_party_import_has_a_home() -> None:
    import sys

    unknown = {
        name.split(".")[0]
        for _, _, _, name in _imports()
        if name.split(".")[0] not in {*HOMES, "kcn_pipeline", *sys.stdlib_module_names}
    }
    assert unknown == set()

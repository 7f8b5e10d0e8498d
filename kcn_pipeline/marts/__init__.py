"""WHAT ONE AUDIENCE ASKS: one portable SQL view per file, its audience, grain and columns in the header.

It must not hold anything but views over `dim_` and `fct_` tables. The surprising fact: no mart reads another one, so
their order does not matter; what two of them share stands in both and a test keeps it equal.
"""

from importlib.resources import files


def list_marts() -> tuple[str, ...]:
    """The names of all marts, in name order."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql")))


def read_mart(name: str) -> str:
    """The `CREATE VIEW` statement of a mart with its header; raises FileNotFoundError."""
    return files(__name__).joinpath(f"{name}.sql").read_text("utf-8")

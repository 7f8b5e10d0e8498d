"""What can go wrong between a batch and the warehouse, told so that an operator knows what to do.

    WarehouseError
    ├── SchemaMismatchError    the database was made by another version of the tables
    └── PublishAuditError      the batch, or what it left in the tables, broke a rule; nothing was published

It holds exceptions and must not hold a rule. The surprising fact: whichever is raised, the warehouse still serves the
last good night, because a night is one transaction.
"""

from collections.abc import Iterable


class WarehouseError(RuntimeError):
    """The warehouse cannot be used; the message says what to do."""


class SchemaMismatchError(WarehouseError):
    """The existing tables are not the ones this version writes. Carries the differences found."""

    def __init__(self, address: str, differences: Iterable[str]) -> None:
        self.differences = tuple(differences)
        super().__init__(
            f"the warehouse {address} has other tables than this version writes: {'; '.join(self.differences)}. "
            "Its data is not lost: point KCN_WAREHOUSE_URL to a new, empty database (or move the file away) "
            "and run `kcn replay`, which rebuilds every night from landing."
        )


class PublishAuditError(WarehouseError):
    """The night was rolled back. Carries every check that failed, each naming table, column and keys."""

    def __init__(self, night: str, failures: Iterable[str]) -> None:
        self.failures = tuple(failures)
        super().__init__(
            f"night {night} was not published, the warehouse keeps the night before: " + "; ".join(self.failures)
        )

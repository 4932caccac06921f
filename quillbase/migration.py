"""What a Python migration is given. These names stay as they are until the next major version.

    from quillbase.migration import Depot


    def up(depot: Depot) -> None:
        depot.run("UPDATE notes SET title = trim(title)")


    def down(depot: Depot) -> None:  # may be left out
        ...

Nothing is done while the function runs: what it asks for is applied afterwards, in its order, as one
transaction with the entry in the history. So everything that is read is the state before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Collections", "Depot"]

Value = None | int | float | str | bytes


class Collections(Protocol):
    """The collections of the database, as they will be after what was asked for so far."""

    def get(self, name: str, /) -> dict[str, Any] | None:
        """The definition of a collection by its name or id, as the API shows it."""

    def all(self) -> list[dict[str, Any]]:
        """All definitions."""

    def put(self, *definitions: Mapping[str, Any]) -> None:
        """Create collections, or change them: `change` without `delete`."""

    def delete(self, *names: str) -> None:
        """Delete collections with all their records, by names or ids: `change` without `put`."""

    def change(self, put: Sequence[Mapping[str, Any]] = (), delete: Sequence[str] = ()) -> None:
        """Create, change and delete together, so that definitions may refer to one another.

        A collection is known by its id, else by its name. Each key of a definition replaces the
        former; `fields` and `indexes` are whole lists, and what is not in them goes. Fields are
        known by their ids, else by their names. Raises an error that tells what is wrong.
        """


class Depot(Protocol):
    """One database of the depot."""

    @property
    def collections(self) -> Collections:
        """Its collections."""

    def run(self, sql: str, params: Sequence[Value] = ()) -> None:
        """Ask for a statement, whose `?` stand for `params`, or for several without any.

        Raises ValueError for what has no place in a migration.
        """

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[dict[str, Value]]:
        """The rows of a query over the state before the migration. Raises an error of SQLite's."""

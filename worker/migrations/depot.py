"""The `depot` that a Python migration is given: it reads one state and queues what is to be done.

`quillbase.migration` promises its names. Nothing is written here; what is queued becomes one plan.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from shared.dates import now_text
from shared.errors import invalid
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Step, Value, run
from worker.catalog.collections import compile_and_change
from worker.catalog.import_list import imported
from worker.engine.offline import OfflineReader
from worker.migrations.exchange import Answer, Queued
from worker.migrations.script import ScriptError, Statement, split
from worker.migrations.shown import changes
from worker.migrations.statement import executable, judge

_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # half a character: no UTF-8 can hold it


class MigratedDepot:
    """One database of the depot. `label`: the file whose lines are told."""

    def __init__(self, path: Path, label: str) -> None:
        """Hold the database's present state. Raises ReadError, and as `OfflineReader.catalog`."""
        self._state = OfflineReader(path, held=True)
        self._label = label
        self._before = self._state.catalog()
        self._queued: list[Queued] = []
        self.collections = MigratedCollections(self, self._before)
        self.has_collections = self._state.has_collections

    def run(self, sql: str, params: Sequence[Value] = ()) -> None:
        """Queue statements. Raises ValueError for one that has no place in a migration."""
        try:
            statements = split(sql)
            for statement in statements:
                judge(statement, parameters=bool(params))
        except ScriptError as error:
            raise ValueError(f"{error} (line {error.line} of the statement)") from None
        if params:
            _check_values(statements, params)
        for statement in statements:
            self.queue([run(executable(statement), tuple(params))])

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[dict[str, Value]]:
        """What a query finds in the state before the migration. Raises ReadError."""
        return self._state.named_rows(sql, params)

    def queue(self, steps: Sequence[Step]) -> None:
        """Add steps, under the line of the migration that is at work."""
        line = self._line()
        self._queued += [Queued(step, line) for step in steps]

    def answer(self) -> Answer:
        """All that was asked for."""
        after = self.collections.present
        put, deleted = changes(self._before, after.all())
        return Answer(
            catalog_version=self._before.version,
            steps=tuple(self._queued),
            rows=tuple(one.to_row() for one in after.all()),
            put=tuple(put),
            deleted=tuple(deleted),
        )

    def _line(self) -> int:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the public way is slow
        while frame is not None and frame.f_code.co_filename != self._label:
            frame = frame.f_back
        return 0 if frame is None else frame.f_lineno


class MigratedCollections:
    """The collections, as they will be after what is queued so far."""

    def __init__(self, depot: MigratedDepot, catalog: Catalog) -> None:
        self._depot = depot
        self.present = catalog

    def get(self, name: str) -> dict[str, Any] | None:
        """The definition of that name or id, as the API shows it."""
        found = self.present.find(name)
        return None if found is None else found.to_json()

    def all(self) -> list[dict[str, Any]]:
        """All definitions."""
        return [one.to_json() for one in self.present.all()]

    def put(self, *definitions: Mapping[str, Any]) -> None:
        """Create or change; see `change`."""
        self.change(put=definitions)

    def delete(self, *names: str) -> None:
        """Delete; see `change`."""
        self.change(delete=names)

    def change(self, put: Sequence[Mapping[str, Any]] = (), delete: Sequence[str] = ()) -> None:
        """Create, change and delete together, so that they may refer to one another.

        Each key that a definition holds replaces the former; `fields` and `indexes` are complete
        lists. A collection is known by its id, else by its name. Raises QuillError.
        """
        if not self._depot.has_collections:
            raise invalid("Only the database main has collections.")
        now, before = now_text(), self.present
        gone = [self._deletable(name) for name in delete]
        left: Sequence[Collection] = [one for one in before.all() if one not in gone]
        own: frozenset[str] = frozenset()
        if put:
            around = Catalog(before.version, left)
            left, own = imported(around, put, now, delete_missing=False, whole_fields=True)
        self._refuse_dangling(Catalog(before.version, left), gone)
        after, steps = compile_and_change(before, left, own, now)
        self._depot.queue(steps)
        self.present = after

    def _deletable(self, name: str) -> Collection:
        found = self.present.find(name)
        if found is None:
            raise invalid(f"There is no collection {name}.")
        if found.system:
            raise invalid("System collections cannot be deleted.")
        return found

    @staticmethod
    def _refuse_dangling(left: Catalog, gone: Sequence[Collection]) -> None:
        for one in gone:
            names = sorted({other.name for other, _ in left.references_to(one)})
            if names:
                raise invalid(f"{one.name} is referenced by {', '.join(names)}.")


def _check_values(statements: Sequence[Statement], params: Sequence[object]) -> None:
    """Here, where the program's line is known, rather than in the writer. Raises ValueError."""
    if len(statements) != 1:
        raise ValueError("Parameters belong to one statement.")
    places = statements[0].parameters
    if len(places) != len(params) or any(place != "?" for place in places):
        raise ValueError(
            f"Each of the {len(params)} values needs a place of its own, written as ?."
        )
    for value in params:
        if not _fits(value):
            raise ValueError(f"A {type(value).__name__} like this is no value that SQLite keeps.")


def _fits(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str):
        return value.isascii() or not _SURROGATE.search(value)
    return value is None or isinstance(value, float | bytes)

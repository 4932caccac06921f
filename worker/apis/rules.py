"""Judges the SQL rules of record APIs: each is prepared alone on tables made like the real ones.

A rule may read the tables of its API's database and of those that the settings attach for it, but
never what the system keeps for itself, nor anybody's secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from shared.schema.api import Action, SqlRule
from shared.schema.catalog import Catalog
from shared.schema.reserved import USER_SECRETS, USERS_TABLE, is_reserved_table
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.table import Kind, Table, Tables
from shared.schema.tables.words import read_words
from shared.sql.api.own_tables import as_main, with_database
from shared.sql.api.rules import WrongRuleError, read_rule, trial
from worker.engine.rule_rehearsal import ExpressionScratch, UserSqlError, plain_table

MAIN: Final = "main"
NOT_THERE: Final = ("no such table", "no such column", "no such database")
"""How the reasons begin that a later migration may take away."""
_NO_TABLE: Final = "no such table: "
_PLAIN: Final = frozenset({Kind.TABLE, Kind.VIEW})
_STORED: Final = _PLAIN | {Kind.VIRTUAL}
_BEFORE: Final = "a database that is not named"
"""How it is called that stands before those that a rule may read."""
_KEPT: Final = frozenset({"_file_deletions", "_session", "_authorization_code", "_otp_code"})


class RuleError(Exception):
    """A rule that cannot be; the text says why."""


class RuleJudge:
    """Holds databases in memory. Use as a context manager, in one thread."""

    def __init__(self, databases: Mapping[str, Tables], catalog: Catalog) -> None:
        """`databases`: the tables of each, by its name; main is one of them."""
        self._databases = databases
        self._secrets = {
            one.name.lower(): frozenset(field.name.lower() for field in one.fields if field.secret)
            for one in catalog.all()
        }
        self._at_worker: dict[tuple[str, ...], ExpressionScratch] = {}
        self._at_writer: dict[str, ExpressionScratch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for one in (*self._at_writer.values(), *self._at_worker.values()):
            one.__exit__(kind, error, at)

    def judge(
        self,
        text: str,
        action: Action,
        *,
        database: str,
        table: Table,
        columns: Iterable[Column],
        attached: Iterable[str] = (),
    ) -> SqlRule:
        """The rule of an API's action. Raises RuleError."""
        known = tuple(columns)
        if action in (Action.READ, Action.SCHEMA):
            named = tuple(dict.fromkeys((database, *attached)))
            scratch, name, called = self._worker(named), database, with_database
            readable = {one: one for one in named}
        else:  # the writer has each database as its own main
            scratch, name, called = self._writer(database), MAIN, as_main
            readable = {MAIN: database}
        try:
            meant = text if database == MAIN else called(text, database, self._names(database))
            rule = read_rule(meant, action, known)
            tried = trial(meant, action, known, database=name, table=table.name)
            found = scratch.check(*tried, self._may_read(readable))
        except (UserSqlError, WrongRuleError) as error:
            raise RuleError(self._reason(str(error))) from None
        reads = frozenset(f"{one.database}.{one.table}" for one in found)
        return replace(rule, text=text, reads=reads)

    def check_view(self, database: str, name: str) -> None:
        """That a view reads nobody's secrets, nor what is the system's own. Raises RuleError."""
        may_read = self._may_read({database: database}, _STORED)
        try:
            self._worker((database,)).check_view(database, name, may_read)
        except UserSqlError as error:
            raise RuleError(str(error)) from None

    def check_words(self, text: str, action: Action) -> None:
        """What can be told of a rule whose table is not there yet. Raises RuleError."""
        columns = [
            Column(name=name, type=DataType.ANY)
            for name in dict.fromkeys(word.text for word in read_words(text))
        ]
        try:
            read_rule(text, action, columns)
            tried = trial(text, action, columns, database=MAIN, table="")
            self._worker((MAIN,)).check(tried.text, "", self._may_read({MAIN: MAIN}))
        except (UserSqlError, WrongRuleError) as error:
            if not str(error).startswith(NOT_THERE):
                raise RuleError(str(error)) from None

    def _worker(self, named: tuple[str, ...]) -> ExpressionScratch:
        """As a worker reads: main, and these attached under their names.

        There others may stand before them, with tables called alike. So here one does, and what a
        bare name would find in it is refused.
        """
        found = self._at_worker.get(named)
        if found is None:
            found = self._at_worker[named] = ExpressionScratch()
            found.add_database(MAIN, _definitions(self._databases[MAIN]))
            others = {name: _definitions(self._databases[name]) for name in named if name != MAIN}
            if others:
                found.add_database(_BEFORE, [sql for one in others.values() for sql in one])
            for name, definitions in others.items():
                found.add_database(name, definitions)
        return found

    def _names(self, database: str) -> list[str]:
        return [one.name for one in self._databases[database] if one.kind in _PLAIN]

    def _reason(self, reason: str) -> str:
        """Why not. What is missing may yet come, but not a database that the API does not name."""
        place = reason.removeprefix(_NO_TABLE)
        beside = "." in place and place.partition(".")[0] in self._databases
        return f"{place} may not be read" if beside else reason

    def _writer(self, database: str) -> ExpressionScratch:
        found = self._at_writer.get(database)
        if found is None:
            found = self._at_writer[database] = ExpressionScratch()
            found.add_database(MAIN, _definitions(self._databases[database]))
        return found

    def _may_read(self, readable: Mapping[str, str], kinds: frozenset[Kind] = _PLAIN) -> _MayRead:
        return _MayRead(readable, kinds, self._databases, self._secrets)


class _MayRead:
    """Decides what may be read: by rules, or by views, which may read tables of further kinds.

    `readable`: the databases by how they are called there.
    """

    def __init__(
        self,
        readable: Mapping[str, str],
        kinds: frozenset[Kind],
        databases: Mapping[str, Tables],
        secrets: Mapping[str, frozenset[str]],
    ) -> None:
        self._readable = readable
        self._kinds = kinds
        self._databases = databases
        self._secrets = secrets

    def __call__(self, database: str, table: str, column: str) -> bool:
        if database == _BEFORE:
            raise RuleError(f"the database of {table} has to be named")
        real = self._readable.get(database)
        found = None if real is None else self._databases[real].find(table)
        if found is None or found.kind not in self._kinds:
            return False
        folded, name = table.lower(), column.lower()
        if folded == USERS_TABLE:
            return name not in USER_SECRETS
        if is_reserved_table(table) or folded in _KEPT:
            return False
        return real != MAIN or name not in self._secrets.get(folded, ())


def _definitions(tables: Tables) -> list[str]:
    """Tables before the views over them, as they may be made in one go."""
    ordered = sorted(tables, key=lambda one: one.kind is Kind.VIEW)
    made = [_definition(one) for one in ordered if one.kind in _STORED]
    return [sql for sql in made if sql]


def _definition(table: Table) -> str:
    if table.kind is Kind.VIRTUAL:
        return plain_table(table.name, [one.name for one in table.columns])
    return table.sql

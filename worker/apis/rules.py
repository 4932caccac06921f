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
from shared.sql.api.rules import WrongRuleError, read_rule, trial
from worker.engine.rule_rehearsal import ExpressionScratch, UserSqlError

MAIN: Final = "main"
NOT_THERE: Final = ("no such table", "no such column", "no such database")
"""How the reasons begin that a later migration may take away."""
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
        self._at_worker: ExpressionScratch | None = None
        self._at_writer: dict[str, ExpressionScratch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        scratches = [*self._at_writer.values(), *filter(None, [self._at_worker])]
        for one in scratches:
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
        try:
            if action in (Action.READ, Action.SCHEMA):
                scratch, name = self._worker(), database
                readable = {one: one for one in (database, *attached)}
            else:  # the writer has each database as its own main
                scratch, name = self._writer(database), MAIN
                readable = {MAIN: database}
            rule = read_rule(text, action, known)
            tried = trial(text, action, known, database=name, table=table.name)
            reads = scratch.check(*tried, self._may_read(readable))
            return replace(rule, reads=frozenset(f"{one.database}.{one.table}" for one in reads))
        except (UserSqlError, WrongRuleError) as error:
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
            self._worker().check(tried.text, "", self._may_read({MAIN: MAIN}))
        except (UserSqlError, WrongRuleError) as error:
            if not str(error).startswith(NOT_THERE):
                raise RuleError(str(error)) from None

    def _worker(self) -> ExpressionScratch:
        """As a worker reads: main, and the others attached under their names."""
        if self._at_worker is None:
            self._at_worker = ExpressionScratch()
            for name in sorted(self._databases, key=lambda one: one != MAIN):
                self._at_worker.add_database(name, _definitions(self._databases[name]))
        return self._at_worker

    def _writer(self, database: str) -> ExpressionScratch:
        found = self._at_writer.get(database)
        if found is None:
            found = self._at_writer[database] = ExpressionScratch()
            found.add_database(MAIN, _definitions(self._databases[database]))
        return found

    def _may_read(self, readable: Mapping[str, str]) -> _MayRead:
        return _MayRead(readable, self._databases, self._secrets)


class _MayRead:
    """Decides what rules may read. `readable`: the databases by how they are called there."""

    def __init__(
        self,
        readable: Mapping[str, str],
        databases: Mapping[str, Tables],
        secrets: Mapping[str, frozenset[str]],
    ) -> None:
        self._readable = readable
        self._databases = databases
        self._secrets = secrets

    def __call__(self, database: str, table: str, column: str) -> bool:
        real = self._readable.get(database)
        found = None if real is None else self._databases[real].find(table)
        if found is None or found.kind not in (Kind.TABLE, Kind.VIEW):
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
    return [one.sql for one in ordered if one.kind in (Kind.TABLE, Kind.VIEW) and one.sql]

"""The types of a view's columns, and which of them names its rows, inferred from its query.

A column keeps what is known of it in its table: its type, its checks, what it refers to. It may be
NULL besides if its table is joined by LEFT JOIN, or if the query folds all its rows into one. A view
of views is inferred from theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from shared.schema.tables.column import Column, DataType
from shared.schema.tables.eligibility import NoRecordApiError, record_key
from shared.schema.tables.table import Kind, Table, Tables
from shared.schema.tables.view_select import (
    Folded,
    Named,
    NoSchemaError,
    Select,
    Shown,
    Source,
    Star,
    Value,
    read_select,
)
from shared.schema.tables.words import fold

_ROWIDS: Final = frozenset({"rowid", "_rowid_", "oid"})
_DEPTH_MAX: Final = 20  # views of views; a circle of them ends here at the latest


class _Read(NamedTuple):
    """A source with its table. `key`: its key's column, folded; `""` if it has none."""

    source: Source
    table: Table
    key: str


class _Column(NamedTuple):
    """A column of the result: what is known of it, and where it is from.

    `at`: its source's place and its name there, folded, if it is a column as it stands there or
    the least or greatest of one; `folded` tells the two apart.
    """

    column: Column
    at: tuple[int, str] | None = None
    folded: bool = False


def infer_view(view: Table, tables: Tables) -> Table:
    """A view with its columns' types and its key, or with a `problem` that says why it has none."""
    return _infer(view, tables, 0)


def _infer(view: Table, tables: Tables, depth: int) -> Table:
    if not view.columns:
        return view  # broken: SQLite itself could not tell its columns
    try:
        query = read_select(view.sql)
        reads = tuple(_read(one, tables, depth) for one in query.sources)
        found = [one for shown in query.shown for one in _columns(shown, query, reads)]
        if len(found) != len(view.columns):
            raise NoSchemaError("its query was read with other columns than SQLite's")
        _check_groups(query, reads, found)
    except NoSchemaError as error:
        return replace(view, checks=None, problem=str(error))
    columns = tuple(
        replace(one.column, name=known.name) for one, known in zip(found, view.columns, strict=True)
    )
    key = _key(query, reads, found)
    names = () if key is None else (columns[key].name,)
    repeats = key is not None and _repeats(query, reads, found, found[key])
    return replace(view, columns=columns, primary_key=names, repeats=repeats, problem="")


def _read(source: Source, tables: Tables, depth: int) -> _Read:
    table = tables.find(source.table)
    if table is None:
        raise NoSchemaError(f"{source.table} is no table or view of its database")
    if table.kind is Kind.VIEW:
        if depth >= _DEPTH_MAX:
            raise NoSchemaError("views of views are too deep")
        table = _infer(table, tables, depth + 1)
        if table.problem:
            raise NoSchemaError(f"{table.name}, which it reads: {table.problem}")
    if not table.columns:
        raise NoSchemaError(f"{table.name}, which it reads: {table.problem}")
    try:
        key = fold(record_key(table, tables).column.name)
    except NoRecordApiError:
        key = ""
    return _Read(source, table, key)


def _columns(shown: Shown, query: Select, reads: tuple[_Read, ...]) -> Iterator[_Column]:
    alone = query.folds and not query.groups  # one row, of NULLs if there is nothing to fold
    value = shown.value
    if isinstance(value, Star):
        for at, column in _stars(value, reads):
            yield _plain(at, column, reads, nullable=alone)
    elif isinstance(value, Value):
        nullable = value.nullable
        if value.of is not None:
            found = _plain(*_resolve(value.of, reads), reads, nullable=alone)
            nullable = found.column.nullable
        yield _Column(Column(name="", type=value.type, nullable=nullable))
    else:
        of = value.of if isinstance(value, Folded) else value
        plain = _plain(*_resolve(of, reads), reads, nullable=alone)
        yield _folded(value.function, plain) if isinstance(value, Folded) else plain


def _plain(at: int, column: Column, reads: tuple[_Read, ...], *, nullable: bool) -> _Column:
    """A column of a source. What only writes ask for stays there."""
    shown = replace(
        column,
        nullable=column.nullable or nullable or reads[at].source.outer,
        default=None,
        generated=None,
        formula=None,
        hidden=False,
        type=column.type if column.enforced else DataType.ANY,
        enforced=True,
    )
    return _Column(shown, (at, fold(column.name)))


def _folded(function: str, of: _Column) -> _Column:
    if function != "SUM":
        return of._replace(folded=True)
    # A sum of what need not be a number is a number of either kind.
    number = of.column.type in (DataType.INTEGER, DataType.REAL)
    kind = of.column.type if number else DataType.ANY
    return _Column(Column(name="", type=kind, nullable=of.column.nullable))


def _stars(star: Star, reads: tuple[_Read, ...]) -> Iterator[tuple[int, Column]]:
    known = False
    for at, read in enumerate(reads):
        if star.source and fold(star.source) != fold(read.source.name):
            continue
        known = True
        for column in read.table.columns:
            shared = not star.source and fold(column.name) in read.source.using
            if not column.hidden and not shared:
                yield at, column
    if not known:
        raise NoSchemaError(f"{star.source or '*'} is none of the tables that it reads")


def _resolve(named: Named, reads: tuple[_Read, ...]) -> tuple[int, Column]:
    found: list[tuple[int, Column]] = []
    for at, read in enumerate(reads):
        if named.source and fold(named.source) != fold(read.source.name):
            continue
        if not named.source and fold(named.name) in read.source.using:
            continue
        column = read.table.column(named.name) or _rowid(named.name, read.table)
        if column is not None:
            found.append((at, column))
    if len(found) != 1:
        reason = "is ambiguous" if found else "is no column of the tables that it reads"
        raise NoSchemaError(f"{named.name} {reason}")
    return found[0]


def _rowid(name: str, table: Table) -> Column | None:
    if fold(name) not in _ROWIDS or table.kind is not Kind.TABLE or table.without_rowid:
        return None
    if table.rowid is not None:
        return table.column(table.rowid)
    return Column(name=name, type=DataType.INTEGER, nullable=False)


def _grouped_by(
    query: Select, reads: tuple[_Read, ...], found: list[_Column]
) -> set[tuple[int, str]]:
    """The columns of the GROUP BY; a name that no table has is an alias of the SELECT list."""
    aliases = {
        fold(shown.alias): column.at
        for shown, column in zip(query.shown, found, strict=False)
        if shown.alias and column.at is not None and len(query.shown) == len(found)
    }
    groups = set()
    for one in query.groups:
        try:
            at, column = _resolve(one, reads)
            groups.add((at, fold(column.name)))
        except NoSchemaError:
            alias = aliases.get(fold(one.name))
            if one.source or alias is None:
                raise
            groups.add(alias)
    return groups


def _check_groups(query: Select, reads: tuple[_Read, ...], found: list[_Column]) -> None:
    exposed = {one.at for one in found if not one.folded}
    for at, name in _grouped_by(query, reads, found):
        if (at, name) not in exposed:
            raise NoSchemaError(f"it is grouped by {name}, which it does not show")


def _key(query: Select, reads: tuple[_Read, ...], found: list[_Column]) -> int | None:
    """The first column that is the key of its table, in every row, once for each group."""
    if query.folds and not query.groups:
        return None
    groups = _grouped_by(query, reads, found)
    for place, one in enumerate(found):
        if one.at is None or one.column.nullable or reads[one.at[0]].key != one.at[1]:
            continue
        by_others = bool(groups) and one.at not in groups
        if one.folded == by_others:
            return place
    return None


def _repeats(query: Select, reads: tuple[_Read, ...], found: list[_Column], key: _Column) -> bool:
    """Whether rows may share a key: a row of its table may be joined with several of another's.

    It is joined with one at most where the key of the other has to equal a column of a row that is
    the only one itself. An ON of a LEFT JOIN says so of what it joins and of nothing else.
    """
    assert key.at is not None
    if _grouped_by(query, reads, found) == {key.at}:
        return False
    if reads[key.at[0]].table.repeats:
        return True
    once, grown = {key.at[0]}, True
    while grown:
        grown = False
        for at, read in enumerate(reads):
            for pair in read.source.equal:
                named = _found_by(pair, reads, once)
                if named is not None and (named == at or not read.source.outer):
                    once.add(named)
                    grown = True
    return len(once) < len(reads)


def _found_by(pair: tuple[Named, Named], reads: tuple[_Read, ...], once: set[int]) -> int | None:
    """The source of which one row is found by a key that equals a column of the sources in `once`."""
    try:
        sides = [_resolve(one, reads) for one in pair]
    except NoSchemaError:
        return None
    for (at, column), (other, value) in (sides, sides[::-1]):
        # One value of another type or collation may equal several keys.
        alike = column.type is value.type and column.collation == value.collation
        unique = reads[at].key == fold(column.name) and not reads[at].table.repeats
        if (
            alike
            and column.enforced
            and value.enforced
            and unique
            and other in once
            and at not in once
        ):
            return at
    return None

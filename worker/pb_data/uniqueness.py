"""Unique indexes over staged records, judged before the writer is asked to make them.

One that the records break is left out and told. Where logins need the index, or it is the id's, it is
records that give way: all but the first of each value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.text import ID_NAME
from shared.schema.index import Index, read_index
from shared.schema.index_tokens import QUOTED, Token, render_tokens
from worker.engine.staging import StagedFile
from worker.pb_data.report import Kind, Notes

_LOGIN_FIELDS: Final = frozenset({"tokenKey", "email"})


def make_unique(
    staging: StagedFile, table: str, collection: Collection, notes: Notes
) -> tuple[Collection, int]:
    """The collection less the indexes that its records break, and how many records were left out."""
    own = Index(f"{table} id", unique=True, keys=((Token(QUOTED, ID_NAME),),))
    removed = 0 if _holds(staging, table, own) else _thin(staging, table, own, collection, notes)
    kept: list[str] = []
    for sql in collection.indexes:
        index = read_index(sql)
        if not index.unique or _holds(staging, table, index):
            kept.append(sql)
        elif collection.type == AUTH and set(index.key_fields()) <= _LOGIN_FIELDS:
            removed += _thin(staging, table, index, collection, notes)
            kept.append(sql)
        else:
            why = f"the index {sql}: several records have the same values"
            notes.add(Kind.LEFT_OUT, collection.name, why)
    return replace(collection, indexes=tuple(kept)), removed


def _holds(staging: StagedFile, table: str, index: Index) -> bool:
    """Whether no two records have the same key; one that is NULL in part is like no other.

    Asked by a query, which writes nothing: the writer makes the index itself.
    """
    keys = _keys(index)
    conditions = [f"({key}) IS NOT NULL" for key in keys]
    if index.where:
        conditions.append(f"({render_tokens(index.where)})")
    found = staging.rows(
        f"SELECT 1 FROM {quote_identifier(table)} WHERE {' AND '.join(conditions)}"
        f" GROUP BY {', '.join(keys)} HAVING count(*) > 1 LIMIT 1"
    )
    return not found


def _thin(
    staging: StagedFile, table: str, index: Index, collection: Collection, notes: Notes
) -> int:
    """Remove all records but the first of each value, and tell them."""
    condition = render_tokens(index.where) if index.where else "TRUE"
    name = quote_identifier(table)
    first = f"SELECT min(_rowid_) FROM {name} WHERE {condition} GROUP BY {', '.join(_keys(index))}"
    repeated = f"FROM {name} WHERE ({condition}) AND _rowid_ NOT IN ({first})"
    why = f"a record that has the same {', '.join(index.key_fields())} as one before it"
    rows = staging.rows(f'SELECT "id" {repeated}')
    for row in rows:
        notes.add(Kind.LEFT_OUT, collection.name, why, str(row[0]))
    staging.run(f"DELETE {repeated}")
    return len(rows)


def _keys(index: Index) -> list[str]:
    """The key's parts as expressions, without their direction."""
    return [render_tokens(_undirected(key)) for key in index.keys]


def _undirected(key: tuple[Token, ...]) -> tuple[Token, ...]:
    return key[:-1] if key[-1].is_word("ASC") or key[-1].is_word("DESC") else key

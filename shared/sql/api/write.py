"""The statements that write records of a record API, as the writer runs them.

There each database is its own `main`, so that is how all of them name it. A create gives the key of
the new row as JSON, that of a UUID in hex; where the client has sent the key it gives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.config.record_api import ConflictResolution
from shared.quote import quote_identifier
from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.tables.eligibility import KeyKind
from shared.schema.tables.words import read_words
from shared.sql.api.rules import ROW, Judge, judge, source_sql

AT_WRITER: Final = "main"
"""How every database is called in the writer."""
GEOMETRY_SQL: Final = "SELECT ST_GeomFromGeoJSON(?)"
"""A geometry as it is stored, of GeoJSON."""
GEOJSON_SQL: Final = "SELECT ST_AsGeoJSON(?)"
"""The other way round; it fails for what cannot be shown."""
CHANGES_SQL: Final = "SELECT changes()"
"""Whether the insert just before has added or changed a row."""
REFUSED_DENIED: Final = "api_denied"
"""The rule does not allow it, or there is no such record for it to allow anything of."""
REFUSED_MISSING: Final = "api_missing"
"""There is no such record."""
REFUSED_IGNORED: Final = "api_ignored"
"""A trigger has kept the row from being written."""
_TABLES: Final = ("SELECT", "VALUES", "WITH", "FROM", "IN")


def insert_sql(api: RecordApi, columns: Sequence[str], *, returning: bool) -> str:
    """A new row with values for `columns`, in that order; DEFAULT VALUES where there is none.

    `returning`: with the new key, which nobody knows yet. So nobody could judge whether a row that
    has it may be replaced, and it is an error if there is one.
    """
    names = ", ".join(map(quote_identifier, columns))
    marks = ", ".join("?" * len(columns))
    values = f"({names}) VALUES ({marks})" if columns else "DEFAULT VALUES"
    conflict = "" if returning else _conflict(api)
    key = f" RETURNING {_told(api)}" if returning else ""
    return f"INSERT INTO {_table(api)} {values}{conflict}{key}"


def update_sql(api: RecordApi, columns: Sequence[str]) -> str:
    """New values for `columns`, in that order, of the row whose key is bound last."""
    sets = ", ".join(f"{quote_identifier(name)} = ?" for name in columns)
    return f"UPDATE {_table(api)} SET {sets} WHERE {_key(api)} = ?"


def delete_sql(api: RecordApi) -> str:
    """The row of a key goes."""
    return f"DELETE FROM {_table(api)} WHERE {_key(api)} = ?"


def kept_sql(api: RecordApi, database: str, *, may_update: bool) -> Judge:
    """A guard that finds the row of a key where one may not replace it.

    Whoever replaces a record changes it, so the update rule has to allow that; where it yields
    nothing it does not. `may_update`: whether the bits do; without, the rule is not asked.
    """
    rule = api.rules.get(Action.UPDATE) if may_update else None
    conditions = [] if rule is None else [f"({rule.condition}) IS NOT TRUE"]
    conditions.append(f"{ROW}.{_key(api)} = ?")
    sql = f"SELECT 1 FROM {source_sql(api, database)} WHERE {' AND '.join(conditions)}"
    return Judge(sql, rule, has_row=True)


def worker_judge(api: RecordApi, action: Action) -> Judge | None:
    """The guard of an action as a worker may ask it beforehand, None where it may not.

    A worker has the API's database under its own name. So beside main, a name in a rule stands for
    a table of that database at the writer alone.
    """
    rule = api.rules.get(action)
    return judge(api, action) if means_the_same(api, rule) else None


def means_the_same(api: RecordApi, rule: SqlRule | None) -> bool:
    """Whether a rule says at a worker what it says at the writer."""
    if rule is None or api.database == AT_WRITER:
        return True
    return not any(word.is_bare(*_TABLES) for word in read_words(rule.text))


def _conflict(api: RecordApi) -> str:
    """What to do where a row has the key."""
    if api.conflict is ConflictResolution.IGNORE:
        return f" ON CONFLICT ({_key(api)}) DO NOTHING"
    if api.conflict is ConflictResolution.REPLACE:
        names = [
            quote_identifier(one.name)
            for one in api.columns
            if one.generated is None and one.name != api.key.column.name
        ]
        sets = ", ".join(f"{name} = excluded.{name}" for name in names or [_key(api)])
        return f" ON CONFLICT ({_key(api)}) DO UPDATE SET {sets}"
    return ""


def _told(api: RecordApi) -> str:
    if api.key.kind is KeyKind.UUID:
        return f"'\"' || hex({_key(api)}) || '\"'"
    if api.key.kind is KeyKind.TEXT:
        return f"json_quote({_key(api)})"
    return _key(api)


def _table(api: RecordApi) -> str:
    return f"{quote_identifier(AT_WRITER)}.{quote_identifier(api.table.name)}"


def _key(api: RecordApi) -> str:
    return quote_identifier(api.key.column.name)

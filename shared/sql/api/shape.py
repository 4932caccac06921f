"""The JSON of a record of a record API, as SQL over the row `_ROW_`: which columns, and how each.

SQLite writes it, so that whole numbers keep all their digits; blobs are padded base64 in the
alphabet of addresses. Every answer and every event is shaped here, so none can show more than
another: neither a column that its API does not have, nor one that may only be written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from shared.quote import quote_identifier, quote_text
from shared.schema.api import RecordApi, Referred
from shared.schema.tables.builtin_schemas import FILE, FILES
from shared.schema.tables.column import Column, DataType
from shared.sql.api.rules import ROW

_FOREIGN: Final = "_OF_"
_MEMBERS_MAX: Final = 450  # SQLite's functions take 1,000 arguments


def record_sql(api: RecordApi, expanded: Collection[str] = (), *, plain: bool = False) -> str:
    """A record's JSON object. `expanded`: names in `api.expand` whose records stand with them.

    A column that may be expanded is always an object with the `id`; with `plain`, as in events,
    it is the value alone.
    """
    return _object(_members(api, api.shown, expanded, plain=plain))


def feature_sql(api: RecordApi, geometry: Column, expanded: Collection[str] = ()) -> str:
    """A record as a GeoJSON feature, its geometry that of one column. `expanded` as before."""
    others = [one for one in api.shown if one.name not in (geometry.name, api.key.column.name)]
    members = {
        "type": quote_text("Feature"),
        "id": value_sql(api.key.column, ROW),
        "geometry": value_sql(geometry, ROW),
        "properties": _object(_members(api, others, expanded, plain=False)),
    }
    return _object(members)


def value_sql(column: Column, row: str) -> str:
    """The JSON of a column's value in the row that is called `row`."""
    name = f"{row}.{quote_identifier(column.name)}"
    if column.json is not None:
        return _json(column.json.name, name)
    if column.geometry:
        return f"json(ST_AsGeoJSON({name}))"
    if column.type is DataType.BLOB:
        return f"base64_url_safe({name})"
    if column.type is DataType.ANY:
        kinds = f"WHEN 'blob' THEN base64_url_safe({name}) WHEN 'real' THEN {_finite(name)}"
        return f"CASE typeof({name}) {kinds} ELSE {name} END"
    return _finite(name) if column.type is DataType.REAL else name


def _finite(name: str) -> str:
    """An infinite number is no JSON: the statement fails rather than to tell another one."""
    return f"iif(abs({name}) = 9e999, json('an infinite number'), {name})"


def _json(schema: str, name: str) -> str:
    """Of files, without the key under which their bytes are kept."""
    if schema == FILE:
        return f"json_remove({name}, '$.id')"
    if schema == FILES:
        each = f"SELECT json_group_array(json_remove(value, '$.id')) FROM json_each({name})"
        return f"iif({name} IS NULL, NULL, json(({each})))"
    return f"json({name})"


def _members(
    api: RecordApi, columns: Iterable[Column], expanded: Collection[str], *, plain: bool
) -> Mapping[str, str]:
    found = {}
    for column in columns:
        referred = None if plain else api.references.get(column.name)
        if referred is None:
            found[column.name] = value_sql(column, ROW)
        else:
            data = _foreign(api, column, referred) if column.name in expanded else ""
            found[column.name] = _reference(column, data)
    return found


def _reference(column: Column, data: str) -> str:
    members = {"id": value_sql(column, ROW)} | ({"data": data} if data else {})
    name = f"{ROW}.{quote_identifier(column.name)}"
    return f"iif({name} IS NULL, NULL, {_object(members)})"


def _foreign(api: RecordApi, column: Column, referred: Referred) -> str:
    """The record that a column's value names; `null` where it is gone."""
    members = {one.name: value_sql(one, _FOREIGN) for one in referred.columns}
    table = f"{quote_identifier(api.database)}.{quote_identifier(referred.table.name)}"
    key = f"{_FOREIGN}.{quote_identifier(referred.key.name)}"
    value = f"{ROW}.{quote_identifier(column.name)}"
    # What comes out of a subquery is text again, and no JSON.
    return f"json((SELECT {_object(members)} FROM {table} AS {_FOREIGN} WHERE {key} = {value}))"


def _object(members: Mapping[str, str]) -> str:
    pairs = [f"{quote_text(name)}, {sql}" for name, sql in members.items()]
    parts = [
        f"json_object({', '.join(pairs[at : at + _MEMBERS_MAX])})"
        for at in range(0, max(len(pairs), 1), _MEMBERS_MAX)
    ]
    if len(parts) == 1:
        return parts[0]
    first, *rest = parts
    joined = " || ',' || ".join(f"substr({part}, 2, length({part}) - 2)" for part in [first, *rest])
    return f"json('{{' || {joined} || '}}')"

"""The JSON Schema of a record API, for each of what one may do with a record.

Columns that are JSON, references that may be expanded and geometries are definitions of their own,
which the properties refer to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from shared.schema.tables.builtin_schemas import BUILTIN, schema_in
from shared.schema.tables.column import Column, DataType, JsonCheck
from shared.schema.tables.embedded_schema import embedded
from shared.schema.tables.geometry_schema import GEOMETRY
from shared.schema.tables.mode import DIALECT, Mode
from shared.schema.tables.table import Table
from shared.schema.tables.words import fold

GEOMETRY_NAME: Final = "_geojson_geometry"

Schema = dict[str, Any]

_TYPES: Final[dict[DataType, list[str]]] = {
    DataType.INTEGER: ["integer"],
    DataType.REAL: ["number"],
    DataType.TEXT: ["string"],
    DataType.BLOB: ["string"],  # URL-safe base64
    DataType.ANY: ["array", "boolean", "number", "object", "string"],
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A record API as far as its schema goes.

    `excluded`: columns that it does not have. `expand`: the tables that its expandable columns
    refer to, by the column's name. `schemas`: those of `jsonschema` calls, by name; a name that is
    in none stands for any value.
    """

    name: str
    table: Table
    excluded: Collection[str] = ()
    expand: Mapping[str, Table] = field(default_factory=dict)
    schemas: Mapping[str, Any] = field(default_factory=dict)


def json_schema(shape: Shape, mode: Mode) -> Schema:
    """The schema of one mode; a JSON document of its own."""
    definitions: Schema = {}
    made = _object(shape, mode, definitions, "")
    if definitions:
        made["$defs"] = definitions
    return made | {"$schema": DIALECT}


def _object(shape: Shape, mode: Mode, definitions: Schema, prefix: str) -> Schema:
    """`prefix`: what the names of its definitions begin with."""
    columns = _columns(shape, mode)
    return {
        "title": shape.name,
        "type": "object",
        "properties": {
            one.name: _property(shape, one, mode, definitions, prefix) for one in columns
        },
        "required": [one.name for one in columns if _required(shape.table, one, mode)],
    }


def _columns(shape: Shape, mode: Mode) -> list[Column]:
    excluded = {fold(name) for name in shape.excluded}
    return [
        one
        for one in shape.table.columns
        if fold(one.name) not in excluded
        and not one.hidden
        and not (one.write_only if mode is Mode.SELECT else one.generated is not None)
    ]


def _required(table: Table, column: Column, mode: Mode) -> bool:
    if mode is Mode.UPDATE or column.nullable:
        return False
    return mode is Mode.SELECT or not (column.has_default or column.name in table.primary_key)


def _property(shape: Shape, column: Column, mode: Mode, definitions: Schema, prefix: str) -> Schema:
    foreign = _foreign(shape, column) if mode is Mode.SELECT else None
    if foreign is not None:
        name = f"{shape.name}.{column.name}"
        made: Any = _expanded(shape, column, foreign, definitions, name)
        return _define(definitions, name, _or_null(made, column))
    if column.json is not None:
        made = _json(shape, column.json, mode, f"{shape.name}:{prefix}{column.name}")
        return _define(definitions, f"{prefix}{column.name}", _or_null(made, column))
    if column.geometry:
        geometry: Schema = _or_null(_define(definitions, GEOMETRY_NAME, GEOMETRY), column)
        return geometry
    return _typed(column)


def _typed(column: Column) -> Schema:
    types = (["null"] if column.nullable else []) + _TYPES[column.type]
    return {"type": types if len(types) > 1 else types[0]}


def _foreign(shape: Shape, column: Column) -> Table | None:
    wanted = fold(column.name)
    return next((table for name, table in shape.expand.items() if fold(name) == wanted), None)


def _expanded(
    shape: Shape, column: Column, foreign: Table, definitions: Schema, name: str
) -> Schema:
    """The id, and with it the record that it names, one hop and no further."""
    record = Shape(name=foreign.name, table=foreign, schemas=shape.schemas)
    return {
        "type": "object",
        "properties": {
            "id": _typed(replace(column, nullable=False)),
            "data": _object(record, Mode.SELECT, definitions, f"{name}."),
        },
        "required": ["id"],
    }


def _json(shape: Shape, check: JsonCheck, mode: Mode, place: str) -> Any:
    if check.name in BUILTIN:
        return schema_in(check.name, mode)
    if check.name:
        return embedded(shape.schemas.get(check.name), place)
    try:
        return embedded(msgspec.json.decode(check.text), place)
    except msgspec.DecodeError:
        return {}


def _or_null(schema: Any, column: Column) -> Any:
    return {"anyOf": [schema, {"type": "null"}]} if column.nullable else schema


def _define(definitions: Schema, name: str, schema: Any) -> Schema:
    """Add a definition and refer to it. One name with two meanings gets a second name."""
    while definitions.get(name, schema) != schema:
        name += "_"
    definitions[name] = schema
    pointer = quote(name.replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@-._")
    return {"$ref": f"#/$defs/{pointer}"}

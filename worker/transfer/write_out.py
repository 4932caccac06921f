"""Stored values as CSV, JSON, JSON lines and SQL: what our own import reads back as the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Any, Final

import orjson

from shared.limits import TRANSFER_BATCH_RECORDS
from shared.quote import quote_text
from shared.schema.fields.bool import BoolField
from shared.schema.fields.field import Field, Value
from shared.schema.fields.number import NumberField
from shared.sql.export import insert_heading, is_json, table_outline
from worker.transfer.export import Exported

Progressed = Callable[[int], None]
"""Hears how many records are written."""

_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_PER_INSERT: Final = 100
_KINDS: Final = {NumberField: "NUMERIC", BoolField: "INTEGER"}


def write_csv(out: IO[str], found: Exported, progressed: Progressed, *, safe: bool) -> None:
    """A first line of names, then a record a line; no value is an empty cell.

    `safe`: a text that a spreadsheet would run as a formula gets a ' before it.
    """
    out.write(",".join(map(_quoted, found.names)) + "\n")
    cells = [_cell(field, safe=safe) for field in found.fields]
    for batch in _batches(found, progressed):
        out.write(
            "".join(
                (",".join([cell(value) for cell, value in zip(cells, row, strict=True)]) or '""')
                + "\n"
                for row in batch
            )
        )


def write_json(out: IO[str], found: Exported, progressed: Progressed) -> None:
    """An array, a record a line."""
    out.write("[")
    before = "\n"
    for batch in _batches(found, progressed):
        out.write(before + ",\n".join(_objects(found, batch)))
        before = ",\n"
    out.write("\n]\n")


def write_json_lines(out: IO[str], found: Exported, progressed: Progressed) -> None:
    """An object a line."""
    for batch in _batches(found, progressed):
        out.write("".join(f"{one}\n" for one in _objects(found, batch)))


def write_sql(out: IO[str], found: Exported, progressed: Progressed) -> None:
    """INSERT statements, after a CREATE TABLE in a comment."""
    table = found.collection.name
    kinds = [_KINDS.get(type(one), "TEXT") for one in found.fields]
    columns = list(zip(found.names, kinds, strict=True))
    out.write(f"-- {table_outline(table, columns)};\n")
    heading = insert_heading(table, found.names)
    for batch in _batches(found, progressed):
        for first in range(0, len(batch), _ROWS_PER_INSERT):
            rows = ",\n".join(
                f"({', '.join(map(_literal, row))})"
                for row in batch[first : first + _ROWS_PER_INSERT]
            )
            out.write(f"{heading}\n{rows};\n")


def _batches(found: Exported, progressed: Progressed) -> Iterator[list[tuple[Value, ...]]]:
    written = 0
    while batch := list(islice(found.rows, TRANSFER_BATCH_RECORDS)):
        yield batch
        written += len(batch)
        progressed(written)


# --- One value ------------------------------------------------------------------------------------


def _cell(field: Field, *, safe: bool) -> Callable[[Value], str]:
    if isinstance(field, BoolField):
        return lambda value: "true" if value else "false"
    if isinstance(field, NumberField):
        return repr
    if not safe:
        return _quoted
    return lambda value: _quoted(_disarmed(str(value or "")))


def _disarmed(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def _quoted(value: Value) -> str:
    """A text as one cell; quoted wherever a reader could see more than one in it."""
    if value is None or value == "":
        return ""
    text = str(value)
    plain = text.isalnum() or (_SPECIAL.isdisjoint(text) and text == text.strip())
    return text if plain else f'"{text.replace(_QUOTE, _QUOTE * 2)}"'


_QUOTE: Final = '"'
_SPECIAL: Final = frozenset(',"\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ufeff')


def _objects(found: Exported, batch: Sequence[tuple[Value, ...]]) -> list[str]:
    plains = [_plain(field) for field in found.fields]
    names = found.names
    return [
        orjson.dumps(
            {name: plain(value) for name, plain, value in zip(names, plains, row, strict=True)}
        ).decode()
        for row in batch
    ]


def _plain(field: Field) -> Callable[[Value], Any]:
    if isinstance(field, BoolField):
        return bool
    if is_json(field):
        return lambda value: None if value is None else orjson.Fragment(str(value))
    return lambda value: value


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, int | float) else quote_text(str(value))

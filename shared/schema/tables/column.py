"""One column of a table or view: its type, what it may hold, and what it refers to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class DataType(enum.Enum):
    """The types of STRICT tables."""

    INTEGER = "INTEGER"
    REAL = "REAL"
    TEXT = "TEXT"
    BLOB = "BLOB"
    ANY = "ANY"


class Generated(enum.Enum):
    """Where a generated column's value is: made when it is read, or kept."""

    VIRTUAL = 2
    STORED = 3


class Uuid(enum.Enum):
    """The UUIDs that a column may hold, by the function that its CHECK calls."""

    ANY = "is_uuid"
    V4 = "is_uuid_v4"
    V7 = "is_uuid_v7"


@dataclass(frozen=True, slots=True)
class JsonCheck:
    """A column that holds JSON of a schema: by `name`, or with its text in the CHECK itself.

    `extra`: for files, the media types that are allowed, as written.
    """

    name: str = ""
    text: str = ""
    extra: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What a column refers to, by a foreign key of this column alone.

    `column` is None for the primary key of that table.
    """

    table: str
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. `declared`: its type as written, `""` for none.

    `enforced`: that a value other than NULL is always of `type`; without it `type` is only what
    SQLite prefers. `nullable`: whether it may be read as NULL; never so for a rowid. `default`: the
    expression of its DEFAULT. `hidden`: only of virtual tables, and not part of `*`.
    """

    name: str
    type: DataType
    declared: str = ""
    enforced: bool = True
    nullable: bool = True
    default: str | None = None
    generated: Generated | None = None
    formula: str | None = None
    hidden: bool = False
    collation: str = "BINARY"
    uuid: Uuid | None = None
    json: JsonCheck | None = None
    geometry: bool = False
    reference: Reference | None = None

    @property
    def has_default(self) -> bool:
        """Whether a row may leave it out and still has a value other than NULL there."""
        return self.default is not None and self.default.upper() != "NULL"

    @property
    def write_only(self) -> bool:
        """Whether a record API takes its values and never shows one: names that begin with `_`."""
        return self.name.startswith("_")


_STRICT_TYPES: Final = {
    "INT": DataType.INTEGER,
    "INTEGER": DataType.INTEGER,
    "REAL": DataType.REAL,
    "TEXT": DataType.TEXT,
    "BLOB": DataType.BLOB,
    "ANY": DataType.ANY,
}


def strict_type(declared: str) -> DataType:
    """The type of a STRICT table's column. Raises KeyError for what STRICT does not know."""
    return _STRICT_TYPES[declared.upper()]


def preferred_type(declared: str) -> DataType:
    """The affinity of a declared type, by SQLite's rules; ANY for NUMERIC and for none."""
    text = declared.upper()
    if "INT" in text:
        return DataType.INTEGER
    if any(part in text for part in ("CHAR", "CLOB", "TEXT")):
        return DataType.TEXT
    if "BLOB" in text:
        return DataType.BLOB
    if any(part in text for part in ("REAL", "FLOA", "DOUB")):
        return DataType.REAL
    return DataType.ANY

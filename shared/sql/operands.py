"""What the sides of a comparison are once it is known which row is meant: columns and values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from shared.language.expression import Word
from shared.sql.clause import Sql, sql
from shared.sql.plan import Value
from shared.sql.request_values import RequestValue


class Affinity(enum.Enum):
    """How the values of a column compare."""

    TEXT = "text"
    NUMBER = "number"
    JSON = "json"


AFFINITIES: Final = {
    **dict.fromkeys(
        (
            "text", "editor", "email", "url", "date", "autodate", "select", "relation", "file",
            "password",
        ),
        Affinity.TEXT,
    ),
    "number": Affinity.NUMBER,
    "bool": Affinity.NUMBER,
    "json": Affinity.JSON,
    "geoPoint": Affinity.JSON,
}  # fmt: skip
"""By the type of a field."""


@dataclass(frozen=True, slots=True)
class Column:
    """An SQL expression over a row.

    `affinity`: None where only the value tells, which is so for the items of a body's list.
    `bare`: SQLite does not know the affinity of the expression. A Column with JSON affinity may be
    NULL, whatever `nullable` says.
    """

    sql: Sql
    affinity: Affinity | None
    nullable: bool = False
    bare: bool = False

    def cast(self) -> Sql:
        """The expression with an affinity that SQLite knows, where it has one."""
        if not self.bare or self.affinity not in _CASTS:
            return self.sql
        return sql("CAST(", self.sql, f" AS {_CASTS[self.affinity]})")


_CASTS: Final = {Affinity.TEXT: "TEXT", Affinity.NUMBER: "NUMERIC"}


@dataclass(frozen=True, slots=True)
class Missing:
    """A value of a row that is not there."""

    affinity: Affinity | None = None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in the text. `source` is how a text field sees it."""

    value: Value
    source: str

    @property
    def empty(self) -> bool:
        """Whether it is null or '', which mean the same to an ordinary field."""
        return self.value is None or self.value == ""


Resolved = Column | Missing | Literal | RequestValue

CONSTANTS: Final = {
    Word.NULL: Literal(None, ""),
    Word.TRUE: Literal(1, "1"),
    Word.FALSE: Literal(0, "0"),
}
ZERO: Final = Column(Sql("0"), Affinity.NUMBER, bare=True)
"""The length of a list that is not there: a number, which no text equals, as that of any list."""

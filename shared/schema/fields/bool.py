"""True and false, stored as 1 and 0."""

from __future__ import annotations

from typing import ClassVar

from shared.errors import FieldError
from shared.quote import quote_identifier
from shared.schema.fields.cast import bool_of
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option


class BoolField(Field):
    """Type `bool`. `required` means that it must be true."""

    kind = "bool"
    OPTIONS: ClassVar[tuple[Option, ...]] = (REQUIRED_OPTION,)

    def zero(self) -> Value:
        """0, which is false."""
        return 0

    def prepare(self, raw: object) -> Value:
        """1 for true, its words and numbers other than 0; else 0. Raises FieldProblem."""
        return 1 if bool_of(raw) else 0

    def check(self, value: Value) -> FieldError | None:
        """True where it must be."""
        if not value:
            return self.blank
        return None if value == 1 else INVALID

    def plain(self, value: Value) -> object:
        """True or false."""
        return bool(value)

    def items(self, value: Value) -> list[str]:  # noqa: ARG002
        """Truth values hold no texts."""
        return []

    def column(self) -> str:
        """SQLite has no boolean: 0 or 1."""
        return f"{quote_identifier(self.name)} INTEGER NOT NULL DEFAULT 0"

    def json_sql(self, column_sql: str) -> str:
        """JSON's own true and false."""
        return f"json(iif({column_sql}, 'true', 'false'))"

"""Fields that hold one text or a list of them: the base of select and relation (and of file).

One value is stored as plain text, several as a JSON array, so that the single form stays an
ordinary indexable column.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import orjson

from shared.errors import FieldError
from shared.quote import quote_identifier
from shared.schema.fields.cast import text_of
from shared.schema.fields.field import INVALID, Field, Value

_EMPTY: Final = "[]"


class ListedField(Field):
    """A field whose `max_select` decides between one text and a list."""

    max_select: int
    min_select: int = 0

    def settle(self) -> None:
        """Above one it is a list; 0 means one."""
        self.multiple = self.max_select > 1
        self.most = max(1, self.max_select)
        self.too_many = FieldError(
            "validation_too_many_values",
            f"Select no more than {self.most}.",
            {"maxSelect": self.most},
        )
        self.too_few = FieldError(
            "validation_not_enough_values",
            f"Select at least {self.min_select}.",
            {"minSelect": self.min_select},
        )

    def zero(self) -> Value:
        """No value."""
        return _EMPTY if self.multiple else ""

    def prepare(self, raw: object) -> Value:
        """One text or a list of distinct ones; where one is kept of several, it is the last.

        Raises FieldProblem for lists and objects inside the list.
        """
        if type(raw) is str and not self.multiple and not raw.startswith("["):
            return text_of(raw)
        texts = unique_texts(raw)
        if self.multiple:
            return orjson.dumps(texts).decode() if texts else _EMPTY
        return texts[-1] if texts else ""

    def check(self, value: Value) -> FieldError | None:
        """Number of values, then each value."""
        if not value or value == _EMPTY:
            return self.blank
        if type(value) is not str:
            return INVALID
        texts = self.items(value) if self.multiple else [value]
        if len(texts) < self.min_select:
            return self.too_few
        if len(texts) > self.most:
            return self.too_many
        return self.check_items(texts)

    def check_items(self, texts: list[str]) -> FieldError | None:  # noqa: ARG002
        """What is wrong with any of the values."""
        return None

    def items(self, value: Value) -> list[str]:
        """The texts in a stored value."""
        if not self.multiple:
            return [str(value)] if value else []
        if not isinstance(value, str | bytes):
            return []
        texts: list[str] = orjson.loads(value)
        return texts

    def plain(self, value: Value) -> object:
        """A list, or the one text."""
        return self.items(value) if self.multiple else value

    def column(self) -> str:
        """A list is JSON text."""
        if self.multiple:
            return f"{quote_identifier(self.name)} TEXT NOT NULL DEFAULT '[]'"
        return super().column()

    def json_sql(self, column_sql: str) -> str:
        """A list is embedded as JSON."""
        return f"json({column_sql})" if self.multiple else column_sql


def unique_texts(raw: object) -> list[str]:
    """The distinct non-empty texts of a list, a text, or a text that holds a JSON array.

    The form with the array is what forms send. Raises FieldProblem.
    """
    if isinstance(raw, str) and raw.startswith("["):
        with suppress(ValueError):  # it may be an ordinary text that begins with a bracket
            raw = orjson.loads(raw)
    if not isinstance(raw, list | tuple):
        raw = (raw,)
    texts = dict.fromkeys(map(text_of, raw))
    texts.pop("", None)
    return list(texts)

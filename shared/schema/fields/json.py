"""Any JSON value, stored as its compact text.

Whatever is stored was written by orjson, so it is valid, holds no number beyond 64 bits or a
double, and is nested less deeply than SQLite's own limit of 1000: a list that embeds it cannot fail.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

import orjson

from shared.errors import FieldError
from shared.limits import JSON_FIELD_BYTES_DEFAULT
from shared.quote import quote_identifier
from shared.schema.fields.editor import exceeds_bytes
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, FieldProblem, Value
from shared.schema.fields.options import Option, read_count

_NOT_JSON: Final = FieldError("validation_invalid_json", "Must be a valid JSON value.")
_BLANK: Final = frozenset({"null", '""', "[]", "{}"})
_WORDS: Final = frozenset({"true", "false", "null"})
_JSON_BEGINS: Final = frozenset('{["-0123456789')


class JsonField(Field):
    """Type `json`. `max_size` in bytes; 0 means 1 MiB."""

    kind = "json"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("maxSize", "max_size", read_count, 0),
        REQUIRED_OPTION,
    )
    max_size: int

    def settle(self) -> None:
        """Make the bound and its error."""
        self._most = self.max_size or JSON_FIELD_BYTES_DEFAULT
        self._too_large = FieldError(
            "validation_json_size_limit",
            f"Must be no more than {self._most} bytes of JSON.",
            {"maxSize": self._most},
        )

    def zero(self) -> Value:
        """NULL, which reads as JSON's null."""
        return None

    def prepare(self, raw: object) -> Value:
        """JSON text; a text that looks like JSON is taken as JSON. Raises FieldProblem."""
        if raw is None:
            return None
        text = json_text(parsed_text(raw) if isinstance(raw, str) else raw)
        return None if text == "null" else text

    def check(self, value: Value) -> FieldError | None:
        """Size, and content where it is required."""
        if value is None or value in _BLANK:
            return self.blank
        if type(value) is not str:
            return INVALID
        return self._too_large if exceeds_bytes(value, self._most) else None

    def plain(self, value: Value) -> object:
        """What the JSON text says."""
        return None if value is None else orjson.loads(str(value))

    def items(self, value: Value) -> list[str]:  # noqa: ARG002
        """JSON is not a list of texts."""
        return []

    def column(self) -> str:
        """JSON text or NULL."""
        return f"{quote_identifier(self.name)} TEXT DEFAULT NULL"

    def json_sql(self, column_sql: str) -> str:
        """Embedded as JSON; json(NULL) is NULL."""
        return f"json({column_sql})"


def json_text(raw: object) -> str:
    """`raw` as compact JSON text. Raises FieldProblem for what JSON cannot say."""
    if isinstance(raw, float) and not math.isfinite(raw):
        raise FieldProblem(_NOT_JSON)
    try:
        return orjson.dumps(raw).decode()
    except TypeError:  # what orjson raises for depth, size of numbers and broken text as well
        raise FieldProblem(_NOT_JSON) from None


def parsed_text(text: str) -> Any:
    """The JSON value that `text` looks like, else `text` itself."""
    trimmed = text.strip()
    if trimmed not in _WORDS and trimmed[:1] not in _JSON_BEGINS:
        return text
    try:
        return orjson.loads(trimmed)
    except ValueError:
        return text

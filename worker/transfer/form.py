"""From a record of a file to the values of a row: one small function a field, made once.

Fields that the file does not name get what a create through the API would give them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError, invalid
from shared.ids import token_key
from shared.passwords import hash_password
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.field import Field, FieldProblem, Value
from shared.schema.fields.password import PasswordField
from shared.schema.fields.text import ID_NAME
from worker.transfer.convert import Convert, converter, hash_converter
from worker.transfer.mapping import Column, FieldMap
from worker.transfer.rows import UNKNOWN_FIELD, Named

TOKEN_KEY: Final = "tokenKey"  # noqa: S105 - the name of a field
PASSWORD: Final = "password"  # noqa: S105
_NOTHING: Final = (None, "")
_SECRET_BYTES: Final = 32

Slot = Callable[[Any], Value]
"""The value of one field, of a whole record. Raises FieldProblem."""


class BadRecordError(Exception):
    """A record that cannot be stored. `problems`: field → what is wrong."""

    def __init__(self, problems: Mapping[str, FieldError]) -> None:
        super().__init__(", ".join(problems))
        self.problems = dict(problems)


class RowForm:
    """How records of one file become rows of one collection.

    `optional`: fields without a value are no fault, since the record may exist already.
    `incomplete`: names of fields that a new record would lack.
    """

    def __init__(
        self,
        collection: Collection,
        fields: FieldMap,
        now: str,
        *,
        named: bool,
        literal: bool,
        null: str | None,
        optional: bool,
    ) -> None:
        """Raises INVALID where a required field has no column."""
        self.collection = collection
        self.incomplete: list[str] = []
        self.hashed_at: int | None = None
        """Where plain passwords stand in a row, which are to be hashed."""
        self.makes_ids = True
        """All ids are made here: no record so far has its own."""
        self._named = named
        self._literal = literal
        self._null = null
        self._now = now
        self._optional = optional
        self._columns = {one.field.name: (at, one) for at, one in enumerate(fields.columns)}
        self._known = frozenset({one.name for one in fields.columns} | set(fields.ignored))
        self._names = tuple(one.name for one in collection.fields)
        self._slots = [self._slot(field, at) for at, field in enumerate(collection.fields)]

    def row(self, record: Any) -> list[Value]:
        """The values in the order of the fields. Raises BadRecordError with all that is wrong."""
        try:
            if self._named and not self._known.issuperset(record):
                raise BadRecordError(self._problems(record))
            return [slot(record) for slot in self._slots]
        except FieldProblem:
            raise BadRecordError(self._problems(record)) from None

    def given(self, record: Named) -> str:
        """Which fields the record names: a digit for each."""
        columns = self._columns
        return "".join(
            "1" if name in columns and columns[name][1].name in record else "0"
            for name in self._names
        )

    def _problems(self, record: Any) -> dict[str, FieldError]:
        problems: dict[str, FieldError] = {}
        for name, slot in zip(self._names, self._slots, strict=True):
            try:
                slot(record)
            except FieldProblem as problem:
                problems[name] = problem.error
        if self._named:
            for name in record:
                if name not in self._known:
                    problems[name] = FieldError(UNKNOWN_FIELD, "The collection has no such field.")
        return problems

    # --- One field ------------------------------------------------------------------------------

    def _slot(self, field: Field, at: int) -> Slot:
        found = self._columns.get(field.name)
        if found is None:
            return self._unnamed(field)
        position, column = found
        if isinstance(field, PasswordField) and not column.hashed:
            self.hashed_at = at
        convert = self._convert(field, column)
        if not self._named:
            return lambda cells: convert(cells[position])
        name, blank = column.name, self._unnamed(field)
        return lambda record: convert(record[name]) if name in record else blank(record)

    def _convert(self, field: Field, column: Column) -> Convert:
        """With the text that stands for no value, and generated values in the place of none."""
        if column.hashed and isinstance(field, PasswordField):
            convert = hash_converter(field)
        else:
            convert = converter(field, literal=self._literal)
        if field.name == ID_NAME:
            convert = self._noted(convert)
        blank, null = self._blank(field), self._null
        fills = field.fills_on_create or self._is_token_key(field)
        if not fills and null is None:
            return convert
        if not fills:
            return lambda raw: blank() if raw == null else convert(raw)
        return lambda raw: blank() if raw in _NOTHING or raw == null else convert(raw)

    def _noted(self, convert: Convert) -> Convert:
        """For ids: it is noted that there are some."""

        def noted(raw: Any) -> Value:
            self.makes_ids = False
            return convert(raw)

        return noted

    def _blank(self, field: Field) -> Callable[[], Value]:
        """The value of a field that is named and empty."""
        if self._is_token_key(field):
            return token_key
        if field.fills_on_create:
            return lambda: field.on_create(self._now)
        zero = field.zero()
        judge = field.check_plain if isinstance(field, PasswordField) else field.check
        problem = judge(zero)  # type: ignore[arg-type]  # a password's zero is a text
        if problem is None:
            return lambda: zero
        return lambda: _refuse(problem)

    def _unnamed(self, field: Field) -> Slot:
        """The value of a field that a record does not name."""
        if field.name == PASSWORD and self.collection.type == AUTH:
            unknown = hash_password(secrets.token_urlsafe(_SECRET_BYTES))
            return lambda _: unknown
        blank = self._blank(field)
        try:
            blank()
        except FieldProblem as problem:
            self.incomplete.append(field.name)
            if self._optional:
                zero = field.zero()
                return lambda _: zero
            if not self._named:
                raise invalid(
                    f"The field {field.name} of {self.collection.name} cannot be blank, and no"
                    " column gives it."
                ) from None
            error = problem.error
            return lambda _: _refuse(error)
        return lambda _: blank()

    def _is_token_key(self, field: Field) -> bool:
        return self.collection.type == AUTH and field.name == TOKEN_KEY


def _refuse(error: FieldError) -> Value:
    raise FieldProblem(error)


def names_of(columns: Sequence[Column]) -> list[str]:
    """The fields that the file gives."""
    return [one.field.name for one in columns]

"""Points in time, stored and compared as text of one form (see `shared.dates`)."""

from __future__ import annotations

from typing import ClassVar, Final

from shared.dates import DATE_CHARS, parse
from shared.errors import FieldError
from shared.schema.fields.cast import NOT_A_SCALAR
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, FieldProblem, Value
from shared.schema.fields.options import Option, OptionError, at_least, at_most, read_text

_NOT_A_DATE: Final = FieldError("validation_invalid_value", "Must be a valid date.")


def read_date(raw: object) -> str:
    """An option that is a date or empty, in stored form. Raises OptionError."""
    text = read_text(raw)
    found = parse(text)
    if text.strip() and not found:
        raise OptionError(_NOT_A_DATE)
    return found


class DateField(Field):
    """Type `date`. What cannot be read as a date is stored as none."""

    kind = "date"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("min", "min", read_date, ""),
        Option("max", "max", read_date, ""),
        REQUIRED_OPTION,
    )
    min: str
    max: str

    def settle(self) -> None:
        """Make the bounds and their errors."""
        self._high = self.max or "~"  # sorts after every digit
        self._too_early = at_least(self.min)
        self._too_late = at_most(self.max)

    def prepare(self, raw: object) -> Value:
        """The stored form, or `""`. Raises FieldProblem for lists and objects."""
        if isinstance(raw, list | dict):
            raise FieldProblem(NOT_A_SCALAR)
        return parse(raw)

    def check(self, value: Value) -> FieldError | None:
        """Within the bounds; text order is time order."""
        if not value:
            return self.blank
        if type(value) is not str or len(value) != DATE_CHARS:
            return INVALID
        if value < self.min:
            return self._too_early
        return self._too_late if value > self._high else None

    def option_problems(self) -> dict[str, FieldError]:
        """Order of the bounds."""
        if self.min and self.max and self.max < self.min:
            return {"max": at_least(self.min)}
        return {}

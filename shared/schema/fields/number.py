"""Numbers: 64-bit integers kept exactly, everything else as a double."""

from __future__ import annotations

from typing import ClassVar, Final

from shared.errors import FieldError
from shared.quote import quote_identifier
from shared.schema.fields.cast import number_of
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option, at_least, read_bool, read_number

ONLY_INT: Final = FieldError("validation_only_int_constraint", "Decimal numbers are not allowed.")


class NumberField(Field):
    """Type `number`. 0 is the empty value: `required` refuses it, `min` and `max` do not see it."""

    kind = "number"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("min", "min", read_number, None),
        Option("max", "max", read_number, None),
        Option("onlyInt", "only_int", read_bool, default=False),
        REQUIRED_OPTION,
    )
    min: int | float | None
    max: int | float | None
    only_int: bool

    def settle(self) -> None:
        """Make the bounds comparable without a test for None, and the errors."""
        self.low = float("-inf") if self.min is None else self.min
        self.high = float("inf") if self.max is None else self.max
        self.too_small = FieldError(
            "validation_min_number_constraint", f"Must be at least {self.min}.", {"min": self.min}
        )
        self.too_large = FieldError(
            "validation_max_number_constraint",
            f"Must be no more than {self.max}.",
            {"max": self.max},
        )

    def zero(self) -> Value:
        """0."""
        return 0

    def prepare(self, raw: object) -> Value:
        """A finite number; text that is none is 0. Raises FieldProblem."""
        return number_of(raw)

    def check(self, value: Value) -> FieldError | None:
        """Whole where it must be, and within the bounds."""
        if not value:
            return self.blank
        if not isinstance(value, int | float):
            return INVALID
        if self.only_int and value % 1:
            return ONLY_INT
        if value < self.low:
            return self.too_small
        if value > self.high:
            return self.too_large
        return None

    def items(self, value: Value) -> list[str]:  # noqa: ARG002
        """Numbers hold no texts."""
        return []

    def column(self) -> str:
        """NUMERIC affinity: SQLite keeps whole numbers as integers."""
        return f"{quote_identifier(self.name)} NUMERIC NOT NULL DEFAULT 0"

    def option_problems(self) -> dict[str, FieldError]:
        """Order of the bounds, and whole bounds for whole numbers."""
        problems: dict[str, FieldError] = {}
        for key, bound in (("min", self.min), ("max", self.max)):
            if self.only_int and bound is not None and bound % 1:
                problems[key] = ONLY_INT
        if self.min is not None and self.max is not None and self.max < self.min:
            problems.setdefault("max", at_least(self.min))
        return problems

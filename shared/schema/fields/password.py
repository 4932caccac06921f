"""Passwords: judged in plain form, stored only as a hash.

Hashing takes tens of milliseconds and belongs to `worker.auth`. Here `check` accepts nothing but a
hash, so that a plain password that was not hashed cannot reach the database by mistake.
"""

from __future__ import annotations

from typing import ClassVar, Final

from shared.errors import FieldError
from shared.schema.fields.cast import text_of
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option, at_least, at_most, read_count, read_text
from shared.schema.fields.pattern import PatternError, compile_pattern

PASSWORD_CHARS_MAX: Final = 71
"""bcrypt reads 72 bytes; the bound stays so that imported settings mean the same."""
_COST_MIN: Final = 4
_COST_MAX: Final = 31
_HASH_BEGINS: Final = ("$argon2id$", "$2a$", "$2b$", "$2y$")


class PasswordField(Field):
    """Type `password`. `cost` is bcrypt's and kept only for imported schemas."""

    kind = "password"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("pattern", "pattern", read_text, ""),
        Option("min", "min", read_count, 0),
        Option("max", "max", read_count, 0),
        Option("cost", "cost", read_count, 0),
        REQUIRED_OPTION,
    )
    pattern: str
    min: int
    max: int
    cost: int

    def settle(self) -> None:
        """Compile the pattern; one that does not compile is told by `option_problems`."""
        self.secret = True
        self._most = self.max or PASSWORD_CHARS_MAX
        self._pattern_problem: str | None = None
        self._found = None
        if self.pattern:
            try:
                self._found = compile_pattern(self.pattern)
            except PatternError as problem:
                self._pattern_problem = str(problem)

    def prepare(self, raw: object) -> Value:
        """The plain password, which must be judged by `check_plain` and hashed before `check`.

        Raises FieldProblem.
        """
        return text_of(raw)

    def check_plain(self, plain: str) -> FieldError | None:
        """What is wrong with a plain password."""
        if not plain:
            return self.blank
        if len(plain) < self.min:
            return FieldError(
                "validation_min_text_constraint",
                f"Must be at least {self.min} character(s).",
                {"min": self.min},
            )
        if len(plain) > self._most:
            return FieldError(
                "validation_max_text_constraint",
                f"Must be no more than {self._most} character(s).",
                {"max": self._most},
            )
        if self._found is not None and self._found(plain) is None:
            return FieldError("validation_invalid_format", "The value does not match the pattern.")
        return None

    def check(self, value: Value) -> FieldError | None:
        """A stored value is a hash or nothing."""
        if not value:
            return self.blank
        if type(value) is not str or not value.startswith(_HASH_BEGINS):
            return INVALID
        return None

    def option_problems(self) -> dict[str, FieldError]:
        """Bounds in order, a pattern that compiles."""
        problems: dict[str, FieldError] = {}
        if self._pattern_problem is not None:
            message = f"Not a valid pattern: {self._pattern_problem}."
            problems["pattern"] = FieldError("validation_invalid_regex", message)
        for key, length in (("min", self.min), ("max", self.max)):
            if length > PASSWORD_CHARS_MAX:
                problems[key] = at_most(PASSWORD_CHARS_MAX)
        if self.max and self.max < self.min:
            problems.setdefault("max", at_least(self.min))
        if self.cost and not _COST_MIN <= self.cost <= _COST_MAX:
            problems["cost"] = at_most(_COST_MAX) if self.cost > _COST_MAX else at_least(_COST_MIN)
        return problems

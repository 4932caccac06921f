"""Plain text, with length, pattern and, for `id`, the rules of a primary key."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import ClassVar, Final

from shared.errors import FieldError
from shared.ids import LOWER_ALPHABET, RECORD_ID_CHARS, record_id
from shared.limits import TEXT_CHARS_DEFAULT
from shared.quote import quote_identifier
from shared.schema.fields.autogenerate import AutogenerateError, Generator
from shared.schema.fields.cast import text_of
from shared.schema.fields.field import INVALID, REQUIRED, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option, at_least, read_bool, read_count, read_text
from shared.schema.fields.pattern import PatternError, compile_pattern

ID_NAME: Final = "id"
ID_PATTERN: Final = "^[a-z0-9]+$"
ID_AUTOGENERATE: Final = f"[a-z0-9]{{{RECORD_ID_CHARS}}}"

# Ids end in URLs, file names and topics; Windows also refuses the names of its devices.
_KEY_FORBIDDEN: Final = re.compile(r"[./\\|\"'`<>:?*%$\s\x00-\x1f\x7f]")
_KEY_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
_SAMPLES: Final = 10


class TextField(Field):
    """Type `text`. Lengths count code points; `max` 0 means 5000."""

    kind = "text"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("min", "min", read_count, 0),
        Option("max", "max", read_count, 0),
        Option("pattern", "pattern", read_text, ""),
        Option("autogeneratePattern", "autogenerate_pattern", read_text, ""),
        Option("primaryKey", "primary_key", read_bool, default=False),
        REQUIRED_OPTION,
    )
    min: int
    max: int
    pattern: str
    autogenerate_pattern: str
    primary_key: bool

    def settle(self) -> None:
        """Compile pattern and generator; what does not compile is told by `option_problems`."""
        # The name stands in for "a system field of an auth collection": no other may be system.
        self.secret = self.system and self.name == "tokenKey"
        self._max = self.max or TEXT_CHARS_DEFAULT
        self._low = max(1, self.min)
        self._too_short = FieldError(
            "validation_min_text_constraint",
            f"Must be at least {self.min} character(s).",
            {"min": self.min},
        )
        self._too_long = FieldError(
            "validation_max_text_constraint",
            f"Must be no more than {self._max} character(s).",
            {"max": self._max},
        )
        self._pattern_problem: str | None = None
        self._found: Callable[[str], object] | None = self._matcher()
        self._generator_problem: str | None = None
        self._generate: Callable[[], str] | None = self._maker()
        self.fills_on_create = self._generate is not None
        self._free_key = self.primary_key and self.pattern != ID_PATTERN

    def _matcher(self) -> Callable[[str], object] | None:
        if not self.pattern:
            return None
        if self.pattern == ID_PATTERN:
            return _only_id_characters
        try:
            return compile_pattern(self.pattern)
        except PatternError as problem:
            self._pattern_problem = str(problem)
            return None

    def _maker(self) -> Callable[[], str] | None:
        if not self.autogenerate_pattern:
            return None
        if self.autogenerate_pattern == ID_AUTOGENERATE:
            return record_id
        try:
            return Generator(self.autogenerate_pattern).text
        except AutogenerateError as problem:
            self._generator_problem = str(problem)
            return None

    def prepare(self, raw: object) -> Value:
        """Text of any scalar. Raises FieldProblem."""
        return text_of(raw)

    def check(self, value: Value) -> FieldError | None:
        """Length, pattern, and for a key its characters."""
        if not value:
            return self.blank
        if type(value) is not str:
            return INVALID
        if not self._low <= len(value) <= self._max:
            return self._too_long if len(value) > self._max else self._too_short
        if self._found is not None and self._found(value) is None:
            return FieldError("validation_invalid_format", "The value does not match the pattern.")
        return _key_problem(value) if self._free_key else None

    def on_create(self, now: str) -> Value:  # noqa: ARG002
        """A generated value where the definition has a pattern for it."""
        return self._generate() if self._generate is not None else None

    def generated(self, prefix: str) -> str:
        """`prefix` and what the pattern makes; without a pattern the prefix alone."""
        return prefix if self._generate is None else prefix + self._generate()

    def column(self) -> str:
        """The key is a unique text beside the rowid, which lists twice as fast as a text key."""
        if self.primary_key:
            return f"{quote_identifier(self.name)} TEXT NOT NULL UNIQUE"
        return super().column()

    def option_problems(self) -> dict[str, FieldError]:
        """Order of lengths, syntax of patterns, and what a primary key must be."""
        problems: dict[str, FieldError] = {}
        if self.max and self.max < self.min:
            problems["max"] = at_least(self.min)
        if self._pattern_problem is not None:
            message = f"Not a valid pattern: {self._pattern_problem}."
            problems["pattern"] = FieldError("validation_invalid_regex", message)
        if self._generator_problem is not None:
            message = f"Not a pattern to generate from: {self._generator_problem}."
            problems["autogeneratePattern"] = FieldError("validation_invalid_regex", message)
        elif not problems and (problem := self._generated_problem()) is not None:
            problems["autogeneratePattern"] = problem
        if self.primary_key:
            problems.update(self._key_definition_problems())
        return problems

    def _generated_problem(self) -> FieldError | None:
        """A few samples must pass the field's own check: a pattern that cannot fails at once."""
        if self._generate is None:
            return None
        for _ in range(_SAMPLES):
            sample = self._generate()
            if (problem := self.check(sample)) is not None:
                message = f"It could make values that are refused, such as {sample[:50]!r}:"
                return FieldError(
                    "validation_invalid_autogenerate_pattern", f"{message} {problem.message}"
                )
        return None

    def _key_definition_problems(self) -> dict[str, FieldError]:
        problems: dict[str, FieldError] = {}
        if self.name != ID_NAME:
            problems["name"] = FieldError(
                "validation_in_invalid", f"The primary key must be named {ID_NAME}."
            )
        if not self.pattern:
            problems["pattern"] = REQUIRED
        if not self.required:
            problems["required"] = REQUIRED
        if self.hidden:
            problems["hidden"] = FieldError(
                "validation_invalid_value", "The primary key cannot be hidden."
            )
        return problems


def _only_id_characters(value: str) -> str | None:
    return None if value.strip(LOWER_ALPHABET.chars) else value


def _key_problem(value: str) -> FieldError | None:
    if (found := _KEY_FORBIDDEN.search(value)) is not None:
        return FieldError(
            "validation_forbidden_pk_character",
            "The id holds a character that is not allowed in ids.",
            {"forbidden": found[0]},
        )
    if value.lower() in _KEY_RESERVED:
        return FieldError("validation_reserved_pk", "The id is a reserved name.")
    return None


assert LOWER_ALPHABET.chars == string.ascii_lowercase + string.digits, (
    "_only_id_characters stands in for ID_PATTERN"
)

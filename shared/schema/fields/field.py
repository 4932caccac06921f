"""What every field type has in common; `fields/<type>.py` holds one type each, complete.

A field turns a JSON value of a request into the value that is stored (`prepare`), judges a stored
value (`check`), and knows its column. Both run for each field of each write: everything that depends
only on the definition is worked out once, in `__init__`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from shared.errors import FieldError
from shared.limits import FIELD_HELP_CHARS_MAX, FIELD_NAME_CHARS_MAX
from shared.quote import quote_identifier
from shared.schema.fields.options import (
    DefinitionError,
    Option,
    OptionError,
    read_bool,
    read_text,
)

Value = None | int | float | str | bytes
"""What SQLite stores; the same type as `shared.sql.plan.Value`, which this layer may not import."""

REQUIRED: Final = FieldError("validation_required", "Cannot be blank.")
INVALID: Final = FieldError("validation_invalid_value", "The value is not valid for this field.")
WRONG_TYPE: Final = FieldError("validation_invalid_value", "The value has the wrong type.")
BAD_TEXT: Final = FieldError(
    "validation_invalid_value", "Must not hold NUL characters or broken Unicode."
)

RESERVED_FIELD_NAMES: Final = frozenset(
    {"null", "true", "false", "expand", "collectionid", "collectionname"}
    # SQLite's names for the rowid; it refuses to add, rename or drop a column that has one
    | {"_rowid_", "rowid", "oid"}
)
"""In lower case; no field has one of these names in any case."""
_NAME: Final = re.compile(r"\w+", re.ASCII)


class FieldProblem(Exception):  # noqa: N818  it carries a client's mistake, not a fault of ours
    """A value that cannot be stored in a field."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.code)
        self.error = error


class Field:
    """One field of a collection. Never changed after it is made.

    `multiple`: it stores a JSON array. `secret`: its values never leave the database.
    `client_writable`: a value sent by a client counts. `fills_on_create`, `fills_on_update`:
    `on_create`, `on_update` have something to say.
    """

    kind: ClassVar[str] = ""
    client_writable: ClassVar[bool] = True
    OPTIONS: ClassVar[tuple[Option, ...]] = ()

    id: str
    name: str
    system: bool
    hidden: bool
    presentable: bool
    help: str
    required: bool = False

    def __init__(self, raw: Mapping[str, object]) -> None:
        """Read a definition in wire form; missing keys and null mean the default.

        Raises DefinitionError for options of the wrong type; limits are `option_problems`'s.
        """
        problems: dict[str, FieldError] = {}
        for option in (*_COMMON_OPTIONS, *self.OPTIONS):
            value = raw.get(option.key)
            try:
                setattr(
                    self, option.attribute, option.default if value is None else option.read(value)
                )
            except OptionError as problem:
                problems[option.key] = problem.error
        if problems:
            raise DefinitionError(problems)
        self.type = self.kind
        self.multiple = False
        self.secret = False
        self.fills_on_create = False
        self.fills_on_update = False
        self.blank: FieldError | None = REQUIRED if self.required else None
        """What an empty value means here: an error or nothing."""
        self.settle()

    def settle(self) -> None:
        """Work out whatever follows from the options. Called once, at the end of `__init__`."""

    # --- values -------------------------------------------------------------------------------

    def zero(self) -> Value:
        """The stored value of a record that was given none."""
        return ""

    def prepare(self, raw: object) -> Value:
        """The stored value for a JSON value of a request. Raises FieldProblem."""
        raise NotImplementedError

    def check(self, value: Value) -> FieldError | None:
        """What is wrong with a stored value, if anything."""
        raise NotImplementedError

    def on_create(self, now: str) -> Value:  # noqa: ARG002
        """The value of a new record when its client gave none that counts, or None."""
        return None

    def on_update(self, now: str) -> Value:  # noqa: ARG002
        """The value that every update sets, or None."""
        return None

    def items(self, value: Value) -> list[str]:
        """The texts in a stored value: none, one, or those of its array."""
        return [str(value)] if value not in (None, "") else []

    def plain(self, value: Value) -> object:
        """A stored value as the JSON value that stands for it in a request."""
        return value

    # --- SQL ----------------------------------------------------------------------------------

    def column(self) -> str:
        """The column's definition in a CREATE TABLE or ADD COLUMN."""
        return f"{quote_identifier(self.name)} TEXT NOT NULL DEFAULT ''"

    def json_sql(self, column_sql: str) -> str:
        """An SQL expression over the stored value that json_object embeds rightly."""
        return column_sql

    # --- definition ---------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The definition in wire form; also what the catalog stores."""
        shown: dict[str, Any] = {"type": self.type}
        for option in (*_COMMON_OPTIONS, *self.OPTIONS):
            value = getattr(self, option.attribute)
            shown[option.key] = list(value) if isinstance(value, tuple) else value
        return shown

    def definition_problems(self) -> dict[str, FieldError]:
        """What is wrong with the definition itself: wire key → error."""
        problems = {} if (error := _name_problem(self.name)) is None else {"name": error}
        if not 0 < len(self.id) <= FIELD_NAME_CHARS_MAX or not self.id.isprintable():
            problems["id"] = _length_problem(1, FIELD_NAME_CHARS_MAX)
        if len(self.help) > FIELD_HELP_CHARS_MAX:
            problems["help"] = _length_problem(0, FIELD_HELP_CHARS_MAX)
        problems.update(self.option_problems())
        return problems

    def option_problems(self) -> dict[str, FieldError]:
        """What is wrong with this type's own options: wire key → error."""
        return {}

    def reference_problems(self, exists: Callable[[str], bool]) -> dict[str, FieldError]:  # noqa: ARG002
        """What is wrong with references to collections; `exists` says if an id is one."""
        return {}

    def change_problems(self, old: Field) -> dict[str, FieldError]:
        """What may not change from `old`, the field of the same id: wire key → error."""
        changed = FieldError("validation_field_type_change", "The field type cannot be changed.")
        if old.type != self.type:
            return {"type": changed}
        if old.multiple != self.multiple:
            message = "Changing between one and several values is not supported yet."
            return {"maxSelect": FieldError(changed.code, message)}
        return {}


_COMMON_OPTIONS: Final = (
    Option("id", "id", read_text, ""),
    Option("name", "name", read_text, ""),
    Option("system", "system", read_bool, default=False),
    Option("hidden", "hidden", read_bool, default=False),
    Option("presentable", "presentable", read_bool, default=False),
    Option("help", "help", read_text, ""),
)

REQUIRED_OPTION: Final = Option("required", "required", read_bool, default=False)


def _length_problem(low: int, high: int) -> FieldError:
    return FieldError(
        "validation_length_out_of_range",
        f"Must have between {low} and {high} characters.",
        {"min": low, "max": high},
    )


def _name_problem(name: str) -> FieldError | None:
    if not name:
        return REQUIRED
    if len(name) > FIELD_NAME_CHARS_MAX:
        return _length_problem(1, FIELD_NAME_CHARS_MAX)
    if _NAME.fullmatch(name) is None:
        return FieldError("validation_match_invalid", "May hold only letters, digits and _.")
    if name.lower() in RESERVED_FIELD_NAMES:
        return FieldError("validation_not_in_invalid", "This name is reserved.")
    if "_via_" in name:
        return FieldError("validation_found_via", "A name may not contain _via_.")
    return None

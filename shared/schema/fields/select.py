"""A choice from a fixed list of values."""

from __future__ import annotations

from typing import ClassVar

from shared.errors import FieldError
from shared.schema.fields.field import REQUIRED, REQUIRED_OPTION
from shared.schema.fields.listed import ListedField
from shared.schema.fields.options import Option, at_most, read_count, read_texts


class SelectField(ListedField):
    """Type `select`."""

    kind = "select"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("values", "values", read_texts, ()),
        Option("maxSelect", "max_select", read_count, 0),
        REQUIRED_OPTION,
    )
    values: tuple[str, ...]

    def settle(self) -> None:
        """Make the values quick to look up."""
        super().settle()
        self._known = frozenset(self.values)

    def check_items(self, texts: list[str]) -> FieldError | None:
        """Each value must be one of the list."""
        for text in texts:
            if text not in self._known:
                return not_a_value(text)
        return None

    def option_problems(self) -> dict[str, FieldError]:
        """Values that exist, are distinct and not empty, and as many as can be selected."""
        if not self.values:
            return {"values": REQUIRED}
        problems: dict[str, FieldError] = {}
        if "" in self.values:
            problems["values"] = REQUIRED
        elif len(self._known) != len(self.values):
            problems["values"] = FieldError(
                "validation_duplicated_value", "The values must differ from each other."
            )
        if self.max_select > len(self.values):
            problems["maxSelect"] = at_most(len(self.values))
        return problems


def not_a_value(text: str | None) -> FieldError:
    """The error for a text that cannot be chosen, where it is known which."""
    params = None if text is None else {"value": text}
    return FieldError("validation_invalid_value", "Not one of the values.", params)

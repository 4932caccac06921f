"""References to records of one collection, by id.

That the referenced records exist is a guard of the write (`validation_missing_rel_records`), since
only the writer can know; here only numbers are judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from shared.errors import FieldError
from shared.schema.fields.field import REQUIRED, REQUIRED_OPTION, Field
from shared.schema.fields.listed import ListedField
from shared.schema.fields.options import Option, at_least, read_bool, read_count, read_text


class RelationField(ListedField):
    """Type `relation`. `target_id` is the referenced collection's id (`collectionId` on the wire).

    When a referenced record goes: with `cascade_delete` the record goes too if none is left; else
    the reference is taken out, or the deletion refused if that would leave a required field empty.
    """

    kind = "relation"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("collectionId", "target_id", read_text, ""),
        Option("cascadeDelete", "cascade_delete", read_bool, default=False),
        Option("minSelect", "min_select", read_count, 0),
        Option("maxSelect", "max_select", read_count, 0),
        REQUIRED_OPTION,
    )
    target_id: str
    cascade_delete: bool
    min_select: int

    def option_problems(self) -> dict[str, FieldError]:
        """A target, and bounds in order."""
        problems: dict[str, FieldError] = {}
        if not self.target_id:
            problems["collectionId"] = REQUIRED
        if self.min_select > self.most:
            problems["maxSelect"] = at_least(self.min_select)
        return problems

    def reference_problems(self, exists: Callable[[str], bool]) -> dict[str, FieldError]:
        """The target must be a collection."""
        if not self.target_id or exists(self.target_id):
            return {}
        error = FieldError(
            "validation_missing_rel_collection", "The related collection does not exist."
        )
        return {"collectionId": error}

    def change_problems(self, old: Field) -> dict[str, FieldError]:
        """The target stays: the stored ids would mean other records."""
        problems = super().change_problems(old)
        if isinstance(old, RelationField) and old.target_id != self.target_id:
            problems["collectionId"] = FieldError(
                "validation_field_relation_change", "The related collection cannot be changed."
            )
        return problems

"""The moments of a record's creation and last update, set by us and never by a client."""

from __future__ import annotations

from typing import ClassVar

from shared.errors import FieldError
from shared.schema.fields.field import REQUIRED, Field, Value
from shared.schema.fields.options import Option, read_bool


class AutodateField(Field):
    """Type `autodate`. Values sent by clients do not count."""

    kind = "autodate"
    client_writable = False
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("onCreate", "set_on_create", read_bool, default=False),
        Option("onUpdate", "set_on_update", read_bool, default=False),
    )
    set_on_create: bool
    set_on_update: bool

    def settle(self) -> None:
        """Tell the collection when to ask."""
        self.fills_on_create = self.set_on_create
        self.fills_on_update = self.set_on_update

    def prepare(self, raw: object) -> Value:  # noqa: ARG002
        """Nothing that a client sends is stored."""
        return ""

    def check(self, value: Value) -> FieldError | None:  # noqa: ARG002
        """Our own values need no check."""
        return None

    def on_create(self, now: str) -> Value:
        """The present moment, where it is asked for."""
        return now if self.set_on_create else None

    def on_update(self, now: str) -> Value:
        """The present moment, where it is asked for."""
        return now if self.set_on_update else None

    def option_problems(self) -> dict[str, FieldError]:
        """A field that is never set would be useless."""
        if self.set_on_create or self.set_on_update:
            return {}
        return {"onCreate": FieldError(REQUIRED.code, "Set onCreate, onUpdate or both.")}

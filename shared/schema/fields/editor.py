"""Rich text: HTML as an editor made it, bounded in bytes.

It is stored as it came. What is shown to people must be sanitised where it is shown.
"""

from __future__ import annotations

from typing import ClassVar

from shared.errors import FieldError
from shared.limits import EDITOR_FIELD_BYTES_DEFAULT
from shared.schema.fields.cast import text_of
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option, read_bool, read_count


class EditorField(Field):
    """Type `editor`. `max_size` in bytes; 0 means 5 MiB.

    `convert_urls` tells an editing screen to strip the domain of links; nothing is changed here.
    """

    kind = "editor"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("maxSize", "max_size", read_count, 0),
        Option("convertURLs", "convert_urls", read_bool, default=False),
        REQUIRED_OPTION,
    )
    max_size: int
    convert_urls: bool

    def settle(self) -> None:
        """Make the bound and its error."""
        self._most = self.max_size or EDITOR_FIELD_BYTES_DEFAULT
        self._too_large = FieldError(
            "validation_content_size_limit",
            f"Must be no more than {self._most} bytes.",
            {"maxSize": self._most},
        )

    def prepare(self, raw: object) -> Value:
        """Text of any scalar. Raises FieldProblem."""
        return text_of(raw)

    def check(self, value: Value) -> FieldError | None:
        """Size in bytes of UTF-8."""
        if not value:
            return self.blank
        if type(value) is not str:
            return INVALID
        return self._too_large if exceeds_bytes(value, self._most) else None


def exceeds_bytes(text: str, most: int) -> bool:
    """Whether `text` takes more than `most` bytes of UTF-8; it is encoded only if need be."""
    return len(text) > most or (len(text) * 4 > most and len(text.encode()) > most)

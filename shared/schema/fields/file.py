"""Names of files that belong to a record: one, or a list.

A name is made when a file is stored, so a client can keep or take away names and never set one.
Which names are stored is a guard of the write, since only the writer can know.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from shared.errors import FieldError
from shared.schema.fields.field import REQUIRED_OPTION
from shared.schema.fields.listed import ListedField
from shared.schema.fields.options import Option, read_bool, read_count, read_texts

INVALID_FILE: Final = "validation_invalid_file"
"""Code for a name that is not one of the stored ones."""
# Width x height, then crop to the top, to the bottom, or fit; 0 keeps the proportion.
_THUMB: Final = re.compile(r"(?!0+x0+[tbf]?$)[0-9]{1,5}x[0-9]{1,5}[tbf]?", re.ASCII)


class FileField(ListedField):
    """Type `file`. `max_size` in bytes for each file; 0 means 5 MiB.

    `mime_types`: empty admits all. `protected`: reading one takes a token.
    """

    kind = "file"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("maxSelect", "max_select", read_count, 0),
        Option("maxSize", "max_size", read_count, 0),
        Option("mimeTypes", "mime_types", read_texts, ()),
        Option("thumbs", "thumbs", read_texts, ()),
        Option("protected", "protected", read_bool, default=False),
        REQUIRED_OPTION,
    )
    max_size: int
    mime_types: tuple[str, ...]
    thumbs: tuple[str, ...]
    protected: bool

    def settle(self) -> None:
        """Files have their own code for too many."""
        super().settle()
        self.too_many = FieldError(
            "validation_too_many_files",
            f"Select no more than {self.most} file(s).",
            {"maxSelect": self.most},
        )

    def option_problems(self) -> dict[str, FieldError]:
        """Sizes of thumbs such as 100x100, 0x50, 80x80t."""
        return {
            f"thumbs.{position}": FieldError(
                "validation_match_invalid", "Must be a size such as 100x100, 0x50 or 80x80t."
            )
            for position, thumb in enumerate(self.thumbs)
            if _THUMB.fullmatch(thumb) is None
        }

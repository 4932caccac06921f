"""What can be wrong with a filter, a rule or a sort expression."""

from __future__ import annotations


class LanguageError(Exception):
    """The text is not a valid expression, or says what is not supported.

    `position`: index of the character at fault in the text, counted from 0.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at character {position})")
        self.message = message
        self.position = position


class ForbiddenNameError(LanguageError):
    """A client names `@request.…` or `@collection.…`, which only rules and superusers may do.

    A wire dialect answers this with 403, any other `LanguageError` with 400.
    """

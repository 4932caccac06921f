"""Regular expressions that users write: RE2, which takes linear time whatever the pattern.

Python's own `re` backtracks, so one stored pattern could hold a worker for minutes. The syntax is
also that of Go, hence of PocketBase's existing schemas. Nothing else compiles a user's pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import re2

from shared.limits import PATTERN_MEMORY_BYTES

_OPTIONS: Final = re2.Options()
_OPTIONS.max_mem = PATTERN_MEMORY_BYTES
_OPTIONS.log_errors = False


class PatternError(ValueError):
    """A pattern that RE2 refuses: bad syntax, or too large when compiled."""


def compile_pattern(pattern: str) -> Callable[[str], object]:
    """A function that finds `pattern` anywhere in a text: a match or None.

    Raises PatternError.
    """
    try:
        compiled = re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(_reason(error)) from None
    search = compiled.search

    def found(text: str) -> object:
        # As bytes, the wrapper need not translate offsets, which costs more than the search.
        return search(text.encode())

    return found


def _reason(error: Exception) -> str:
    """RE2 gives its reason as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(error)

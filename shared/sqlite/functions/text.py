"""Regular expressions: `regexp(pattern, text)`, which is also `text REGEXP pattern`.

RE2 takes time linear in the text, times the size of the compiled pattern at worst: where its
automaton has too many states it walks through all of them for each byte. So it is that product
that is bounded. Nothing is captured, so that the automaton alone answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

from shared.limits import (
    SQL_PATTERN_BYTES_MAX,
    SQL_PATTERN_MEMORY_BYTES,
    SQL_PATTERN_STEPS_MAX,
    SQL_PATTERNS_KEPT,
    SQL_TEXT_BYTES_MAX,
)
from shared.sqlite.functions.function import (
    Function,
    FunctionError,
    is_longer,
    refuse,
    text_argument,
)


def regexp(pattern: object, text: object) -> bool | None:
    """Whether `pattern` is found anywhere in `text`; NULL when either is.

    Numbers are read as texts, and blobs never match. Raises FunctionError for a pattern that is
    none, and for one that is too large for this text.
    """
    if pattern is None or text is None:
        return None
    if type(text) is not str:
        if type(text) is bytes:
            return False
        text = str(text)
    search, bytes_max = _compiled(text_argument("regexp", pattern, SQL_PATTERN_BYTES_MAX))
    if is_longer(text, bytes_max):
        refuse("regexp", f"for this pattern a text has {bytes_max} bytes at most")
    # As bytes, since the library would translate offsets, which costs more than the search.
    return search(text.encode()) is not None


@cache
def _library() -> tuple[Any, Any]:
    import re2  # noqa: PLC0415 - at the first call

    options = re2.Options()
    options.max_mem = SQL_PATTERN_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    return re2, options


@lru_cache(SQL_PATTERNS_KEPT)
def _compiled(pattern: str) -> tuple[Callable[[bytes], object], int]:
    """How to search, and the bytes that a text may have. Raises FunctionError."""
    re2, options = _library()
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise FunctionError(f"regexp: {_reason(error)}") from None
    size = compiled._regexp.ProgramSize()  # noqa: SLF001 - nothing else tells it
    return compiled.search, min(SQL_TEXT_BYTES_MAX, SQL_PATTERN_STEPS_MAX // max(size, 1))


def _reason(error: Exception) -> str:
    """RE2 gives its reason as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(error)


FUNCTIONS: Final = (Function("regexp", regexp, 2),)

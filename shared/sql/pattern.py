r"""The right side of `~`: how a searched text becomes a LIKE pattern with `\` as its escape.

A text without a wildcard of the user's own is searched for anywhere and means itself. One with an
unescaped `%` is a pattern already and stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

_GLOB: Final = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_UNITS: Final = re.compile(r"\\[\\%_]|[\\%_]")  # an escaped character, or one to be escaped


def like_pattern(text: str) -> str:
    r"""`text` as a pattern: `50` → `%50%`, `a_b` → `%a\_b%`, `a%` → `a%`, `50\%` → `%50\%%`."""
    if any(unit.group() == "%" for unit in _UNITS.finditer(text)):
        return text
    return "%" + _UNITS.sub(_escaped, text) + "%"


def _escaped(unit: re.Match[str]) -> str:
    found = unit.group()
    return found if len(found) == 2 else "\\" + found


def glob_pattern(pattern: str) -> str:
    """A pattern of SQL's LIKE without an escape as one of GLOB, which is never case-insensitive."""
    return "".join([_GLOB.get(one, one) for one in pattern])

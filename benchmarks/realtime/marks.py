"""How an event is recognised without decoding it: every record carries a mark of eight digits.

A read may end in the middle of a mark. Therefore the last bytes before each read, one fewer than a
mark has, are put before it: no mark is missed, and none is found twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Final

FIELD: Final = "mark"
_FIRST: Final = 10_000_001
_FOUND: Final = re.compile(rb'"mark":"(\d{8})"')
CARRY_BYTES: Final = len(b'"mark":"12345678"') - 1
NOTHING: Final = bytes(CARRY_BYTES)
"""What is put before a client's first read."""

find_marks = _FOUND.findall
"""The marks in some bytes, in order; the digits only."""


def new_marks() -> Iterator[str]:
    """Marks that are each given once, in order."""
    return map(str, count(_FIRST))

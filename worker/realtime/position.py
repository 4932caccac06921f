"""Positions in the change log, as clients see and send them: `main:<feed id in hex>:<n>`.

A client hands one back to go on from there. Only the one spelling that we give out is read, so
that equal positions are equal texts.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.errors import invalid

_SPELLING = re.compile(r"main:(0|[1-9a-f][0-9a-f]{0,15}):(0|[1-9][0-9]{0,18})")
_LARGEST = (1 << 63) - 1  # both are SQLite integers


class Position(NamedTuple):
    """A place in the log of main: everything up to its row `n` is known.

    `feed`: the id of the log, which is another one after a restore. Positions of different logs
    say nothing about each other.
    """

    feed: int
    n: int

    def __str__(self) -> str:
        return f"main:{self.feed:x}:{self.n}"


def read_position(text: str) -> Position:
    """What `str(position)` gave. Raises QuillError INVALID for anything else."""
    found = _SPELLING.fullmatch(text)
    if found is not None:
        position = Position(int(found[1], 16), int(found[2]))
        if position.feed <= _LARGEST and position.n <= _LARGEST:
            return position
    raise invalid("The position is not one that this server has given out.")

"""What a backup says of itself: `manifest.json`, its last entry. Data only.

Its texts and numbers come to stand in the depot's metadata and on terminals, so they have a form.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

ENTRY: Final = "manifest.json"

_NAME: Final = r"[^/\\\x00-\x1f]+"
_PATH: Final = re.compile(
    rf"data/[A-Za-z0-9_-]+\.db|uploads(?:/{_NAME})+|config\.textproto|secrets(?:/{_NAME})+"
)
_DOTS: Final = frozenset({".", ".."})


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+_-]{0,64}\Z")]
_Time = Annotated[str, msgspec.Meta(pattern=r"^[0-9T:.+Z-]{1,64}\Z")]
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{1,64}\Z")]


class DatabaseAt(msgspec.Struct, frozen=True):
    """Up to where a backup holds a database. `feed` in hex; `n`: the last row of its log."""

    feed: _Hex
    n: _Count
    catalog: _Count


class FileOf(msgspec.Struct, frozen=True):
    """One file: its size in bytes, and the SHA-256 of its content in hex."""

    size: _Count
    sha256: _Hex


class Manifest(msgspec.Struct, frozen=True):
    """`version`, `format`: of the depot.  `created`: RFC 3339, when the backup began.

    `left_out`: uploads that were deleted meanwhile, or whose names no backup may hold.
    """

    version: _Version
    format: _Count
    created: _Time
    databases: dict[str, DatabaseAt]
    files: dict[str, FileOf]
    left_out: list[str] = []


def is_safe(path: str) -> bool:
    """Whether a backup may hold a file of this path: a place in a depot, and no way out of it."""
    return _PATH.fullmatch(path) is not None and _DOTS.isdisjoint(path.split("/"))

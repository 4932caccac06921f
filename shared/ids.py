"""Ids and random names: unguessable, evenly spread, and cheap enough for every insert.

Record ids come from the operating system's generator, since rules may rely on their being
unguessable. Ids of collections and fields are checksums of their names, so that two depots made by
the same migrations agree; the formulas are PocketBase's (its SDKs know `pbc_3142635823`).
"""

from __future__ import annotations

import os
import string
import zlib
from typing import Final

RECORD_ID_CHARS: Final = 15
_DRAWN_BYTES: Final = 1_024
TOKEN_KEY_CHARS: Final = 50

_LOWER: Final = string.ascii_lowercase + string.digits
_ALNUM: Final = string.ascii_letters + string.digits


class Alphabet:
    """Turns random bytes into characters of one alphabet, each equally likely.

    Bytes at or above the largest multiple of the alphabet's size are dropped, which takes the bias
    out of `byte % size`.
    """

    __slots__ = ("_drop", "_ready", "_table", "chars")

    def __init__(self, chars: str) -> None:
        """`chars`: 1 to 256 distinct ASCII characters. Raises ValueError otherwise."""
        size = len(chars)
        if not chars.isascii() or not 0 < size == len(set(chars)):
            raise ValueError("an alphabet is made of distinct ASCII characters")
        whole = 256 - 256 % size
        codes = chars.encode("ascii")
        self.chars = chars
        self._table = bytes(codes[byte % size] for byte in range(256))
        self._drop = bytes(range(whole, 256))
        self._ready: dict[int, list[str]] = {}

    def text(self, length: int) -> str:
        """`length` random characters.

        Drawn some at a time, since the system call costs more than the rest. `list.pop` gives each
        text to one thread only.
        """
        try:
            return self._ready[length].pop()
        except (KeyError, IndexError):
            texts = self._draw(length)
            self._ready[length] = texts[1:]
            return texts[0]

    def _draw(self, length: int) -> list[str]:
        """At least one text."""
        if not length:
            return [""]
        found = b""
        while len(found) < length:
            found += os.urandom(_DRAWN_BYTES + length).translate(self._table, self._drop)
        text = found.decode("ascii")
        return [text[at : at + length] for at in range(0, len(text) - length + 1, length)]


LOWER_ALPHABET: Final = Alphabet(_LOWER)
ALNUM_ALPHABET: Final = Alphabet(_ALNUM)


def record_id() -> str:
    """A new record id: 15 characters of a-z and 0-9, 77 random bits."""
    return LOWER_ALPHABET.text(RECORD_ID_CHARS)


def token_key() -> str:
    """A new token key: 50 characters, 297 random bits. Renewing it ends all tokens made with it."""
    return ALNUM_ALPHABET.text(TOKEN_KEY_CHARS)


def collection_id(kind: str, name: str) -> str:
    """The id of a collection of that kind and name: `pbc_` and a checksum of both."""
    return f"pbc_{zlib.crc32((kind + name).encode())}"


def field_id(kind: str, name: str) -> str:
    """The id of a field: its type and a checksum of its name (`text3208210256` for `id`)."""
    return f"{kind}{zlib.crc32(name.encode())}"

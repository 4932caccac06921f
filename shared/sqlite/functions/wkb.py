"""The outline of a geometry as WKB, looked through before GEOS may read it.

GEOS takes collections in collections recursively, to the end of its stack, so their depth is
counted here. What is let through: the seven types of OGC's simple features, with Z and M as EWKB
or ISO write them, and an SRID in the outermost header.
"""

from __future__ import annotations

import struct
from typing import Final

from shared.limits import GEOMETRY_BYTES_MAX, GEOMETRY_DEPTH_MAX, GEOMETRY_PARTS_MAX
from shared.sqlite.functions.function import blob_argument, refuse

_NONE: Final = "this is no geometry"
_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_MEMBERS: Final = {4: {_POINT}, 5: {_LINE}, 6: {_POLYGON}, _COLLECTION: set(range(1, 8))}
_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_HEADS: Final = (struct.Struct(">BI"), struct.Struct("<BI"))
_COUNTS: Final = (struct.Struct(">I"), struct.Struct("<I"))


def check_wkb(name: str, value: object) -> bytes:
    """`value`, if GEOS may read it. Raises FunctionError."""
    wkb = blob_argument(name, value, GEOMETRY_BYTES_MAX)
    try:
        # A point, line or polygon has nothing inside that could be nested.
        if _head(wkb, 0)[1] > _POLYGON:
            _Outline(wkb).walk()
    except ValueError as error:
        refuse(name, str(error))
    except (struct.error, IndexError):
        refuse(name, _NONE)
    return wkb


class _Outline:
    """One walk over all parts. Raises ValueError, IndexError and struct.error."""

    def __init__(self, wkb: bytes) -> None:
        self._wkb = wkb
        self._parts = 0

    def walk(self) -> None:
        self._part(0, set(range(1, 8)), 0)

    def _part(self, at: int, allowed: set[int], depth: int) -> int:
        """Look through the part that begins there, and say where the next one begins."""
        order, kind, size, at = _head(self._wkb, at)
        self._parts += 1
        if depth > GEOMETRY_DEPTH_MAX or self._parts > GEOMETRY_PARTS_MAX:
            raise ValueError("the geometry has too many parts, or too many in each other")
        if kind not in allowed:
            raise ValueError(_NONE)
        if kind == _POINT:
            return at + size
        (count,) = _COUNTS[order].unpack_from(self._wkb, at)
        at += 4
        if kind == _LINE:
            return int(at + size * count)
        if count > len(self._wkb):
            raise ValueError(_NONE)
        if kind == _POLYGON:
            return self._rings(at, order, size, count)
        for _ in range(count):
            at = self._part(at, _MEMBERS[kind], depth + 1)
        return at

    def _rings(self, at: int, order: int, size: int, count: int) -> int:
        self._parts += count
        for _ in range(count):
            (points,) = _COUNTS[order].unpack_from(self._wkb, at)
            at += 4 + size * points
        return at


def _head(wkb: bytes, at: int) -> tuple[int, int, int, int]:
    """Byte order, type, bytes of one position, and where the contents begin."""
    order = wkb[at]
    if order > 1:
        raise ValueError(_NONE)
    word = _HEADS[order].unpack_from(wkb, at)[1]
    plain = word & 0xFFFF
    iso, kind = divmod(plain, 1_000)
    if word & 0x1FFF0000 or iso > 3 or not 1 <= kind <= _COLLECTION:
        raise ValueError(_NONE)
    has_z = bool(word & _Z) or iso in {1, 3}
    has_m = bool(word & _M) or iso in {2, 3}
    after = 9 if word & _SRID else 5
    return order, kind, 8 * (2 + has_z + has_m), at + after

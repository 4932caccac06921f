"""Decodes the query of a list: `filter[age][$gt]=3&order=-name&limit=10` becomes a `ListAsk`.

Keys nest by brackets and may be percent-encoded as a whole; `+` is a blank. Several conditions on
one level hold together, whether they name different columns, one column with several operators, or
the same twice: nothing that a client asked is dropped. A key that is not known is none of our
business, as with any address, unless it has brackets: that is a filter with a slip in its name,
and without it the list would show what nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

from shared.errors import invalid
from shared.language.expression import Join
from shared.language.filter_tree import Compare, Operator, Tree, joined
from shared.language.list_ask import ListAsk, OrderBy
from shared.limits import LIST_COLUMNS_MAX, LIST_PARAMETERS_MAX, LIST_QUERY_BYTES_MAX

_BRACKETS_MAX: Final = 9
_DEPTH_MAX: Final = 5
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_INDEX: Final = re.compile(r"[0-9]{0,9}")
_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")
_TRUTHS: Final = {"true": True, "TRUE": True, "1": True, "false": False, "FALSE": False, "0": False}
_JOINS: Final = {"$and": Join.ALL, "$or": Join.ANY}
_OPERATORS: Final = {one.value: one for one in Operator}
_FILTER: Final = "filter"
T = TypeVar("T")


def read_query(raw: bytes | str) -> ListAsk:
    """What the query of a list asks for, a subscription's with its filter too.

    `raw`: the text after `?`, still encoded. Raises INVALID.
    """
    plain, filters = _sorted_out(_pairs(raw))
    return ListAsk(
        limit=_read(plain, "limit", _number),
        cursor=plain.get("cursor") or None,
        offset=_read(plain, "offset", _number) or 0,
        count=_read(plain, "count", _truth) or False,
        order=_read(plain, "order", _order) or (),
        expand=_read(plain, "expand", _names) or (),
        filter=_all_of(filters.level(1)) if filters.inner else None,
        geojson=plain.get("geojson") or None,
        skip_cursor=_read(plain, "skip_cursor", _truth) or False,
    )


_PLAIN: Final = frozenset(
    {"limit", "cursor", "offset", "count", "order", "expand", "geojson", "skip_cursor"}
)


def _bad(reason: str = "") -> NoReturn:
    raise invalid(f"Invalid query: {reason}" if reason else "Invalid query")


@dataclass(slots=True)
class _Node:
    """What stands under one part of a key: values, and further parts by their names."""

    values: list[str] = field(default_factory=list)
    inner: dict[str, _Node] = field(default_factory=dict)

    def at(self, parts: list[str]) -> _Node:
        """The node that the parts lead to, made on the way. `[]` is a new one each time."""
        node = self
        for part in parts:
            name = part or f"[{len(node.inner)}]"
            node = node.inner.setdefault(name, _Node())
        return node

    def level(self, depth: int) -> list[Tree]:
        """Its parts as conditions: columns with operators, `$and` and `$or`."""
        if depth > _DEPTH_MAX:
            _bad("the filter is too deep")
        if self.values:
            _bad("a filter names its column in brackets")
        return [tree for name, node in self.inner.items() for tree in node.conditions(name, depth)]

    def conditions(self, name: str, depth: int) -> list[Tree]:
        """What is asked of the column of that name, or by that junction."""
        if name in _JOINS:
            return [self._junction(_JOINS[name], depth)]
        if not name or name[0] in "$@[":
            _bad(f"{name[:40]} is no column and joins nothing")
        found: list[Tree] = [Compare(name, Operator.EQUAL, value) for value in self.values]
        for word, node in self.inner.items():
            operator = _OPERATORS.get(word)
            if operator is None or node.inner:
                _bad(f"{word[:40]} is no operator")
            found += [Compare(name, operator, value) for value in node.values]
        return found

    def _junction(self, join: Join, depth: int) -> Tree:
        if self.values or not all(_INDEX.fullmatch(one.strip("[]")) for one in self.inner):
            _bad("$and and $or take a sequence")
        return joined(join, tuple(_all_of(one.level(depth + 1)) for one in self.inner.values()))


def _all_of(parts: list[Tree]) -> Tree:
    return joined(Join.ALL, tuple(parts))


def _pairs(raw: bytes | str) -> list[tuple[str, str]]:
    """The keys and values, decoded."""
    encoded = raw.encode() if isinstance(raw, str) else raw
    if len(encoded) > LIST_QUERY_BYTES_MAX:
        _bad(f"it is longer than {LIST_QUERY_BYTES_MAX} bytes")
    pieces = [piece for piece in encoded.split(b"&") if piece]
    if len(pieces) > LIST_PARAMETERS_MAX:
        _bad(f"there are more than {LIST_PARAMETERS_MAX} parameters")
    parted = (piece.partition(b"=") for piece in pieces)
    return [(_decoded(key), _decoded(value)) for key, _, value in parted]


def _decoded(encoded: bytes) -> str:
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        _bad("it is not UTF-8")


def _sorted_out(pairs: list[tuple[str, str]]) -> tuple[dict[str, str], _Node]:
    """The plain parameters, and the filters by the parts of their keys."""
    plain: dict[str, str] = {}
    filters = _Node()
    for key, value in pairs:
        if "[" in key or "]" in key or key == _FILTER:
            filters.at(_parts(key)).values.append(value)
        elif key in plain:
            _bad(f"{key} is there twice")
        elif key in _PLAIN:
            plain[key] = value
    return plain, filters


def _parts(key: str) -> list[str]:
    """What stands in the brackets of a filter's key."""
    found = _KEY.fullmatch(key)
    if found is None or found[1] != _FILTER or not found[2]:
        _bad(f"{key[:40]} is no filter")
    if found[2].count("[") > _BRACKETS_MAX:
        _bad("there are too many brackets")
    return _PART.findall(found[2])


def _read(plain: dict[str, str], key: str, how: Callable[[str], T | None]) -> T | None:
    """A parameter read, None where it is absent or empty."""
    text = plain.get(key)
    if not text:
        return None
    value = how(text)
    if value is None:
        _bad(key)
    return value


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _truth(text: str) -> bool | None:
    return _TRUTHS.get(text)


def _names(text: str) -> tuple[str, ...] | None:
    names = text.split(",")
    return tuple(names) if all(names) and len(names) <= LIST_COLUMNS_MAX else None


def _order(text: str) -> tuple[OrderBy, ...] | None:
    """`-a,+b,c`; a `+` that was not encoded has become a blank."""
    names = _names(text)
    if names is None:
        return None
    terms = [OrderBy(one[1:] if one[0] in "-+ " else one, one[0] == "-") for one in names]
    return tuple(terms) if all(one.column for one in terms) else None

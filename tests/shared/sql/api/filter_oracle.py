"""What a filter means, in plain Python, written from the documented rules and not from the compiler.

Nothing of the compiler is used: values are read, texts matched and boxes compared by other means.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cmp_to_key
from itertools import starmap
from typing import Any

from shared.language.expression import Join
from shared.language.filter_tree import Compare, Operator, Tree
from tests.shared.sql.api.drawn_table import DrawnTable, Row, Sort, stored

DIGITS = set("0123456789")
URL_SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
ORDERING: dict[Operator, Callable[[int], bool]] = {
    Operator.EQUAL: lambda found: found == 0,
    Operator.NOT_EQUAL: lambda found: found != 0,
    Operator.GREATER: lambda found: found > 0,
    Operator.GREATER_OR_EQUAL: lambda found: found >= 0,
    Operator.LESS: lambda found: found < 0,
    Operator.LESS_OR_EQUAL: lambda found: found <= 0,
}


class MeaninglessError(Exception):
    """The filter asks for what there is not."""


def matching(table: DrawnTable, tree: Tree) -> list[Any]:
    """The keys of the rows that the filter lets through. Raises MeaninglessError."""
    check(table, tree)
    return [row[table.key] for row in table.rows if holds(table, tree, row)]


def check(table: DrawnTable, tree: Tree) -> None:
    """Raises MeaninglessError if any comparison is one, even where no row would ask it."""
    if isinstance(tree, Compare):
        _holds(_sort(table, tree), tree, None)
    else:
        for part in tree.parts:
            check(table, part)


def holds(table: DrawnTable, tree: Tree, row: Row) -> bool:
    """Whether the filter lets the row through."""
    if isinstance(tree, Compare):
        name = next(one for one in table.sorts if one.lower() == tree.column.lower())
        return _holds(table.sorts[name], tree, row[name])
    parts = [holds(table, part, row) for part in tree.parts]
    return all(parts) if tree.join is Join.ALL else any(parts)


def _sort(table: DrawnTable, tree: Compare) -> Sort:
    names = [one for one in table.sorts if one.lower() == tree.column.lower()]
    if not names or tree.column.startswith("_"):
        raise MeaninglessError(tree.column)
    return table.sorts[names[0]]


def _holds(sort: Sort, asked: Compare, value: Any) -> bool:
    if asked.operator is Operator.IS:
        if asked.value not in ("NULL", "!NULL"):
            raise MeaninglessError(asked.value)
        return (value is None) == (asked.value == "NULL")
    if asked.operator in (Operator.LIKE, Operator.REGEXP):
        if sort.name not in ("text", "nocase", "any"):
            raise MeaninglessError(sort.name)
        find = like if asked.operator is Operator.LIKE else regexp
        return isinstance(value, str) and find(asked.value, value)
    return _lies(sort, asked, value) if asked.operator.spatial else _compares(sort, asked, value)


def _compares(sort: Sort, asked: Compare, value: Any) -> bool:
    meant = readings(sort, asked.value)
    if value is None:
        return False
    if sort.name == "any" and asked.operator is Operator.EQUAL:
        return any(compared(value, one) == 0 for one in meant)
    if sort.name == "any" and asked.operator is Operator.NOT_EQUAL:
        return all(compared(value, one) != 0 for one in meant)
    return ORDERING[asked.operator](compared(stored(sort, value), meant[0], folds=sort.folds))


def readings(sort: Sort, text: str) -> list[Any]:
    """What a text means to a column, the first one where values are ordered."""
    whole, number, blob = whole_number(text), any_number(text), url_safe(text)
    if sort.name in ("text", "nocase"):
        return [text]
    if sort.name == "any":
        return [one for one in (number, text, blob) if one is not None]
    found: Any = blob
    if sort.name == "integer":
        found = whole
    elif sort.name == "real":
        found = None if number is None else float(number)
    elif (
        sort.name == "uuid" and len(text) == 36 and [*map(len, text.split("-"))] == [8, 4, 4, 4, 12]
    ):
        found = bytes.fromhex(text.replace("-", ""))
    if found is None:
        raise MeaninglessError(text)
    return [found]


def whole_number(text: str) -> int | None:
    """A whole number of 64 bits, with or without a sign."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or set(digits) - DIGITS:
        return None
    return int(text) if -(2**63) <= int(text) <= 2**63 - 1 else None


def any_number(text: str) -> int | float | None:
    """A whole number, or another one that is finite."""
    whole = whole_number(text)
    if whole is not None:
        return whole
    if set(text) - DIGITS - set("+-.eE"):
        return None
    try:
        found = float(Decimal(text))
    except (InvalidOperation, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def url_safe(text: str) -> bytes | None:
    """What URL-safe base64 says; the padding may be left out, and may not be wrong."""
    bare = text.rstrip("=")
    if set(bare) - URL_SAFE or len(bare) % 4 == 1:
        return None
    padded = bare + "=" * (-len(bare) % 4)
    return base64.urlsafe_b64decode(padded) if text in (bare, padded) else None


def compared(left: Any, right: Any, *, folds: bool = False) -> int:
    """Negative, 0 or positive: NULL, then numbers, texts by their bytes, blobs by theirs."""
    one, other = _rank(left, folds=folds), _rank(right, folds=folds)
    return (one > other) - (one < other)


def _rank(value: Any, *, folds: bool) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, str):
        encoded = value.encode()
        return (2, encoded.lower() if folds else encoded)
    return (3, value)


def in_order(table: DrawnTable, terms: list[tuple[str, bool]]) -> list[Row]:
    """The rows ordered by columns, each ascending or descending, and then as they came."""

    def order(left: Row, right: Row) -> int:
        for name, descending in terms:
            sort = table.sorts[name]
            one, other = stored(sort, left[name]), stored(sort, right[name])
            found = compared(one, other, folds=sort.folds)
            if found:
                return -found if descending else found
        return 0

    return sorted(table.rows, key=cmp_to_key(order))


def like(pattern: str, text: str) -> bool:
    """Whether the whole text fits; SQLite ends both at a NUL."""
    pattern, text = pattern.partition("\0")[0], text.partition("\0")[0]
    fits = {0}  # how much of the text the pattern so far may have taken
    for sign in pattern:
        if sign == "%":
            fits = set(range(min(fits), len(text) + 1)) if fits else fits
        else:
            fits = {at + 1 for at in fits if at < len(text) and sign in ("_", text[at])}
    return len(text) in fits


def regexp(pattern: str, text: str) -> bool:
    """Whether it is found anywhere; only what both libraries read alike is drawn."""
    return re.search(pattern, text) is not None


def _lies(sort: Sort, asked: Compare, value: Any) -> bool:
    if sort.name != "geometry":
        raise MeaninglessError(sort.name)
    other = _box(asked.value)
    if value is None:
        return False
    if asked.operator is Operator.WITHIN:
        return _within(value, other)
    if asked.operator is Operator.CONTAINS:
        return _within(other, value)
    return all(starmap(_meet, zip(_sides(value), _sides(other), strict=True)))


def _box(text: str) -> tuple[int, ...]:
    numbers = [int(one) for one in re.findall(r"[0-9]+", text)]
    return (
        tuple(numbers * 2)
        if len(numbers) == 2
        else (numbers[0], numbers[1], numbers[4], numbers[5])
    )


def _sides(box: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return (box[0], box[2]), (box[1], box[3])


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _within(inner: Any, outer: Any) -> bool:
    """Nothing outside, and not on the border alone: a point has to be inside of a box."""
    if inner == outer:
        return True
    is_point = inner[:2] == inner[2:]
    if is_point:
        return all(
            low < at < high
            for (at, _), (low, high) in zip(_sides(inner), _sides(outer), strict=True)
        )
    return all(
        a[0] >= b[0] and a[1] <= b[1] for a, b in zip(_sides(inner), _sides(outer), strict=True)
    )

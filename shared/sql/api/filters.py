"""A client's filter as SQL over the row `_ROW_`: names looked up, values read as their columns' types.

| column | a value is |
|---|---|
| INTEGER | a whole number of 64 bits |
| REAL | a finite number |
| TEXT | the text as it stands |
| BLOB | URL-safe base64, padded or not; a UUID's text where the column holds or refers to one |
| ANY | a number if it reads as one, else a text; `$eq` and `$ne` mean each value that is shown so |

`$like` and `$re` look into texts, so they are for TEXT, and for ANY, whose other values do not
match. Geometries are compared where the column is checked to hold them.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from uuid import UUID

from shared.errors import QuillError, invalid
from shared.language.expression import Join
from shared.language.filter_tree import (
    Compare,
    Junction,
    Operator,
    Tree,
    comparisons,
    joined,
)
from shared.limits import (
    FILTER_COMPARISONS_MAX,
    GEOMETRY_TEXT_BYTES_MAX,
    LIKE_PATTERN_BYTES_MAX,
    SQL_PATTERN_BYTES_MAX,
)
from shared.quote import quote_identifier
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.words import fold
from shared.sql.plan import Value

_SIGNS: Final = {
    Operator.EQUAL: "=",
    Operator.NOT_EQUAL: "<>",
    Operator.GREATER: ">",
    Operator.GREATER_OR_EQUAL: ">=",
    Operator.LESS: "<",
    Operator.LESS_OR_EQUAL: "<=",
}
_SPATIAL: Final = {
    Operator.WITHIN: "ST_Within",
    Operator.INTERSECTS: "ST_Intersects",
    Operator.CONTAINS: "ST_Contains",
}
_NULLS: Final = {"NULL": "IS NULL", "!NULL": "IS NOT NULL"}
_WORDS: Final = {Join.ALL: " AND ", Join.ANY: " OR "}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BASE64: Final = re.compile(r"([A-Za-z0-9_-]{2,})(={0,2})")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER_CHARS_MAX: Final = 400


class Condition(NamedTuple):
    """SQL that is TRUE, or not, of a row, with its parameters in the order of its `?`."""

    sql: str
    params: tuple[Value, ...] = ()


class Filter(NamedTuple):
    """A client's filter, compiled.

    `trial`: expressions over no row that fail if a geometry or a regular expression in the filter is
    none; they are run first, so that its fault is not taken for a rule's. `searches`: it looks into
    texts or geometries, where no clock ends a step, which is nothing for the event loop; and what
    it finds there may be too large for it, so that a failure is most likely its own.
    `sure` and `fallible`: the condition in two that have to hold both, the latter with all that may
    fail at some row; None where there is no such part.
    """

    condition: Condition
    trial: Condition | None = None
    searches: bool = False
    sure: Condition | None = None
    fallible: Condition | None = None


def column_sql(column: Column) -> str:
    """The column of the row."""
    return f"_ROW_.{quote_identifier(column.name)}"


def compile_filter(columns: Iterable[Column], tree: Tree) -> Filter:
    """The filter over a row that has those columns; no others can be named. Raises INVALID.

    `columns`: those that a client is shown. LIKE has to be case-sensitive on the connection.
    """
    found = list(comparisons(tree))
    if len(found) > FILTER_COMPARISONS_MAX:
        raise bad_filter(f"there are more than {FILTER_COMPARISONS_MAX} comparisons")
    known = {fold(column.name): column for column in columns if not column.write_only}
    searches = any(one.operator in _SEARCHES for one in found)
    sure, fallible = (_together(parts, known) for parts in _by_risk(tree))
    return Filter(_tree(tree, known), _trial(found), searches, sure, fallible)


def _by_risk(tree: Tree) -> tuple[list[Tree], list[Tree]]:
    """The parts that have to hold all: those that cannot fail, and those that can."""
    parts = tree.parts if isinstance(tree, Junction) and tree.join is Join.ALL else (tree,)
    sure: list[Tree] = []
    fallible: list[Tree] = []
    for part in parts:
        fails = any(one.operator in _TRIED for one in comparisons(part))
        (fallible if fails else sure).append(part)
    return sure, fallible


def _together(parts: list[Tree], known: dict[str, Column]) -> Condition | None:
    return _tree(joined(Join.ALL, tuple(parts)), known) if parts else None


def _trial(found: list[Compare]) -> Condition | None:
    tried = [one for one in found if one.operator in _TRIED]
    if not tried:
        return None
    sql = ", ".join(_TRIED[one.operator] for one in tried)
    return Condition(sql, tuple(one.value for one in tried))


def bad_filter(reason: str) -> QuillError:
    """The refusal of a filter; its text may be shown."""
    return invalid(f"Invalid filter params: {reason}")


def _tree(tree: Tree, known: dict[str, Column]) -> Condition:
    if isinstance(tree, Compare):
        return _comparison(tree, known)
    parts = [_tree(part, known) for part in tree.parts]
    return Condition(
        _WORDS[tree.join].join(f"({part.sql})" for part in parts),
        tuple(value for part in parts for value in part.params),
    )


def _comparison(compare: Compare, known: dict[str, Column]) -> Condition:
    column = known.get(fold(compare.column))
    if column is None:
        raise bad_filter(f"there is no column {compare.column[:40]!r}")
    if compare.operator in _SIGNS:
        return _compared(column, compare)
    return _OTHERS[compare.operator](column, compare)


def _compared(column: Column, compare: Compare) -> Condition:
    name, operator = column_sql(column), compare.operator
    if column.type is DataType.ANY:
        return _compared_any(name, operator, compare.value)
    value = _READERS[column.type](column, compare.value)
    return Condition(f"{name} {_SIGNS[operator]} ?", (value,))


def _compared_any(name: str, operator: Operator, text: str) -> Condition:
    """A number and a text are shown in JSON as what they are, and asked for in the same way."""
    number, blob = _number(text), _blob(text)
    if operator not in (Operator.EQUAL, Operator.NOT_EQUAL):
        return Condition(f"{name} {_SIGNS[operator]} ?", (text if number is None else number,))
    values = tuple(value for value in (number, text, blob) if value is not None)
    word = "IN" if operator is Operator.EQUAL else "NOT IN"
    return Condition(f"{name} {word} ({', '.join('?' * len(values))})", values)


def _is(column: Column, compare: Compare) -> Condition:
    words = _NULLS.get(compare.value)
    if words is None:
        raise bad_filter("$is takes NULL or !NULL")
    return Condition(f"{column_sql(column)} {words}")


def _like(column: Column, compare: Compare) -> Condition:
    if len(compare.value.encode()) > LIKE_PATTERN_BYTES_MAX:
        raise bad_filter(f"a pattern of $like has {LIKE_PATTERN_BYTES_MAX} bytes at most")
    return _searched(column, "LIKE", compare)


def _regexp(column: Column, compare: Compare) -> Condition:
    if len(compare.value.encode()) > SQL_PATTERN_BYTES_MAX:
        raise bad_filter(f"a pattern of $re has {SQL_PATTERN_BYTES_MAX} bytes at most")
    return _searched(column, "REGEXP", compare)


def _searched(column: Column, word: str, compare: Compare) -> Condition:
    name = column_sql(column)
    condition = Condition(f"{name} {word} ?", (compare.value,))
    if column.type is DataType.ANY:
        return condition._replace(sql=f"typeof({name}) = 'text' AND {condition.sql}")
    if column.type is not DataType.TEXT:
        raise bad_filter(f"{column.name[:40]} holds no texts")
    return condition


def _spatial(column: Column, compare: Compare) -> Condition:
    if not column.geometry:
        raise bad_filter(f"{column.name[:40]} holds no geometries")
    text = compare.value
    if ";" in text or "'" in text or len(text.encode()) > GEOMETRY_TEXT_BYTES_MAX:
        raise bad_filter("this is no WKT")
    function = _SPATIAL[compare.operator]
    return Condition(f"{function}({column_sql(column)}, ST_GeomFromText(?))", (text,))


_OTHERS: Final[dict[Operator, Callable[[Column, Compare], Condition]]] = {
    Operator.IS: _is,
    Operator.LIKE: _like,
    Operator.REGEXP: _regexp,
    **dict.fromkeys(_SPATIAL, _spatial),
}
_SEARCHES: Final = frozenset({Operator.LIKE, Operator.REGEXP, *_SPATIAL})
_TRIED: Final = {Operator.REGEXP: "regexp(?, '')", **dict.fromkeys(_SPATIAL, "ST_GeomFromText(?)")}


def _integer_value(column: Column, text: str) -> Value:
    whole = _whole(text)
    if whole is None:
        raise bad_filter(f"{column.name[:40]} takes whole numbers of 64 bits")
    return whole


def _real_value(column: Column, text: str) -> Value:
    # As it would be stored: beyond 2^53 a whole number is another one there.
    number = _number(text)
    if number is None:
        raise bad_filter(f"{column.name[:40]} takes finite numbers")
    return float(number)


def _text_value(_column: Column, text: str) -> Value:
    return text


def _blob_value(column: Column, text: str) -> Value:
    if column.uuid is not None or column.reference is not None:
        uuid = _uuid(text)
        if uuid is not None:
            return uuid
    blob = _blob(text)
    if blob is None:
        raise bad_filter(f"{column.name[:40]} takes URL-safe base64")
    return blob


_READERS: Final[dict[DataType, Callable[[Column, str], Value]]] = {
    DataType.INTEGER: _integer_value,
    DataType.REAL: _real_value,
    DataType.TEXT: _text_value,
    DataType.BLOB: _blob_value,
}


def _whole(text: str) -> int | None:
    if _WHOLE.fullmatch(text) is None:
        return None
    whole = int(text)
    return whole if -(2**63) <= whole < 2**63 else None


def _number(text: str) -> int | float | None:
    whole = _whole(text)
    if whole is not None:
        return whole
    if len(text) > _NUMBER_CHARS_MAX or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _uuid(text: str) -> bytes | None:
    """The UUID of 36 characters."""
    return UUID(text).bytes if _UUID.fullmatch(text) else None


def _blob(text: str) -> bytes | None:
    if not text:
        return b""
    found = _BASE64.fullmatch(text)
    if found is None or (found[2] and len(text) % 4):
        return None
    try:
        padded = found[1] + "=" * (-len(found[1]) % 4)
        return binascii.a2b_base64(padded.replace("-", "+").replace("_", "/"), strict_mode=True)
    except ValueError:
        return None

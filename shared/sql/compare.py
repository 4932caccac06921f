"""One comparison of two resolved operands, as a three-valued clause.

What null and '' mean, for fields that are not JSON: a field is never NULL, its empty value is ''.
`= ''` and `= null` ask for it, `!= ''` and `!= null` for anything else. A row that is missing has
empty values as well, but a comparison with something is neither true nor false of it, except that
it is different (`!=`). A value of the request compares as if it had been written, so nothing is ''
under `=` and `!=`, and NULL (no match) under an ordering. JSON and what functions yield compare by
`IS`, and there null and '' differ. Orderings with null never match. A number is never ordered
against a text that is no number: SQLite would find every text greater, and a rule could mean all
rows by mistake.

Forms are chosen so that an index of the column serves: the column bare on its side wherever it is
not NULL.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.language.expression import Comparator
from shared.language.macros import NUMBER_MACROS
from shared.sql.clause import Clause, Sql, sql, two_valued
from shared.sql.operands import Affinity, Column, Literal, Missing, Resolved
from shared.sql.pattern import glob_pattern, like_pattern
from shared.sql.plan import Value
from shared.sql.request_values import Form, Moment, RequestValue, number_in

_EQUALITIES: Final = (Comparator.EQUAL, Comparator.NOT_EQUAL)
_MATCHES: Final = (Comparator.LIKE, Comparator.NOT_LIKE)
_PATTERNS: Final = {Comparator.EXACT_LIKE: " GLOB ", Comparator.REGEXP: " REGEXP "}


def compare(left: Resolved, comparator: Comparator, right: Resolved) -> Clause:
    """The truth of `left comparator right`."""
    if comparator in _EQUALITIES:
        return _equality(left, right, equal=comparator is Comparator.EQUAL)
    if isinstance(left, Missing) or isinstance(right, Missing):
        return None
    if comparator in _MATCHES:
        return _match(left, right, like=comparator is Comparator.LIKE)
    if comparator in _PATTERNS:
        return _exact(left, comparator, right)
    return _ordering(left, comparator.value, right)


# --- Equality -------------------------------------------------------------------------------------


def _equality(left: Resolved, right: Resolved, *, equal: bool) -> Clause:
    if _is_json(left) or _is_json(right):
        return _identity(left, right, equal=equal)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Missing):
            return _missing_equality(other, equal=equal)
    if isinstance(right, Column) and not isinstance(left, Column):
        left, right = right, left
    operator = "=" if equal else "IS NOT"
    if isinstance(left, Column):
        return _column_equality(left, operator, right)
    if isinstance(left, Literal) and isinstance(right, Literal) and (left.empty or right.empty):
        return (left.empty and right.empty) is equal
    return _two(_filled(left), operator, _filled(right))


def _identity(left: Resolved, right: Resolved, *, equal: bool) -> Clause:
    if isinstance(left, Missing | Literal) and isinstance(right, Missing | Literal):
        return (_value(left) is None and _value(right) is None) is equal
    operators = ("IS", "IS NOT") if equal else ("IS NOT", "IS")
    return two_valued(_plain(left, right), *operators, _plain(right, left))


def _value(operand: Missing | Literal) -> Value:
    """What a literal is worth. Two that are known never meet but by way of a missing one."""
    return operand.value if isinstance(operand, Literal) else None


def _missing_equality(other: Resolved, *, equal: bool) -> Clause:
    """A missing field, which is empty, and different from anything that is not."""
    if isinstance(other, Missing):
        return equal
    if isinstance(other, Literal):
        if other.empty:
            return equal
        return None if equal else True
    if isinstance(other, Column):
        value = sql("coalesce(", other.sql, ", '')") if other.nullable else other.sql
        return _two(value, "=" if equal else "IS NOT", Sql("''"))
    empty = _two(_filled(other), "=", Sql("''"))
    if not equal:
        return empty.turned()
    return sql("nullif(", empty, ", 0)")  # unknown, not false, where the value is not empty


def _column_equality(column: Column, operator: str, other: Resolved) -> Clause:
    if isinstance(other, Column):
        return _columns_equality(column, operator, other)
    if isinstance(other, Literal):
        return _literal_equality(column, operator, other)
    left = column.cast()
    if not column.nullable or isinstance(other, Moment):
        return _two(left, operator, _filled(other), nullable=column.nullable)
    filled = _filled(other)
    same = sql(left, f" {operator} ", filled)
    if operator == "=":
        return sql("(", same, " OR (", left, " IS NULL AND ", filled, " = ''))")
    return sql("(", same, " AND (", left, " IS NOT NULL OR ", filled, " IS NOT ''))")


def _literal_equality(column: Column, operator: str, literal: Literal) -> Clause:
    value = Sql("?", (_typed(literal, column.affinity),))
    if not (column.nullable and literal.empty):
        return _two(column.sql, operator, value, nullable=column.nullable)
    if operator == "=":
        return sql("(", column.sql, " = '' OR ", column.sql, " IS NULL)")
    return sql("(", column.sql, " <> '' AND ", column.sql, " IS NOT NULL)")


def _columns_equality(left: Column, operator: str, right: Column) -> Clause:
    alike = left.affinity is right.affinity or left.affinity is None or right.affinity is None
    if not alike:
        # As texts and numbers they differ; without coalesce SQLite would convert one of them.
        return _two(_coalesced(left), operator, _coalesced(right))
    sides = [_coalesced(one) if one.nullable else one.cast() for one in (left, right)]
    return _two(sides[0], operator, sides[1])


def _coalesced(column: Column) -> Sql:
    return sql("coalesce(", column.sql, ", '')")


def _typed(literal: Literal, affinity: Affinity | None) -> Value:
    """The literal as a column of this affinity holds it; a text stays where no number is in it."""
    if literal.empty:
        return ""
    if affinity is Affinity.TEXT:
        return literal.source
    if affinity is Affinity.NUMBER and isinstance(literal.value, str):
        number = number_in(literal.value)
        return literal.value if number is None else number
    return literal.value


# --- Ordering -------------------------------------------------------------------------------------


def _ordering(left: Resolved, operator: str, right: Resolved) -> Clause:
    for one in (left, right):
        if isinstance(one, Literal) and one.value is None:
            return None
    return sql(_ordered(left, right), f" {operator} ", _ordered(right, left))


def _ordered(one: Resolved, other: Resolved) -> Sql:
    """`one`, made comparable with `other` under an ordering, or NULL."""
    affinity = _affinity(other)
    if isinstance(one, Column):
        return _ordered_column(one, affinity, other)
    if affinity is Affinity.JSON or affinity is None:
        return _plain(one, other)
    if isinstance(one, Literal):
        return Sql("?", (_ordered_value(one, affinity, other),))
    assert not isinstance(one, Missing)
    if affinity is Affinity.NUMBER:
        return _with_form(one, Form.NUMBER)
    # A text column makes a text of any value that it meets; a bound text does not.
    typeless = not isinstance(one, Moment) and not isinstance(other, Column)
    return _with_form(one, Form.TEXT if typeless else Form.PLAIN)


def _ordered_column(column: Column, affinity: Affinity | None, other: Resolved) -> Sql:
    if column.affinity is Affinity.JSON or affinity is Affinity.JSON:
        return column.cast()
    if affinity is Affinity.NUMBER and column.affinity is not Affinity.NUMBER:
        if column.affinity is None or isinstance(other, Column):
            return _number_of(column.cast())
    elif column.affinity is None and affinity is Affinity.TEXT and not isinstance(other, Column):
        return sql("iif(typeof(", column.sql, ") = 'text', ", column.sql, ", NULL)")
    return column.sql if isinstance(other, Literal) else column.cast()


def _number_of(value: Sql) -> Sql:
    """The number in a text, NULL where it is no number: it equals its number only if it is one."""
    number = sql("CAST(", value, " AS NUMERIC)")
    return sql("iif(", value, " = ", number, ", ", number, ", NULL)")


def _ordered_value(literal: Literal, affinity: Affinity, other: Resolved) -> Value:
    if affinity is Affinity.NUMBER:
        value = _typed(literal, affinity)
        return None if isinstance(value, str) else value
    return literal.source if isinstance(other, Column) else literal.value


# --- LIKE -----------------------------------------------------------------------------------------


def _match(left: Resolved, right: Resolved, *, like: bool) -> Clause:
    for one in (left, right):
        if isinstance(one, Literal) and one.value is None:
            return None
    operator = " LIKE " if like else " NOT LIKE "
    # lower() on both sides: LIKE may be case-sensitive on this connection.
    return sql("lower(", _text(left), ")", operator, "lower(", _pattern(right), ") ESCAPE '\\'")


def _exact(left: Resolved, comparator: Comparator, right: Resolved) -> Clause:
    """GLOB stands for LIKE: it tells upper from lower case on every connection."""
    assert isinstance(right, Literal)
    exact = comparator is Comparator.EXACT_LIKE
    pattern = glob_pattern(right.source) if exact else right.source
    return sql(_text(left), _PATTERNS[comparator], Sql("?", (pattern,)))


def _text(operand: Resolved) -> Sql:
    if isinstance(operand, Literal):
        return Sql("?", (operand.source,))
    return _plain(operand, None)


def _pattern(operand: Resolved) -> Sql:
    if isinstance(operand, Column):
        return sql("'%' || ", operand.sql, " || '%'")
    if isinstance(operand, Literal):
        return Sql("?", (like_pattern(operand.source),))
    assert not isinstance(operand, Missing)
    return _with_form(operand, Form.PATTERN)


# --- Operands -------------------------------------------------------------------------------------


def _plain(operand: Resolved, other: Resolved | None) -> Sql:
    if isinstance(operand, Column):
        return operand.sql if isinstance(other, Literal | None) else operand.cast()
    if isinstance(operand, Missing):
        return Sql("NULL")
    return Sql("?", (operand.value if isinstance(operand, Literal) else operand,))


def _filled(operand: Resolved) -> Sql:
    if isinstance(operand, Literal):
        return Sql("?", ("" if operand.value is None else operand.value,))
    assert not isinstance(operand, Column | Missing)
    return _with_form(operand, Form.FILLED)


def _with_form(operand: RequestValue, form: Form) -> Sql:
    return Sql("?", (replace(operand, form=form),))


def _two(left: Sql, operator: str, right: Sql, *, nullable: bool = False) -> Sql:
    """`=` or `IS NOT`; `nullable`: the left side may be NULL, so that `=` may be, too."""
    if nullable and operator == "=":
        return sql(left, " = ", right)
    if operator == "=":
        return two_valued(left, "=", "IS NOT", right)
    return two_valued(left, "IS NOT", "IS" if nullable else "=", right)


def _is_json(operand: Resolved) -> bool:
    return isinstance(operand, Column | Missing) and operand.affinity is Affinity.JSON


def _affinity(operand: Resolved) -> Affinity | None:
    """How `operand` compares, None where only the request tells."""
    if isinstance(operand, Column | Missing):
        return operand.affinity
    if isinstance(operand, Literal):
        if operand.value is None:
            return None
        return Affinity.TEXT if isinstance(operand.value, str) else Affinity.NUMBER
    if isinstance(operand, Moment):
        return Affinity.NUMBER if operand.name in NUMBER_MACROS else Affinity.TEXT
    return None

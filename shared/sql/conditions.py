"""Compiles an expression into a predicate over the row `r` of one collection.

What null and '' mean, for fields that are not JSON: a field is never NULL, its empty value is ''.
`= ''` and `= null` ask for it, `!= ''` and `!= null` for anything else. A caller's missing field is
'' under `=` and `!=`, and NULL (no match) under an ordering. JSON fields are compared by `IS`, and
there null and '' differ. Orderings with null never match. A number is never ordered against a text
that is no number: SQLite would find every text greater, and a rule could mean all rows by mistake.

Forms are chosen so that an index of the column serves: no COALESCE, no OR with IS NULL, the column
bare on its side.
"""

from __future__ import annotations

from typing import Final

from shared.language.errors import LanguageError
from shared.language.expression import Comparator, Comparison, Expression, Join
from shared.language.macros import NUMBER_MACROS
from shared.language.parser import parse
from shared.schema.collection import Collection
from shared.sql.operands import Affinity, Column, Literal, Resolved, Scope
from shared.sql.pattern import like_pattern
from shared.sql.plan import Value
from shared.sql.predicate import AuthField, Form, Moment, Parameter, Predicate, number_in, predicate

_EQUALITIES: Final = (Comparator.EQUAL, Comparator.NOT_EQUAL)
_MATCHES: Final = (Comparator.LIKE, Comparator.NOT_LIKE)
_TRUE: Final = "1"
_FALSE: Final = "0"

_Sql = tuple[str, tuple[Parameter, ...]]


def compile_condition(
    expression: Expression, collection: Collection, *, client: bool, may_see_hidden: bool
) -> Predicate:
    """The predicate of `expression` over rows of `collection`.

    `client`: it is a filter and not a rule, so it may not name hidden fields or `@request.…`,
    unless `may_see_hidden` (a superuser's). Raises LanguageError for what it may not name and for
    what is not supported yet, ForbiddenNameError for `@request.…` and `@collection.…`.
    """
    scope = Scope(collection, client, may_see_hidden)
    scope.check_names(expression)
    return predicate(*_expression(expression, scope))


def compile_rule(rule: str, collection: Collection) -> Predicate:
    """The predicate of a rule's text; raises LanguageError, upon which the caller denies."""
    return compile_condition(parse(rule), collection, client=False, may_see_hidden=True)


def compile_filter(text: str, collection: Collection, *, may_see_hidden: bool) -> Predicate:
    """The predicate of a client's filter; raises LanguageError or ForbiddenNameError."""
    return compile_condition(parse(text), collection, client=True, may_see_hidden=may_see_hidden)


def check_rule(collection: Collection, rule: str) -> str | None:
    """What is wrong with a rule that is about to be stored, None when it compiles."""
    try:
        compile_rule(rule, collection)
    except LanguageError as error:
        return str(error)
    return None


def _expression(expression: Expression, scope: Scope) -> _Sql:
    """Recursion is as deep as the parentheses, which the parser bounds."""
    if isinstance(expression, Comparison):
        return _comparison(expression, scope)
    parts = [_expression(part, scope) for part in expression.parts]
    word = " AND " if expression.join is Join.ALL else " OR "
    sql = word.join(f"({sql})" for sql, _ in parts)
    return sql, tuple(parameter for _, params in parts for parameter in params)


def _comparison(comparison: Comparison, scope: Scope) -> _Sql:
    if comparison.any_of:
        sign = f"?{comparison.comparator.value}"
        raise LanguageError(f"the operator {sign} is not supported yet", comparison.position)
    left, right = scope.resolve(comparison.left), scope.resolve(comparison.right)
    if comparison.comparator in _EQUALITIES:
        return _equality(left, right, equal=comparison.comparator is Comparator.EQUAL)
    if comparison.comparator in _MATCHES:
        return _match(left, right, like=comparison.comparator is Comparator.LIKE)
    return _ordering(left, right, comparison)


def _equality(left: Resolved, right: Resolved, *, equal: bool) -> _Sql:
    if isinstance(right, Column) and not isinstance(left, Column):
        left, right = right, left
    if _is_json(left) or _is_json(right):
        return _joined(_plain(left), "IS" if equal else "IS NOT", _plain(right))
    operator = "=" if equal else "IS NOT"
    if isinstance(left, Column):
        return _column_equality(left, operator, right)
    if isinstance(left, Literal) and isinstance(right, Literal) and (left.empty or right.empty):
        same = left.empty and right.empty
        return (_TRUE if same is equal else _FALSE), ()
    return _joined(_filled(left), operator, _filled(right))


def _column_equality(column: Column, operator: str, other: Resolved) -> _Sql:
    if isinstance(other, Column):
        if other.affinity is column.affinity:
            return _joined((column.sql, ()), operator, (other.sql, ()))
        # As texts and numbers they differ; without coalesce SQLite would convert one of them.
        return f"coalesce({column.sql}, '') {operator} coalesce({other.sql}, '')", ()
    if isinstance(other, Literal):
        return _joined((column.sql, ()), operator, ("?", (_typed(other, column.affinity),)))
    return _joined((column.sql, ()), operator, _filled(other))


def _typed(literal: Literal, affinity: Affinity) -> Value:
    """The literal as a column of this affinity holds it; a text stays where no number is in it."""
    if literal.empty:
        return ""
    if affinity is Affinity.TEXT:
        return literal.source
    if isinstance(literal.value, str):
        number = number_in(literal.value)
        return literal.value if number is None else number
    return literal.value


def _ordering(left: Resolved, right: Resolved, comparison: Comparison) -> _Sql:
    affinities = (_affinity(left), _affinity(right))
    if isinstance(left, Column) and isinstance(right, Column) and Affinity.JSON not in affinities:
        if left.affinity is not right.affinity:
            raise LanguageError(
                "ordering a number field against a text field is not supported yet",
                comparison.position,
            )
        return _joined((left.sql, ()), comparison.comparator.value, (right.sql, ()))
    return _joined(_ordered(left, right), comparison.comparator.value, _ordered(right, left))


def _ordered(one: Resolved, other: Resolved) -> _Sql:
    """`one`, made comparable with `other` under an ordering, or NULL."""
    affinity = _affinity(other)
    if isinstance(one, Column) or affinity is Affinity.JSON or affinity is None:
        return _plain(one)
    if isinstance(one, Literal):
        return "?", (_ordered_value(one, affinity, other),)
    if affinity is Affinity.NUMBER:
        return "?", (_with_form(one, Form.NUMBER),)
    # A text column makes a text of any value that it meets; a bound text does not.
    typeless = isinstance(one, AuthField) and not isinstance(other, Column)
    return "?", (_with_form(one, Form.TEXT if typeless else Form.PLAIN),)


def _ordered_value(literal: Literal, affinity: Affinity, other: Resolved) -> Value:
    if literal.value is None:
        return None
    if affinity is Affinity.NUMBER:
        value = _typed(literal, affinity)
        return None if isinstance(value, str) else value
    return literal.source if isinstance(other, Column) else literal.value


def _match(left: Resolved, right: Resolved, *, like: bool) -> _Sql:
    text, text_params = _text(left)
    pattern, pattern_params = _pattern(right)
    operator = "LIKE" if like else "NOT LIKE"
    # lower() on both sides: LIKE may be case-sensitive on this connection.
    sql = f"lower({text}) {operator} lower({pattern}) ESCAPE '\\'"
    return sql, text_params + pattern_params


def _text(operand: Resolved) -> _Sql:
    if isinstance(operand, Literal) and operand.value is not None:
        return "?", (operand.source,)
    return _plain(operand)


def _pattern(operand: Resolved) -> _Sql:
    if isinstance(operand, Column):
        return f"'%' || {operand.sql} || '%'", ()
    if isinstance(operand, Literal):
        return "?", (None if operand.value is None else like_pattern(operand.source),)
    return "?", (_with_form(operand, Form.PATTERN),)


def _plain(operand: Resolved) -> _Sql:
    if isinstance(operand, Column):
        return operand.sql, ()
    return "?", (operand.value if isinstance(operand, Literal) else operand,)


def _filled(operand: Resolved) -> _Sql:
    if isinstance(operand, Column):
        return operand.sql, ()
    if isinstance(operand, Literal):
        return "?", ("" if operand.value is None else operand.value,)
    return "?", (_with_form(operand, Form.FILLED),)


def _with_form(operand: AuthField | Moment, form: Form) -> AuthField | Moment:
    return type(operand)(operand.name, form)


def _joined(left: _Sql, operator: str, right: _Sql) -> _Sql:
    return f"{left[0]} {operator} {right[0]}", left[1] + right[1]


def _is_json(operand: Resolved) -> bool:
    return isinstance(operand, Column) and operand.affinity is Affinity.JSON


def _affinity(operand: Resolved) -> Affinity | None:
    """How `operand` compares, None where only the request tells."""
    if isinstance(operand, Column):
        return operand.affinity
    if isinstance(operand, Literal):
        if operand.value is None:
            return None
        return Affinity.TEXT if isinstance(operand.value, str) else Affinity.NUMBER
    if isinstance(operand, Moment):
        return Affinity.NUMBER if operand.name in NUMBER_MACROS else Affinity.TEXT
    return None

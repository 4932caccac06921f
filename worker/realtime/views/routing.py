"""Routing: which identities a change can concern at all, told by one value of the record.

A rule like `owner = @request.auth.id && …` can only hold for the identity whose id the record
names. So its listeners stand in the index under their ids, and of a thousand only those that the
changed record names are judged. It is a sieve and no judgement: whoever passes is judged by SQL as
ever, and where the value says nothing certain, all are.
"""

from __future__ import annotations

from typing import Final

from shared.language.errors import LanguageError
from shared.language.expression import (
    Comparator,
    Comparison,
    Expression,
    Join,
    Name,
    Operand,
)
from shared.language.parser import parse
from shared.messages.changes import Act, Change
from shared.schema.collection import Collection
from shared.sql.plan import Value

_ASKER: Final = "@request.auth.id"
_EXACT_TYPES: Final = frozenset({"text", "relation", "email", "url", "select"})
"""Fields whose single value is a text that `=` compares byte by byte."""


def route_of(collection: Collection, *conditions: str) -> str | None:
    """Id of the field that has to name the asker for all `conditions` to hold; None: there is none.

    `conditions`: rule and filter, "" for none. A text that cannot be read names no field.
    """
    for condition in conditions:
        if _ASKER not in condition:
            continue
        try:
            found = _route(collection, parse(condition))
        except LanguageError:
            continue
        if found is not None:
            return found
    return None


def named_by(change: Change, field_id: str) -> set[str] | None:
    """The ids that a field names, before or after a change; None when that cannot be told."""
    named: set[str] = set()
    for row in _rows(change):
        if row is None:
            return None
        value = row.get(field_id, "")
        if value is None:
            value = ""  # the same to a rule
        if not isinstance(value, str):
            return None
        named.add(value)
    return named


def _rows(change: Change) -> list[dict[str, Value] | None]:
    """The states of the record that may be told of."""
    if change.act is Act.CREATE:
        return [change.new]
    if change.act is Act.DELETE:
        return [change.old]
    if change.new is None or change.old is None:
        return [None]
    return [change.new, {**change.new, **change.old}]


def _route(collection: Collection, expression: Expression) -> str | None:
    """What holds for one part of an AND holds for the whole; of an OR nothing is certain."""
    if isinstance(expression, Comparison):
        return _compared(collection, expression)
    if expression.join is Join.ALL:
        found = (_route(collection, part) for part in expression.parts)
        return next((one for one in found if one is not None), None)
    return None


def _compared(collection: Collection, comparison: Comparison) -> str | None:
    if comparison.comparator is not Comparator.EQUAL:
        return None
    left, right = comparison.left, comparison.right
    if _is_asker(right):
        return _single_text(collection, left)
    return _single_text(collection, right) if _is_asker(left) else None


def _is_asker(operand: Operand) -> bool:
    return isinstance(operand, Name) and operand.text == _ASKER


def _single_text(collection: Collection, operand: Operand) -> str | None:
    """The id of a plain field of the record itself."""
    if not isinstance(operand, Name):
        return None
    field = collection.field(operand.text)
    if field is None or field.type not in _EXACT_TYPES or field.multiple:
        return None
    return field.id

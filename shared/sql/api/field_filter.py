"""A record API's filter over a collection: its tree as one of the rule language, field by field.

It becomes a tree and never a text, so a value is a value whatever stands in it. Every name has to
be one of the collection's own fields; what else the language knows (paths, modifiers, `@request`)
has no name here.

| field | a value is |
|---|---|
| number | a finite number |
| bool | `true`, `false`, `1` or `0` |
| json | whatever is shown so: a number, a word or a text; `true` is 1 there, and `false` 0 |
| several values | one of them; `$ne` means that none is it, the others that some is |
| all others | the text as it stands |

No field but json is ever null, as it is shown.
"""

from __future__ import annotations

import math
import re
from typing import Final

from shared.language.expression import (
    Comparator,
    Comparison,
    Constant,
    Expression,
    Join,
    Junction,
    Name,
    Number,
    Operand,
    Text,
    Word,
)
from shared.language.filter_tree import Compare, Operator, Tree, comparisons
from shared.limits import FILTER_COMPARISONS_MAX, LIKE_PATTERN_BYTES_MAX, SQL_PATTERN_BYTES_MAX
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.sql.api.filters import bad_filter
from shared.sql.pattern import glob_pattern

_COMPARATORS: Final = {
    Operator.EQUAL: Comparator.EQUAL,
    Operator.NOT_EQUAL: Comparator.NOT_EQUAL,
    Operator.GREATER: Comparator.GREATER,
    Operator.GREATER_OR_EQUAL: Comparator.GREATER_OR_EQUAL,
    Operator.LESS: Comparator.LESS,
    Operator.LESS_OR_EQUAL: Comparator.LESS_OR_EQUAL,
    Operator.LIKE: Comparator.EXACT_LIKE,
    Operator.REGEXP: Comparator.REGEXP,
}
_SEARCHES: Final = (Operator.LIKE, Operator.REGEXP)
_EQUALITIES: Final = (Operator.EQUAL, Operator.NOT_EQUAL)
_WORDS: Final = {"true": Word.TRUE, "false": Word.FALSE}
_TRUTHS: Final = {**_WORDS, "1": Word.TRUE, "0": Word.FALSE}
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NUMBER_CHARS_MAX: Final = 400
_NULL: Final = Constant(Word.NULL, 0)


def read_filter(collection: Collection, tree: Tree, *, hidden: bool) -> Expression:
    """The filter as an expression. `hidden`: hidden fields may be named. Raises INVALID."""
    found = list(comparisons(tree))
    if len(found) > FILTER_COMPARISONS_MAX:
        raise bad_filter(f"there are more than {FILTER_COMPARISONS_MAX} comparisons")
    return _tree(collection, tree, hidden=hidden)


def searches(tree: Tree) -> bool:
    """Whether it looks into texts, which may take long, and fail at one of them."""
    return any(one.operator in _SEARCHES for one in comparisons(tree))


def shown_field(collection: Collection, name: str, *, hidden: bool) -> Field | None:
    """The field of that name, where a client may ask for it. `hidden`: for hidden ones as well."""
    field = collection.field(name)
    if field is None or field.secret or (field.hidden and not hidden):
        return None
    return field


def _tree(collection: Collection, tree: Tree, *, hidden: bool) -> Expression:
    if isinstance(tree, Compare):
        return _comparison(collection, tree, hidden=hidden)
    parts = tuple(_tree(collection, part, hidden=hidden) for part in tree.parts)
    return Junction(tree.join, parts) if parts else _truth(holds=tree.join is Join.ALL)


def _comparison(collection: Collection, compare: Compare, *, hidden: bool) -> Expression:
    field = shown_field(collection, compare.column, hidden=hidden)
    if field is None:
        raise bad_filter(f"there is no column {compare.column[:40]!r}")
    if compare.operator.spatial:
        raise bad_filter(f"{field.name} holds no geometries")
    if compare.operator is Operator.IS:
        return _is(field, compare.value)
    if field.type == "geoPoint":
        raise bad_filter(f"{field.name} cannot be compared")
    if compare.operator in _SEARCHES:
        return _searched(field, compare)
    if field.type == "json":
        return _json(field, compare)
    return _compared(field, compare.operator, _value(field, compare.value))


def _compared(field: Field, operator: Operator, value: Operand) -> Comparison:
    name = f"{field.name}:each" if field.multiple else field.name
    # One item suffices, but for $ne, which is the opposite of $eq.
    any_of = field.multiple and operator is not Operator.NOT_EQUAL
    return Comparison(Name(name, 0), _COMPARATORS[operator], any_of, value, 0)


def _is(field: Field, value: str) -> Expression:
    if value not in ("NULL", "!NULL"):
        raise bad_filter("$is takes NULL or !NULL")
    null = value == "NULL"
    if field.type != "json":
        return _truth(holds=not null)
    return _compared(field, Operator.EQUAL if null else Operator.NOT_EQUAL, _NULL)


def _searched(field: Field, compare: Compare) -> Expression:
    text, most = compare.value, SQL_PATTERN_BYTES_MAX
    if compare.operator is Operator.LIKE:
        text, most = glob_pattern(text), LIKE_PATTERN_BYTES_MAX
    if len(text.encode()) > most:
        raise bad_filter(f"the pattern of {compare.operator.value} is too long")
    if field.type in ("number", "bool"):
        raise bad_filter(f"{field.name} holds no texts")
    return _compared(field, compare.operator, Text(compare.value, 0))


def _json(field: Field, compare: Compare) -> Expression:
    """A text and a number that are written alike are both meant by `$eq`, and by `$ne` neither."""
    text, number = Text(compare.value, 0), _number(compare.value)
    values: list[Operand] = [text if number is None else number]
    if compare.operator in _EQUALITIES:
        word = _WORDS.get(compare.value)
        values += [text] if number is not None else []
        values += [] if word is None else [Constant(word, 0)]
    parts = tuple(_compared(field, compare.operator, one) for one in values)
    join = Join.ALL if compare.operator is Operator.NOT_EQUAL else Join.ANY
    return parts[0] if len(parts) == 1 else Junction(join, parts)


def _value(field: Field, text: str) -> Operand:
    if field.type == "bool":
        word = _TRUTHS.get(text)
        if word is None:
            raise bad_filter(f"{field.name} takes true or false")
        return Constant(word, 0)
    if field.type != "number":
        return Text(text, 0)
    number = _number(text)
    if number is None:
        raise bad_filter(f"{field.name} takes finite numbers")
    return number


def _number(text: str) -> Number | None:
    """The number that a text is, spelled as the language does."""
    if len(text) > _NUMBER_CHARS_MAX or _NUMBER.fullmatch(text) is None:
        return None
    if text.lstrip("+-").isdigit():
        return Number(str(int(text)), 0)
    value = float(text)
    if not math.isfinite(value):
        return None
    spelled = repr(value)
    return Number(spelled if "." in spelled else spelled.replace("e", ".0e"), 0)


def _truth(*, holds: bool) -> Comparison:
    """What is so of every record, or of none."""
    number = Number("1", 0)
    comparator = Comparator.EQUAL if holds else Comparator.NOT_EQUAL
    return Comparison(number, comparator, False, number, 0)

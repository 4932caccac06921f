"""What `n+`, `+tags` or `tags-` do to a stored value, as SQL over the row.

The writer works the result out from the row as it is then, so no change of somebody else's in
between is lost. What must hold of the result (bounds, number of values) is a guard over the same
expression.

An expression is over one column: `"posts"."tags"` in an assignment, `r."tags"` in a guard. It is
never a bare name, which inside `json_each(…)` could mean json_each's own columns.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.errors import FieldError
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.cast import NOT_A_NUMBER
from shared.schema.fields.field import REQUIRED, Field
from shared.schema.fields.file import INVALID_FILE
from shared.schema.fields.listed import ListedField
from shared.schema.fields.number import ONLY_INT, NumberField
from shared.schema.fields.select import SelectField, not_a_value
from shared.sql.plan import Value

_FLOAT_MAX: Final = sys.float_info.max
_EXACT_MAX: Final = 2**53
"""Beyond it every double is a whole number."""
_AFTER: Final = 1 << 40
"""Added to the places of the values that come second."""


class Op(enum.Enum):
    """What a modifier does. APPEND and REMOVE of a number add and subtract."""

    APPEND = "+"
    PREPEND = "p"
    REMOVE = "-"


class Modification(NamedTuple):
    """One modifier of one field. `operand`: a number, or a list of texts."""

    op: Op
    operand: int | float | list[str]


class Assignment(NamedTuple):
    """`<field> = <sql>` of an UPDATE of the collection's table."""

    field: Field
    sql: str
    params: tuple[Value, ...]


class Guard(NamedTuple):
    """A condition over the row `r` before the update. `refusal`: `code:field`."""

    sql: str
    params: tuple[Value, ...]
    refusal: str


class _Result(NamedTuple):
    """A value as SQL, and its parameters in the order of the text."""

    sql: str
    params: tuple[Value, ...] = ()


def assignment(
    collection: Collection, field: Field, modifications: Sequence[Modification]
) -> Assignment:
    """The field's new value; `modifications` are applied in order."""
    column = f"{quote_identifier(collection.table)}.{quote_identifier(field.name)}"
    result = _result(field, column, modifications)
    return Assignment(field, result.sql, result.params)


def result_guards(field: Field, modifications: Sequence[Modification]) -> list[Guard]:
    """What must hold of the new value: the field's own check, as conditions."""
    result = _result(field, f"r.{quote_identifier(field.name)}", modifications)
    if isinstance(field, NumberField):
        return _number_guards(field, result)
    if isinstance(field, ListedField):
        return _list_guards(field, result, modifications)
    return []


def kept_names_guard(field: Field, names: Sequence[str]) -> Guard:
    """Every one of `names` is stored in the field."""
    column = f"r.{quote_identifier(field.name)}"
    stored = f"SELECT value FROM json_each({column})" if field.multiple else column
    sql = f"NOT EXISTS (SELECT 1 FROM json_each(?) WHERE value NOT IN ({stored}))"
    return Guard(sql, (_json(names),), f"{INVALID_FILE}:{field.name}")


def guard_error(field: Field, code: str) -> FieldError | None:
    """The error behind a guard's refusal, with its numbers; None for codes of other guards."""
    known: list[FieldError] = [REQUIRED]
    if isinstance(field, NumberField):
        known += [NOT_A_NUMBER, ONLY_INT, field.too_small, field.too_large]
    elif isinstance(field, ListedField):
        known += [field.too_few, field.too_many, not_a_value(None), UNKNOWN_NAME]
    return next((error for error in known if error.code == code), None)


UNKNOWN_NAME: Final = FieldError(
    INVALID_FILE, "Only names of files that are stored here can be kept or removed."
)


# --- Results ------------------------------------------------------------------------------------


def _result(field: Field, column: str, modifications: Sequence[Modification]) -> _Result:
    result = _Result(column)
    for op, operand in modifications:
        if not isinstance(operand, list):
            sign = "-" if op is Op.REMOVE else "+"
            result = _Result(f"({result.sql} {sign} ?)", (*result.params, operand))
        elif field.multiple:
            result = _listed(result, op, _json(operand))
        else:
            result = _single(result, op, operand)
    return result


def _listed(base: _Result, op: Op, operand: str) -> _Result:
    """A list with distinct values; of equal ones the first keeps its place."""
    params = (*base.params, operand)
    if op is Op.REMOVE:
        sql = (
            f"(SELECT json_group_array(value ORDER BY key) FROM json_each({base.sql})"
            " WHERE value NOT IN (SELECT value FROM json_each(?)))"
        )
        return _Result(sql, params)
    old, new = ("key", f"key + {_AFTER}") if op is Op.APPEND else (f"key + {_AFTER}", "key")
    sql = (
        "(SELECT json_group_array(value ORDER BY place) FROM"
        " (SELECT value, min(place) AS place FROM"
        f" (SELECT value, {old} AS place FROM json_each({base.sql})"
        f" UNION ALL SELECT value, {new} FROM json_each(?)) GROUP BY value))"
    )
    return _Result(sql, params)


def _single(base: _Result, op: Op, operand: list[str]) -> _Result:
    """One text: what is kept of several is the last."""
    if op is Op.REMOVE:
        sql = f"iif({base.sql} IN (SELECT value FROM json_each(?)), '', {base.sql})"
        return _Result(sql, (*base.params, _json(operand), *base.params))
    if not operand:
        return base
    if op is Op.APPEND:
        return _Result("?", (operand[-1],))
    sql = f"iif({base.sql} = '', ?, {base.sql})"
    return _Result(sql, (*base.params, operand[-1], *base.params))


# --- Guards -------------------------------------------------------------------------------------


def _number_guards(field: NumberField, result: _Result) -> list[Guard]:
    """As the field's check, in its order; 0 is the empty value, which bounds do not see."""
    sql, params = result
    guards = []

    def require(condition: str, used: tuple[Value, ...], error: FieldError) -> None:
        guards.append(Guard(condition, used, f"{error.code}:{field.name}"))

    if field.min is None or field.max is None:  # an infinite sum is refused by a bound as well
        require(f"{sql} BETWEEN ? AND ?", (*params, -_FLOAT_MAX, _FLOAT_MAX), NOT_A_NUMBER)
    if field.required:
        require(f"{sql} <> 0", params, REQUIRED)
    if field.only_int:
        whole = (
            f"({sql} = CAST({sql} AS INTEGER) OR {sql} NOT BETWEEN -{_EXACT_MAX} AND {_EXACT_MAX})"
        )
        require(whole, params * 3, ONLY_INT)
    if field.min is not None:
        require(f"({sql} = 0 OR {sql} >= ?)", (*params, *params, field.min), field.too_small)
    if field.max is not None:
        require(f"({sql} = 0 OR {sql} <= ?)", (*params, *params, field.max), field.too_large)
    return guards


def _list_guards(
    field: ListedField, result: _Result, modifications: Sequence[Modification]
) -> list[Guard]:
    """As the field's check, in its order."""
    sql, params = result
    grows = any(one.op is not Op.REMOVE for one in modifications)
    shrinks = any(one.op is Op.REMOVE for one in modifications)
    empty = "'[]'" if field.multiple else "''"
    guards = []

    def require(condition: str, used: tuple[Value, ...], error: FieldError) -> None:
        guards.append(Guard(condition, used, f"{error.code}:{field.name}"))

    if field.required:
        require(f"{sql} <> {empty}", params, REQUIRED)
    if field.multiple and field.min_select > 1:
        enough = f"({sql} = {empty} OR json_array_length({sql}) >= ?)"
        require(enough, (*params, *params, field.min_select), field.too_few)
    if field.multiple and grows:
        require(f"json_array_length({sql}) <= ?", (*params, field.most), field.too_many)
    if isinstance(field, SelectField) and (shrinks or grows):
        known = "SELECT value FROM json_each(?)"
        held = f"json_each({sql})" if field.multiple else f"(SELECT {sql} AS value)"
        only = f"NOT EXISTS (SELECT 1 FROM {held} WHERE value NOT IN ({known}) AND value <> '')"
        require(only, (*params, _json(field.values)), not_a_value(None))
    return guards


def _json(texts: Sequence[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()

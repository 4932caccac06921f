"""The keys of a body that change a value instead of setting it: `n+`, `n-`, `+tags`, `slug:autogenerate`.

Where the value is known (a new record, a body that also sets the field), a modifier is worked out
here and becomes a plain value. Otherwise it stays a list of modifications, which `shared.sql.modifiers`
makes an SQL expression of: an update never writes what it has read.

Modifiers count after plain values, in the order of the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from shared.errors import FieldError
from shared.schema.fields.cast import number_of, text_of
from shared.schema.fields.field import Field, FieldProblem
from shared.schema.fields.listed import ListedField, unique_texts
from shared.schema.fields.number import NumberField
from shared.schema.fields.text import TextField
from shared.sql.modifiers import Modification, Op
from shared.sql.plan import Value

AUTOGENERATE: Final = ":autogenerate"


class Modifier(NamedTuple):
    """What a key of a body means. `op` None: generate a text."""

    field: Field
    op: Op | None


class Settled(NamedTuple):
    """A body without modifiers, what is left to do to stored values, and what is wrong."""

    body: dict[str, object]
    modifications: dict[str, list[Modification]]
    errors: dict[str, FieldError]


def modifiers_of(fields: Iterable[Field]) -> dict[str, Modifier]:
    """The modifier keys of these fields."""
    found: dict[str, Modifier] = {}
    for field in fields:
        name = field.name
        if isinstance(field, NumberField | ListedField):
            found[f"{name}+"] = Modifier(field, Op.APPEND)
            found[f"{name}-"] = Modifier(field, Op.REMOVE)
        if isinstance(field, ListedField):
            found[f"+{name}"] = Modifier(field, Op.PREPEND)
        elif isinstance(field, TextField):
            found[f"{name}{AUTOGENERATE}"] = Modifier(field, None)
    return found


def settle(
    body: Mapping[str, object], modifiers: Mapping[str, Modifier], base: Mapping[str, Value] | None
) -> Settled:
    """Work out the modifiers of `body`, as far as values are known.

    `base`: stored values by name; None where they are the writer's to read.
    """
    plain = {key: raw for key, raw in body.items() if key not in modifiers}
    left: dict[str, list[Modification]] = {}
    errors: dict[str, FieldError] = {}
    for key, raw in body.items():
        if (found := modifiers.get(key)) is None:
            continue
        field = found.field
        try:
            if found.op is None:
                plain[field.name] = _generated(field, raw)
                continue
            modification = Modification(found.op, _operand(field, raw))
            if field.name in plain:
                plain[field.name] = modified(field, field.prepare(plain[field.name]), modification)
            elif base is not None:
                stored = base.get(field.name, field.zero())
                plain[field.name] = modified(field, stored, modification)
            else:
                left.setdefault(field.name, []).append(modification)
        except FieldProblem as problem:
            errors[field.name] = problem.error
    return Settled(plain, left, errors)


def modified(field: Field, stored: Value, modification: Modification) -> Value:
    """The stored value after one modification. Raises FieldProblem."""
    op, operand = modification
    if not isinstance(operand, list):
        number = number_of(stored)
        return number_of(number - operand if op is Op.REMOVE else number + operand)
    held = field.items(stored)
    if op is Op.REMOVE:
        gone = frozenset(operand)
        return field.prepare([text for text in held if text not in gone])
    return field.prepare([*held, *operand] if op is Op.APPEND else [*operand, *held])


def added(modifications: Iterable[Modification]) -> list[str]:
    """The texts that modifications of a list put into it."""
    return [
        text
        for op, operand in modifications
        if op is not Op.REMOVE and isinstance(operand, list)
        for text in operand
    ]


def _operand(field: Field, raw: object) -> int | float | list[str]:
    return number_of(raw) if isinstance(field, NumberField) else unique_texts(raw)


def _generated(field: Field, raw: object) -> str:
    prefix = text_of(raw)
    return field.generated(prefix) if isinstance(field, TextField) else prefix

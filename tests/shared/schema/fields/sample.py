"""Fields as tests make them, and what they say of a value."""

from __future__ import annotations

from typing import Any

from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field, FieldProblem


def make(kind: str, **options: Any) -> Field:
    """A field named f."""
    return field_from_json({"id": "f", "name": "f", "type": kind, **options})


def code(field: Field, raw: object) -> str:
    """The code of what is wrong with a value, or an empty text."""
    try:
        problem = field.check(field.prepare(raw))
    except FieldProblem as refused:
        return refused.error.code
    return problem.code if problem is not None else ""

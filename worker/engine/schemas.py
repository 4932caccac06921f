"""JSON schemas as SQL judges by them: whether one can be, and whether a value passes a column's CHECK.

The functions are those that connections have, so a worker and the writer judge alike.
"""

from __future__ import annotations

from shared.config.config import Config
from shared.config.problem import ConfigError, wrong
from shared.errors import Problems
from shared.schema.tables.builtin_schemas import BUILTIN
from shared.schema.tables.column import JsonCheck
from shared.sql.plan import Value
from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.json_schema import (
    compile_schema,
    jsonschema,
    jsonschema_matches,
    jsonschema_of_types,
)

__all__ = ["FunctionError", "passes", "refuse_schemas"]


def refuse_schemas(config: Config) -> None:
    """Judge the JSON schemas for columns. Raises ConfigError."""
    problems: Problems = {}
    for at, one in enumerate(config.schemas):
        if one.name in BUILTIN:
            problems[f"schemas.{at}.name"] = wrong(
                "validation_not_in_invalid", f"The schema {one.name} is built in."
            )
        elif why := _problem(one.schema):
            problems[f"schemas.{at}.schema"] = wrong(
                "validation_invalid_schema", f"Is no schema that can be used: {why}."
            )
    if problems:
        raise ConfigError("JSON schemas are refused", problems)


def passes(check: JsonCheck, value: Value) -> bool:
    """Whether a CHECK that calls `jsonschema` or `jsonschema_matches` would let a value be stored.

    Raises FunctionError where it would fail: no such schema, or a value too large to be judged.
    """
    if not check.name:
        return jsonschema_matches(check.text, value) is not False
    if check.extra is None:
        return jsonschema(check.name, value)
    return jsonschema_of_types(check.name, value, check.extra)


def _problem(text: str) -> str:
    """Why a text is no schema that may be used; empty where there is nothing wrong."""
    try:
        compile_schema(text)
    except FunctionError as error:
        return str(error)
    return ""

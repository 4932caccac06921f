"""From a tree to a Config, with everything that is wrong told at once and by its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.config.config import Config
from shared.config.declaration import Declared, Form, Group, declared
from shared.config.problem import wrong
from shared.errors import FieldError, Problems

_INTEGER_MAX: Final = 2**53  # what JSON carries everywhere
_NUMBER: Final = re.compile(r"Expected `(int|str)` (>=|<=|of length >=|of length <=) (\d+)")
_MESSAGES: Final = {
    ("int", ">="): ("validation_min_greater_equal_than_required", "min", "Must be {} or more."),
    ("int", "<="): ("validation_max_less_equal_than_required", "max", "Must be {} or less."),
    ("str", "of length >="): ("validation_required", "min", "Must not be empty."),
    ("str", "of length <="): (
        "validation_length_too_long", "max", "Must have {} characters at most.",
    ),
}  # fmt: skip
_TYPE: Final = {str: "a text", int: "an integer", bool: "true or false"}


def build(tree: Mapping[str, Any], problems: Problems) -> Config:
    """The settings that a tree sets; what cannot be is added to `problems` and left out."""
    config = _build(tree, Config, "", problems)
    assert isinstance(config, Config)
    return config


def check_value(setting: Declared, value: Any) -> FieldError | None:
    """What is wrong with a value of a setting, judged by its declaration alone."""
    if isinstance(value, int) and abs(value) > _INTEGER_MAX:
        return wrong("validation_invalid_value", "Is too large a number.")
    try:
        msgspec.convert(value, setting.hint)
    except msgspec.ValidationError as error:
        return _problem(setting, str(error))
    return None


def _build(tree: Mapping[str, Any], group: Group, path: str, problems: Problems) -> msgspec.Struct:
    values: dict[str, Any] = {}
    for one in declared(group).values():
        if one.name in tree:
            values[one.name] = _one(one, tree[one.name], f"{path}{one.name}", problems)
    known = {name: value for name, value in values.items() if value is not None}
    return group(**known)


def _one(one: Declared, value: Any, path: str, problems: Problems) -> Any:
    if one.form is Form.GROUP:
        return _build(value, one.kind, f"{path}.", problems)
    if one.form is Form.GROUPS:
        inner = (_build(each, one.kind, f"{path}.{at}.", problems) for at, each in enumerate(value))
        return tuple(inner)
    if one.form is Form.MAP:
        return {
            key: _build(each, one.kind, f"{path}.{key}.", problems) for key, each in value.items()
        }
    problem = check_value(one, value)
    if problem is not None:
        problems[path] = problem
        return None
    return msgspec.convert(value, one.hint)


def _problem(setting: Declared, message: str) -> FieldError:
    found = _NUMBER.match(message)
    if found is not None:
        code, name, text = _MESSAGES[found[1], found[2]]
        bound = int(found[3])
        if code == "validation_required":
            return wrong(code, text)
        return wrong(code, text.format(bound), **{name: bound})
    if "regex" in message:
        return wrong("validation_match_invalid", "Has characters or a form that are not allowed.")
    if "enum" in message:
        values = ", ".join(setting.kind.__members__)
        return wrong("validation_in_invalid", f"Must be one of {values}.")
    expected = _TYPE.get(setting.kind, "one of its values")
    many = setting.form is Form.LIST
    told = f"Must be a list, each {expected}." if many else f"Must be {expected}."
    return wrong("validation_invalid_value", told)

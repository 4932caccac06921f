"""No function works on an input of any size: what is too large is refused, or told at a glance.

Nothing here looks at a clock: beyond the bounds there is no result that would take work.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from shared.limits import (
    GEOMETRY_BYTES_MAX,
    SQL_BLOB_BYTES_MAX,
    SQL_PATTERNED_BYTES_MAX,
    SQL_TEXT_BYTES_MAX,
)
from shared.sqlite.functions import encoding, json_schema
from shared.sqlite.functions.function import Function, FunctionError
from shared.sqlite.functions.register import ALL
from tests.shared.sqlite.functions.calling import call

BEYOND = max(SQL_TEXT_BYTES_MAX, GEOMETRY_BYTES_MAX) + 1
HUGE: dict[str, Any] = {
    "text": "a" * BEYOND,
    "hostile for patterns": "a" * BEYOND + "!",
    "address": "a@" + "b." * (BEYOND // 2) + "c",
    "json": '"' + "x" * BEYOND + '"',
    "lists": "[" * BEYOND,
    "list": "[" + "1," * (BEYOND // 2) + "1]",
    "schema": '{"enum":[' + "1," * (BEYOND // 2) + "1]}",
    "wkt": "LINESTRING(" + "1 1," * (BEYOND // 4) + "1 1)",
    "base64": "AAAA" * (BEYOND // 4 + 1),
    "blob": b"\1\2\0\0\0" + (BEYOND // 16).to_bytes(4, "little") + bytes(BEYOND),
}
FITTING: tuple[Any, ...] = (
    "std.KeyValue",
    "std.FileUpload",
    "{}",
    1,
    bytes.fromhex("0101000000") + bytes(16),
)
TAKING = [one for one in ALL if one.arguments]


def named(function: Function) -> str:
    """For the test's name."""
    return f"{function.name}-{function.arguments}"


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("function", TAKING, ids=named)
def test_what_is_too_large(function: Function, value: Any) -> None:
    """In any place, beside arguments of any kind: an error, or no."""
    if type(value) is bytes and function in encoding.FUNCTIONS:  # cheap, so they take far more
        value = bytes(SQL_BLOB_BYTES_MAX + 1)
    marks = ", ".join("?" * function.arguments)
    for at in range(function.arguments):
        for others in itertools.product(FITTING, repeat=min(function.arguments - 1, 2)):
            padded = [*others, *([1] * (function.arguments - 1 - len(others)))]
            arguments = [*padded[:at], value, *padded[at:]]
            try:
                result = call(f"{function.name}({marks})", *arguments)
            except FunctionError:
                continue
            assert result in (0, None), (function.name, at, others)


def test_every_kind_of_function_is_among_them() -> None:
    """Those without arguments make something of a fixed size."""
    assert {one.name for one in ALL if not one.arguments} == {"uuid_v4", "uuid_v7"}
    assert len(TAKING) > 50


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a*)*$", "(a|aa)+$", "(.*)*$", "^(a|a)*$"])
def test_patterns_that_make_others_backtrack(pattern: str) -> None:
    """A text of the size that is let through gets its answer; one beyond it none."""
    assert call("regexp(?, ?)", pattern, "a" * 20_000 + "!") in (0, 1)
    with pytest.raises(FunctionError, match="bytes at most"):
        call("regexp(?, ?)", pattern, "a" * SQL_TEXT_BYTES_MAX)
    schema = f'{{"pattern": "{pattern}"}}'
    json_schema.set_schemas({"patterned": schema})
    within = "a" * (SQL_PATTERNED_BYTES_MAX - 3) + "!"
    for expression, first in (
        ("jsonschema(?, ?)", "patterned"),
        ("jsonschema_matches(?, ?)", schema),
    ):
        assert call(expression, first, f'"{within}"') in (0, 1)
        with pytest.raises(FunctionError, match="larger than 65536 bytes"):
            call(expression, first, f'"a{within}"')
    json_schema.set_schemas({})

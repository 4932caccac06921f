"""Gives a connection all functions, and says which of them rules may call."""

from __future__ import annotations

from functools import cache
from typing import Final

import apsw

from shared.sqlite.functions import (
    encoding,
    geometry,
    json_schema,
    passwords,
    places,
    shapes,
    spatial,
    text,
    uuid,
    validation,
)
from shared.sqlite.functions.function import Function

ALL: Final[tuple[Function, ...]] = (
    *uuid.FUNCTIONS,
    *validation.FUNCTIONS,
    *text.FUNCTIONS,
    *json_schema.FUNCTIONS,
    *encoding.FUNCTIONS,
    *passwords.FUNCTIONS,
    *places.FUNCTIONS,
    *geometry.FUNCTIONS,
    *spatial.FUNCTIONS,
    *shapes.FUNCTIONS,
)


def register(connection: apsw.Connection) -> None:
    """Let statements on `connection` call the functions, and its schema, which is not trusted."""
    make = connection.create_scalar_function
    for function in ALL:
        make(
            function.name,
            function.call,
            function.arguments,
            deterministic=function.stable,
            flags=apsw.SQLITE_INNOCUOUS,
        )


@cache
def names_in_rules() -> frozenset[str]:
    """The lower-case names of those that rules and views may call."""
    return frozenset(function.name.lower() for function in ALL if function.in_rules)

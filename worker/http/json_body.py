"""Bodies of JSON, in whichever dialect: parsed under bounds that later steps rely on.

Refuses what could harm those steps (deep nesting, NUL characters, too many values) so that they
need not look again. What a body means is the dialect's business.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from shared.errors import QuillError, invalid
from shared.limits import JSON_DEPTH_MAX, JSON_NODES_MAX

_NUL_ESCAPE: Final = b"\\u0000"
# A text that never ends is taken to the end of the body, so that this stays linear.
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_LOAD_FAILED: Final = "Failed to load the submitted data due to invalid formatting."


def parse_json(raw: bytes) -> object:
    """Any JSON under the limits. Raises INVALID."""
    if len(raw) > JSON_NODES_MAX:
        check_nodes(raw)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise invalid(_LOAD_FAILED) from None
    if _NUL_ESCAPE in raw or raw.count(b"{") + raw.count(b"[") > JSON_DEPTH_MAX:
        _check_tree(value)
    parsed: object = value
    return parsed


def check_nodes(raw: bytes) -> None:
    """Refuse more values than memory and patience allow, before any of them is made.

    Each value follows a bracket or a comma. Those in texts are no values, so where there are many
    of both, the texts are left out and it is counted again; that takes about 4 ms a MiB.
    """
    if _count_values(raw) <= JSON_NODES_MAX:
        return
    if raw.count(b'"') - raw.count(b'\\"') > 4 * JSON_NODES_MAX:
        raise _too_many_values()
    if _count_values(_TEXT.sub(b"", raw)) > JSON_NODES_MAX:
        raise _too_many_values()


def _count_values(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _too_many_values() -> QuillError:
    return invalid(f"The request body has more than {JSON_NODES_MAX} values.")


def _check_tree(value: object) -> None:
    """Refuse deep nesting and NUL.

    SQLite's text functions end a string at NUL, so what is stored would differ from what is
    compared. (orjson itself refuses more than 1024 levels.)
    """
    level = [value]
    for depth in range(JSON_DEPTH_MAX + 2):
        inner: list[object] = []
        for item in level:
            if isinstance(item, str):
                _check_no_nul(item)
            elif isinstance(item, dict | list):
                if depth == JSON_DEPTH_MAX:
                    raise invalid(f"The request body nests deeper than {JSON_DEPTH_MAX} levels.")
                inner.extend(item)
                if isinstance(item, dict):
                    inner.extend(item.values())
        if not inner:
            return
        level = inner


def _check_no_nul(text: str) -> None:
    if "\0" in text:
        raise invalid("The request body may not contain NUL characters.")

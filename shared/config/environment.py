"""Settings from environment variables, which win over the file.

`QUILL_SERVER_SITE_URL` and `TRAIL_SERVER_SITE_URL` name the same setting; the first wins. Only
settings of one value have a variable, and those of the entries that a map in the file has. The
second kind sets only what stands in a group that the file has, the first makes the group.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Mapping
from typing import Any, Final

from shared.config.declaration import Declared, Tree
from shared.config.places import QUILL, TRAIL, places, put, variable
from shared.config.problem import wrong
from shared.errors import Problems

_SWITCHES: Final = {"true": True, "1": True, "false": False, "0": False}


def override(
    tree: Tree, environment: Mapping[str, str], problems: Problems
) -> tuple[Tree, dict[str, str]]:
    """The tree with what variables say, and the variable of each path that one has set.

    A value that cannot be one is added to `problems`; no value is told.
    """
    changed = copy.deepcopy(tree)
    sources: dict[str, str] = {}
    for place in places(tree, absent=True):
        name = _given(environment, place.path, theirs=place.present)
        if name is None:
            continue
        sources[place.path] = name
        try:
            put(changed, place.path, _value(place.setting, environment[name]))
        except ValueError:
            problems[place.path] = wrong(
                "validation_invalid_value",
                f"The value of {name} is not {_expected(place.setting)}.",
            )
    return changed, sources


def unknown(environment: Mapping[str, str], sources: Mapping[str, str], tree: Tree) -> list[str]:
    """Our variables that look like settings and are none; those of a second name are known."""
    known = set(sources.values())
    known |= {variable(QUILL, place.path) for place in places(tree, absent=True)}
    return sorted(
        name for name in environment if name.startswith(f"{QUILL}_") and name not in known
    )


def _given(environment: Mapping[str, str], path: str, *, theirs: bool) -> str | None:
    """The variable that sets the path."""
    prefixes = (QUILL, TRAIL) if theirs else (QUILL,)
    names = (variable(prefix, path) for prefix in prefixes)
    return next((name for name in names if name in environment), None)


def _value(setting: Declared, text: str) -> Any:
    """Raises ValueError."""
    if setting.kind is str:
        text.encode()  # what is no UTF-8 comes as text that cannot be written
        return text
    if setting.kind is bool:
        if text.lower() not in _SWITCHES:
            raise ValueError
        return _SWITCHES[text.lower()]
    if issubclass(setting.kind, enum.IntEnum):
        if text.upper() not in setting.kind.__members__:
            raise ValueError
        return int(setting.kind[text.upper()])
    if not text.removeprefix("-").isdecimal() or len(text) > 18:
        raise ValueError
    return int(text)


def _expected(setting: Declared) -> str:
    if issubclass(setting.kind, enum.IntEnum):
        return f"one of {', '.join(setting.kind.__members__)}"
    return {str: "valid UTF-8", bool: "true or false"}.get(setting.kind, "an integer")

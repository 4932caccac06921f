"""Where in a tree a setting stands, and what it is called there: paths, variables, entries of a vault."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from shared.config.config import Config
from shared.config.declaration import Declared, Form, Group, Tree, declared

QUILL: Final = "QUILL"
TRAIL: Final = "TRAIL"
"""Prefixes of variables; secrets in the vault are called as their variable of the second kind."""
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9]")


class Place(NamedTuple):
    """One scalar setting, of which a variable or the vault may know. `path`: dotted."""

    setting: Declared
    path: str
    present: bool
    """Its group is there, whether it itself is or not."""


def places(tree: Mapping[str, Any], *, absent: bool = False) -> Iterator[Place]:
    """The scalar settings of the groups that are there, entries of maps included.

    `absent`: those of groups that are not there, too. What stands in lists has no name.
    """
    yield from _places(tree, Config, "", present=True, absent=absent)


def _places(
    tree: Mapping[str, Any], group: Group, path: str, *, present: bool, absent: bool
) -> Iterator[Place]:
    for one in declared(group).values():
        place = f"{path}{one.name}"
        if one.form is Form.SCALAR:
            yield Place(one, place, present)
        elif one.form is Form.GROUP and (absent or one.name in tree):
            inner, there = tree.get(one.name, {}), present and one.name in tree
            yield from _places(inner, one.kind, f"{place}.", present=there, absent=absent)
        elif one.form is Form.MAP:
            for key, inner in tree.get(one.name, {}).items():
                entry = f"{place}.{key}."
                yield from _places(inner, one.kind, entry, present=present, absent=absent)


def variable(prefix: str, path: str) -> str:
    """The environment variable of a setting."""
    return f"{prefix}_{_NO_NAME.sub('_', path).upper()}"


def get(tree: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; None where nothing does."""
    found: Any = tree
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def put(tree: Tree, path: str, value: Any) -> None:
    """Set what stands at a path, in groups made where they are missing; None takes it away."""
    *groups, name = path.split(".")
    for group in groups:
        if value is None and group not in tree:
            return
        tree = tree.setdefault(group, {})
    if value is None:
        tree.pop(name, None)
    else:
        tree[name] = value


def leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a tree with its dotted path; a list of values is one."""
    for name, value in tree.items():
        place = f"{path}{name}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{place}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for at, one in enumerate(value):
                yield from leaves(one, f"{place}.{at}.")
        else:
            yield place, value

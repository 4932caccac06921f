"""Secrets apart from the settings: put in their places for use, taken out for the file.

A secret that stands in the settings' file as it is wins over the vault; `<REDACTED>` there, or
nothing, means the vault's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from shared.config.declaration import SECRET_SHOWN, Tree
from shared.config.places import TRAIL, get, places, put, variable

Vault = dict[str, str]
"""Secrets by name, `TRAIL_` and the path of the setting."""


def entry(path: str) -> str:
    """What the secret at a path is called in the vault."""
    return variable(TRAIL, path)


def unlock(tree: Tree, vault: Mapping[str, str]) -> tuple[Tree, list[str], list[str]]:
    """The tree with its secrets, the paths of those from the vault, and of those it lacks."""
    opened = copy.deepcopy(tree)
    taken, missing = [], []
    for place in [each for each in places(tree) if each.setting.secret]:
        value = get(tree, place.path)
        if value is not None and value != SECRET_SHOWN:
            continue
        kept = vault.get(entry(place.path))
        put(opened, place.path, kept)
        if kept is not None:
            taken.append(place.path)
        elif value is not None:
            missing.append(place.path)
    return opened, taken, missing


def lock(tree: Tree, vault: Mapping[str, str]) -> tuple[Tree, Vault]:
    """The tree without secrets, and the vault with those that stood in it."""
    shut, filled = copy.deepcopy(tree), dict(vault)
    for place in [each for each in places(tree) if each.setting.secret]:
        value = get(tree, place.path)
        if value and value != SECRET_SHOWN:
            filled[entry(place.path)] = value
            put(shut, place.path, SECRET_SHOWN)
    return shut, filled


def without_secrets(tree: Tree) -> Tree:
    """The tree with no trace of a secret: what the database may hold."""
    bare = copy.deepcopy(tree)
    for place in [each for each in places(tree) if each.setting.secret]:
        put(bare, place.path, None)
    return bare

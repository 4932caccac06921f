"""Settings at random, for properties: trees that the text format can carry and that are accepted."""

from __future__ import annotations

import enum
from typing import Any

from hypothesis import strategies as st

from shared.config.config import Config
from shared.config.declaration import Declared, Form, Group, Tree, declared

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def trees(group: Group = Config) -> st.SearchStrategy[Tree]:
    """Trees of a group with any of its settings; each value fits its declaration."""
    return st.fixed_dictionaries(
        {}, optional={one.name: _values(one) for one in declared(group).values()}
    )


def _values(one: Declared) -> st.SearchStrategy[Any]:
    if one.form is Form.GROUP:
        return st.deferred(lambda: trees(one.kind))
    if one.form is Form.GROUPS:
        return st.lists(trees(one.kind), min_size=1, max_size=2)
    if one.form is Form.MAP:
        return st.dictionaries(_NAMES, trees(one.kind), min_size=1, max_size=2)
    if one.form is Form.LIST:
        return st.lists(_scalars(one), min_size=1, max_size=3)
    return _scalars(one)


def _scalars(one: Declared) -> st.SearchStrategy[Any]:
    if issubclass(one.kind, enum.IntEnum):
        return st.sampled_from([int(member) for member in one.kind])
    if one.kind is bool:
        return st.booleans()
    if one.kind is int:
        least = -(2**53) if one.meta.ge is None else int(one.meta.ge)
        return st.integers(least, 2**53 if one.meta.le is None else int(one.meta.le))
    if one.meta.pattern is not None:
        return st.just("#1055c9") if "#" in one.meta.pattern else _NAMES
    return _TEXTS.filter(lambda text: len(text) >= (one.meta.min_length or 0))

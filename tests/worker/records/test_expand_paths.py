"""Texts of `expand` as trees of links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.limits import EXPAND_CHARS_MAX, EXPAND_LEVELS_MAX, EXPAND_PATHS_MAX
from shared.schema.catalog import Catalog
from tests.shared.sql.sample import SAMPLE
from worker.records.expand_paths import Branch, read_paths

CATALOG = Catalog(1, [SAMPLE])
Tree = dict[str, "Tree"]


def _names(branches: dict[str, Branch]) -> Tree:
    return {name: _names(branch.branches) for name, branch in branches.items()}


def _tree(expand: str) -> Tree:
    return _names(read_paths(expand, SAMPLE, CATALOG, hidden=False))


@pytest.mark.parametrize(
    ("expand", "tree"),
    [
        ("owner", {"owner": {}}),
        (" owner . friends,owner ", {"owner": {"friends": {}}}),
        ("owner.owner,owner.friends", {"owner": {"owner": {}, "friends": {}}}),
        ("sample_via_owner.owner", {"sample_via_owner": {"owner": {}}}),
        ("c_sample_via_friends,SAMPLE(owner)", {"c_sample_via_friends": {}, "SAMPLE(owner)": {}}),
        ("owner.nope,friends", {"friends": {}}),
        (".".join(["owner"] * (EXPAND_LEVELS_MAX + 1)), {}),
        ("title,tags,id,sample,sample_via_title,sample_via_,_via_owner,owner..owner", {}),
    ],
)
def test_paths_become_a_tree(expand: str, tree: Tree) -> None:
    """Common beginnings are one branch; what leads nowhere is left out as a whole."""
    assert _tree(expand) == tree


def test_links_know_their_ends() -> None:
    """One or several, forth or back."""
    branches = read_paths("owner,friends,sample_via_owner", SAMPLE, CATALOG, hidden=False)
    told = [
        (branch.link.field.name, branch.link.back, branch.link.single)
        for branch in branches.values()
    ]
    assert told == [("owner", False, True), ("friends", False, False), ("owner", True, False)]


@given(st.text("owner.,_via(friends) sample@\0é", max_size=80))
def test_any_text_is_a_tree_of_relations(expand: str) -> None:
    """Nothing fails, and each part of a tree is something that links."""
    waiting = list(read_paths(expand, SAMPLE, CATALOG, hidden=False).values())
    while waiting:
        branch = waiting.pop()
        assert branch.link.target is SAMPLE
        waiting += branch.branches.values()


def test_more_than_anybody_needs_is_refused() -> None:
    """By length and by number of different paths."""
    assert _tree(",".join(["owner"] * 500)) == {"owner": {}}
    for expand in ("o" * (EXPAND_CHARS_MAX + 1), ",".join(map(str, range(EXPAND_PATHS_MAX + 1)))):
        with pytest.raises(QuillError):
            _tree(expand)

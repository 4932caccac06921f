"""What an expression asks of an assignment of rows: `shared.sql.hops`, `shared.sql.terms`."""

from __future__ import annotations

import pytest

from shared.language.expression import Comparator
from shared.language.parser import parse
from shared.schema.catalog import Catalog
from shared.sql.formula import All, Any, Formula, Leaf, Never, formula_of, leaves
from shared.sql.hops import Twins
from shared.sql.names import Names
from tests.shared.sql.sample import CATALOG, SAMPLE, collection


def _formula(text: str, *, client: bool = False) -> Formula:
    names = Names(SAMPLE, CATALOG, caller=None, client=client, superuser=False)
    return formula_of(parse(text), names)


def test_a_plain_operator_asks_twice() -> None:
    """Of some row that it is so, and of every row that it is not otherwise."""
    asked = _formula("friends.title = 'a'")
    assert isinstance(asked, All)
    some, never = asked.parts
    assert isinstance(some, Leaf)
    assert isinstance(never, Never)
    assert never.leaf.negative
    assert not set(some.nodes) & set(never.leaf.nodes)
    for text in ("friends.title ?= 'a'", "owner.title = 'a'", "tags = 'a'", "title = 'a'"):
        assert isinstance(_formula(text), Leaf)


@pytest.mark.parametrize(
    ("text", "implied"),
    [("tags:each != 'a'", True), ("tags:each = ''", True), ("null = friends.title", True),
     ("tags:each = 'a'", False), ("tags:each ~ 'a'", False), ("friends.count > 1", False)],
)  # fmt: skip
def test_what_holds_for_some_where_it_is_false_for_none(text: str, *, implied: bool) -> None:
    """A comparison that is never unknown."""
    asked = _formula(text)
    assert isinstance(asked, All)
    some = asked.parts[0]
    assert isinstance(some, Leaf)
    assert some.implied is implied


def test_junctions() -> None:
    """They stay as they are written."""
    asked = _formula("title = 'a' || other = 'b' && count > 1")
    assert isinstance(asked, Any)
    assert isinstance(asked.parts[1], All)
    signs = [leaf.comparator for leaf in leaves(asked)]
    assert signs == [Comparator.EQUAL, Comparator.EQUAL, Comparator.GREATER]


def test_twins_begin_at_the_first_variable() -> None:
    """What is the same for every row is shared with the first look."""
    names = Names(SAMPLE, CATALOG, caller=None, client=False, superuser=False)
    leaf = formula_of(parse("owner.friends.title ?= 'a'"), names)
    assert isinstance(leaf, Leaf)
    node = leaf.nodes[0]
    twin = Twins().of(node)
    assert [one is other for one, other in zip(node.chain(), twin.chain(), strict=True)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert [one.kind for one in node.chain()] == [one.kind for one in twin.chain()]
    assert twin.within(twin.chain()[2])
    assert not twin.within(node)


def test_an_address_is_guarded() -> None:
    """In what a client writes; a rule sees it."""
    people = collection(
        "people", {"name": "email", "type": "email"}, {"name": "emailVisibility", "type": "bool"},
        kind="auth",
    )  # fmt: skip
    for client in (True, False):
        names = Names(people, Catalog(1, [people]), caller=None, client=client, superuser=False)
        leaf = formula_of(parse("email ~ 'a'"), names)
        assert isinstance(leaf, Leaf)
        shown = [guard.reading.field.name for guard in leaf.guards]
        assert shown == (["emailVisibility"] if client else [])

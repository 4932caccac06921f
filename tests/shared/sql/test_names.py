"""What names mean: values, paths that share their steps, and whom they are kept from."""

from __future__ import annotations

import pytest

from shared.language.errors import LanguageError
from shared.language.expression import Constant, Name, Number, Text, Word
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.names import Names
from shared.sql.operands import Literal
from shared.sql.request_values import AuthField, BodyField, Moment, Place, SentValue
from shared.sql.terms import ItemTerm, Known, PathTerm
from tests.shared.sql.sample import CATALOG, SAMPLE, collection


def _names(*, client: bool = False, of: Collection = SAMPLE, catalog: Catalog = CATALOG) -> Names:
    return Names(of, catalog, caller=None, client=client, superuser=False)


def test_values() -> None:
    """Each literal knows its value and how a text field sees it."""
    rule = _names()
    assert rule.term(Text("x", 0)) == Known(Literal("x", "x"))
    assert rule.term(Number("5.50", 0)) == Known(Literal(5.5, "5.50"))
    assert rule.term(Constant(Word.TRUE, 0)) == Known(Literal(1, "1"))
    assert rule.term(Constant(Word.NULL, 0)) == Known(Literal(None, ""))


def test_what_waits_for_the_request() -> None:
    """The moment, the caller, and what was sent."""
    rule = _names()
    assert rule.term(Name("@now", 0)) == Known(Moment("@now"))
    assert rule.term(Name("@request.auth.team", 0)) == Known(AuthField("team"))
    assert rule.term(Name("@request.method", 0)) == Known(SentValue(Place.METHOD))
    header = Known(SentValue(Place.HEADER, "x_token"))
    assert rule.term(Name("@request.headers.X_Token", 0)) == header
    title = SAMPLE.field("title")
    assert rule.term(Name("@request.body.title", 0)) == Known(BodyField("title", title))
    assert rule.term(Name("@request.body.more", 0)) == Known(BodyField("more"))


def _node(names: Names, text: str) -> object:
    term = names.term(Name(text, 0))
    assert isinstance(term, PathTerm | ItemTerm)
    return term.node


def test_paths_share_their_steps() -> None:
    """So that two comparisons speak of one row; a list and the records in it are two things."""
    rule = _names()
    assert _node(rule, "friends.title") is _node(rule, "friends.count")
    assert _node(rule, "friends.title") is not _node(rule, "friends:each")
    assert _node(rule, "owner.title") is not _node(rule, "owner.owner.title")
    assert _node(rule, "@collection.sample.id") is not _node(rule, "@collection.sample:b.id")
    assert _node(rule, "@collection.sample:b.id") is _node(rule, "@collection.sample:b.title")
    assert _node(rule, "title") is _node(rule, "other")


def test_a_unique_index_makes_a_back_relation_single() -> None:
    """Only one over all rows and that column alone."""
    owner: dict[str, object] = {
        "name": "owner", "type": "relation", "collectionId": "c_sample", "maxSelect": 1,
    }  # fmt: skip
    for index, many in (
        ("CREATE UNIQUE INDEX `u` ON `cards` (`owner`)", False),
        ("CREATE INDEX `u` ON `cards` (`owner`)", True),
        ("CREATE UNIQUE INDEX `u` ON `cards` (`owner`, `id`)", True),
        ("CREATE UNIQUE INDEX `u` ON `cards` (`owner`) WHERE `owner` != ''", True),
    ):
        plain = collection("cards", owner)
        cards = Collection(plain.id, "cards", "base", False, plain.fields, (index,))
        term = _names(catalog=Catalog(1, [SAMPLE, cards])).term(Name("cards_via_owner.id", 0))
        assert isinstance(term, PathTerm)
        assert term.node.many is many


def test_an_error_knows_its_place() -> None:
    """The position is that of the name."""
    client = _names(client=True)
    for name in ("nope", "secret", "a.b", "title:each", "@nope", "owner.nope", "owner.title"):
        with pytest.raises(LanguageError) as caught:
            client.term(Name(name, 7))
        assert caught.value.position == 7


def _guarded(rule: str | None, *, kind: str = "base") -> Catalog:
    """A catalog with posts that a relation leads from."""
    notes = collection(
        "notes",
        {"name": "text", "type": "text"},
        {"name": "hush", "type": "text", "hidden": True},
        kind=kind,
    )
    shut = Collection("c_notes", "notes", kind, False, notes.fields, list_rule=rule)
    posts = collection(
        "posts", {"name": "note", "type": "relation", "collectionId": "c_notes", "maxSelect": 1}
    )
    return Catalog(1, [posts, shut])


def test_a_client_is_kept_from_what_it_may_not_see() -> None:
    """Hidden fields anywhere on a path, and collections that are not listed to it."""
    for rule, name, allowed in (
        ("", "note.text", True),
        ("", "note.hush", False),
        (None, "note.text", False),
        ("text != ''", "note.text", True),
    ):
        catalog = _guarded(rule)
        posts = catalog.find("posts")
        assert posts is not None
        client = _names(client=True, of=posts, catalog=catalog)
        if allowed:
            client.term(Name(name, 0))
        else:
            with pytest.raises(LanguageError):
                client.term(Name(name, 0))
        _names(of=posts, catalog=catalog).term(Name(name, 0))

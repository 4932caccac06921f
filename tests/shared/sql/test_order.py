"""What a client may sort by, and that the order is total and an index gives it."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.schema.catalog import Catalog
from shared.sql.order import order_of
from tests.shared.sql.sample import CATALOG, SAMPLE, collection, create, insert


@pytest.mark.parametrize(
    ("sort", "terms"),
    [
        ("", "r._rowid_"),
        ("title", 'r."title", r._rowid_'),
        ("-day", 'r."day" DESC, r._rowid_ DESC'),
        ("-day, +title", 'r."day" DESC, r."title", r._rowid_'),
        ("@rowid", "r._rowid_"),
        ("-@rowid", "r._rowid_ DESC"),
        ("@random", "random(), r._rowid_"),
        ("+id", 'r."id", r._rowid_'),
        ("-title:lower", 'lower(r."title") DESC, r._rowid_ DESC'),
    ],
)
def test_terms(sort: str, terms: str) -> None:
    """Each sort ends in the rowid, in the direction of its last term."""
    assert order_of(sort, SAMPLE, CATALOG, caller=None, superuser=False).sql == terms


@pytest.mark.parametrize(
    "sort",
    ["nope", ",", "title,", "-", "--title", "title:isset", "tags", "friends", "tags:each",
     "friends.title", "sample_via_owner.title", "owner.secret", "title.x",
     "secret", "pass", "@now", "title desc", 'title";--', "a" * 256, ",".join(["title"] * 9)],
)  # fmt: skip
def test_what_cannot_be_sorted_by(sort: str) -> None:
    """Unknown, hidden and many-valued fields, and everything that is no name."""
    with pytest.raises(LanguageError):
        order_of(sort, SAMPLE, CATALOG, caller=None, superuser=False)


def test_superusers_sort_by_hidden_fields() -> None:
    """But not even they by a password."""
    assert (
        order_of("secret", SAMPLE, CATALOG, caller=None, superuser=True).sql
        == 'r."secret", r._rowid_'
    )
    with pytest.raises(LanguageError):
        order_of("pass", SAMPLE, CATALOG, caller=None, superuser=True)


def test_request_names_are_for_rules() -> None:
    """As in filters."""
    with pytest.raises(ForbiddenNameError):
        order_of("title,-@request.auth.id", SAMPLE, CATALOG, caller=None, superuser=False)


def _sorted(sort: str, *, superuser: bool = False) -> list[str]:
    """Ids of a few records in that order, as an administrator or a guest sees it."""
    people = collection(
        "people",
        {"name": "name", "type": "text"},
        {"name": "email", "type": "email"},
        {"name": "emailVisibility", "type": "bool"},
        {"name": "boss", "type": "relation", "collectionId": "c_people", "maxSelect": 1},
        {"name": "data", "type": "json"},
        {"name": "place", "type": "geoPoint"},
        kind="auth",
    )
    people = replace(people, list_rule="name != 'Cid'")
    connection = apsw.Connection(":memory:")
    create(connection, people)
    for number, (name, boss, data, shown) in enumerate(
        [("Ann", "", '{"n":"a"}', 1), ("Bob", "0", '{"n":10}', 0), ("Cid", "1", '{"n":9}', 1),
         ("Dan", "2", None, 1)]
    ):  # fmt: skip
        values = {"name": name, "boss": boss, "data": data, "emailVisibility": shown}
        email, place = f"{name}@x.io", f'{{"lon":0,"lat":{10 - number}}}'
        insert(connection, people, id=str(number), email=email, place=place, **values)
    order = order_of(sort, people, Catalog(1, [people]), caller=None, superuser=superuser)
    bound = order.bind(GUEST_REQUEST)
    return [row[0] for row in connection.execute(
        f"SELECT id FROM people r ORDER BY {order.sql}", bound)]  # fmt: skip


def test_related_records_sort() -> None:
    """By a field of theirs, nothing first; what the list rule hides is not there."""
    assert _sorted("-boss.name", superuser=True) == ["3", "2", "1", "0"]
    assert _sorted("-boss.name") == ["2", "1", "3", "0"]
    assert _sorted("boss.boss.name,-name", superuser=True) == ["1", "0", "2", "3"]


def test_json_sorts_by_its_value() -> None:
    """Numbers before texts, not the characters of the JSON text."""
    assert _sorted("data.n") == ["3", "2", "1", "0"]
    assert _sorted("place.lat") == ["3", "2", "1", "0"]


def test_addresses_sort_where_they_are_shown() -> None:
    """One that its owner hides sorts as nothing, so the order does not tell it."""
    assert _sorted("email") == ["1", "0", "2", "3"]
    assert _sorted("email", superuser=True) == ["0", "1", "2", "3"]


def test_only_own_columns_can_begin_a_page() -> None:
    """Others may be NULL, or have to be worked out."""
    for sort, keyset in (("title", True), ("data", False), ("owner.title", False),
                         ("@random", False), ("@rowid", True)):  # fmt: skip
        opened = collection(
            "sample",
            {"name": "title", "type": "text"},
            {"name": "data", "type": "json"},
            {"name": "owner", "type": "relation", "collectionId": "c_sample", "maxSelect": 1},
        )
        opened = replace(opened, list_rule="")
        order = order_of(sort, opened, Catalog(1, [opened]), caller=None, superuser=False)
        assert order.terms[0].keyset is keyset


def test_views_have_no_rowid() -> None:
    """Their ids settle ties."""
    view = collection("seen", {"name": "title", "type": "text"}, kind="view")
    order = order_of("-title", view, Catalog(1, [view]), caller=None, superuser=False)
    assert order.sql == 'r."title" DESC, r."id" DESC'
    assert [one.keyset for one in order.terms] == [False, True]
    assert order_of("id", view, Catalog(1, [view]), caller=None, superuser=False).sql == 'r."id"'
    with pytest.raises(LanguageError):
        order_of("@rowid", view, Catalog(1, [view]), caller=None, superuser=False)

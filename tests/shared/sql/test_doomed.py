"""Which sets of ids a deletion is planned over."""

from __future__ import annotations

import apsw
import pytest

from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.doomed import Doomed, IdSet, doomed_by
from tests.shared.sql.sample import collection, create, insert


def _relation(name: str, target: str, **options: object) -> dict[str, object]:
    one = {"name": name, "type": "relation", "collectionId": f"c_{target}", "maxSelect": 1}
    return {**one, "cascadeDelete": True, **options}


def _doomed(*collections: Collection) -> Doomed:
    return doomed_by(Catalog(1, collections), collections[0], "a")


def test_only_the_record_itself_needs_no_query() -> None:
    """Also where others refer to it without going along."""
    users = collection("users")
    posts = collection("posts", _relation("author", "users", cascadeDelete=False))
    doomed = _doomed(users, posts)
    assert doomed.sets == {"c_users": IdSet("SELECT CAST(? AS TEXT) AS id", ("a",))}
    assert not doomed.batches


def test_one_level_is_a_plain_condition() -> None:
    """A set of rows whose reference is the record, found through an index of that field."""
    users = collection("users")
    posts = collection("posts", _relation("author", "users"), _relation("editor", "users"))
    doomed = _doomed(users, posts)
    gone = doomed.sets["c_posts"]
    assert "RECURSIVE" not in gone.sql
    assert doomed.batches == [(posts, gone)]
    connection = apsw.Connection(":memory:")
    create(connection, posts)
    steps = connection.execute(f"EXPLAIN QUERY PLAN {gone.sql}", gone.params).fetchall()
    assert not [step for step in steps if str(step[3]).startswith("SCAN x")]


@pytest.mark.parametrize("circle", [False, True])
def test_far_collections_go_first(circle: bool) -> None:
    """By collection where they can be ordered, else by the distance of their rows."""
    back = [_relation("bundle", "bundles")] if circle else []
    orgs = collection("orgs", *back)
    teams = collection("teams", _relation("org", "orgs"), _relation("parent", "teams"))
    bundles = collection("bundles", _relation("team", "teams"), _relation("org", "orgs"))
    doomed = _doomed(orgs, bundles, teams)
    names = [one.name for one, _ in doomed.batches]
    assert (doomed.beyond is not None) is circle
    assert names == ["bundles", "teams"] or (circle and len(names) > 3)


def test_lists_of_several_doomed_ids() -> None:
    """A list is empty when all that is in it goes, once or twice over; broken text holds nothing."""
    nodes = collection("nodes", _relation("parents", "nodes", maxSelect=9))
    connection = apsw.Connection(":memory:")
    create(connection, nodes)
    rows = {
        "a": "[]",
        "b": '["a"]',
        "c": '["b","a"]',
        "d": '["c","c"]',
        "e": '["a","z"]',
        "f": "[a",
    }
    for row_id, parents in rows.items():
        insert(connection, nodes, id=row_id, parents=parents)
    gone = _doomed(nodes).sets["c_nodes"]
    found = connection.execute(f"{gone.sql} ORDER BY id", gone.params).fetchall()
    assert [row[0] for row in found] == ["a", "b", "c", "d"]

"""A new catalog is judged as a whole: `worker.catalog.compile`."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import FieldError, QuillError
from tests.worker.catalog.depot import Depot

TITLE: dict[str, Any] = {"name": "title", "type": "text"}


def _refusal(depot: Depot, change: Any) -> tuple[str, dict[str, FieldError]]:
    before = depot.catalog
    with pytest.raises(QuillError) as refused:
        change()
    assert depot.catalog is before
    return refused.value.message, refused.value.fields


@pytest.fixture
def depot() -> Depot:
    """Posts with an author, and a log whose rule looks at posts."""
    made = Depot()
    posts = made.define("posts", fields=[{**TITLE, "id": "t"}])
    relation = {"name": "post", "type": "relation", "collectionId": posts.id}
    made.define("notes", fields=[relation], listRule="post.title = 'x'")
    return made


def test_a_rule_of_another_collection_stops_a_rename(depot: Depot) -> None:
    """By its name and key; once the rule is gone the field may go as well."""
    fields = [{"id": "t", "name": "head", "type": "text"}]
    message, problems = _refusal(depot, lambda: depot.define("posts", fields=fields))
    assert message == "This would break listRule of the collection notes."
    assert problems["listRule"].code == "validation_invalid_rule"

    depot.define("notes", listRule=None)
    depot.define("posts", fields=fields)
    assert depot["posts"].field("head") is not None


def test_a_rule_of_its_own_is_told_at_its_key(depot: Depot) -> None:
    """Every one of them at once."""
    _, problems = _refusal(
        depot, lambda: depot.define("posts", listRule="nope = 1", viewRule="title =", createRule="")
    )
    assert {key: one.code for key, one in problems.items()} == {
        "listRule": "validation_invalid_rule",
        "viewRule": "validation_invalid_rule",
    }


def test_rules_of_options_are_rules() -> None:
    """authRule, manageRule and that of MFA compile over the auth collection."""
    depot = Depot()
    for body, key in (
        ({"authRule": "nope = 1"}, "authRule"),
        ({"manageRule": "nope = 1"}, "manageRule"),
        ({"mfa": {"rule": "nope = 1"}}, "mfa.rule"),
    ):
        _, problems = _refusal(depot, lambda body=body: depot.define("users", **body))
        assert list(problems) == [key]
    depot.define("users", authRule="verified = true", manageRule="@request.auth.id != ''")


def test_a_view_stops_what_would_break_it(depot: Depot) -> None:
    """Dropping a field or the collection is refused by the view's name, also through a view."""
    depot.define("notes", listRule=None)
    depot.define("heads", type="view", viewQuery="SELECT id, title FROM posts")
    depot.define("tops", type="view", viewQuery="SELECT id, title FROM heads")
    message, problems = _refusal(depot, lambda: depot.define("posts", fields=[]))
    assert message == "This would break viewQuery of the collection heads."
    assert problems["viewQuery"].code == "validation_invalid_view_query"
    message, _ = _refusal(depot, lambda: depot.drop("heads"))
    assert "tops" in message


def test_a_rule_over_a_view_stops_a_change_of_its_columns(depot: Depot) -> None:
    """The view's own rule, where the column that it names would go."""
    depot.define(
        "heads", type="view", viewQuery="SELECT id, title FROM posts", listRule="title='x'"
    )
    _, problems = _refusal(
        depot, lambda: depot.define("heads", viewQuery="SELECT id, title AS t FROM posts")
    )
    assert list(problems) == ["listRule"]


def test_an_index_is_tried(depot: Depot) -> None:
    """What the definition lets pass and SQLite does not is told at its place."""
    indexes = ["CREATE INDEX a ON t (title)", "CREATE INDEX b ON t (abs())"]
    _, problems = _refusal(depot, lambda: depot.define("posts", indexes=indexes))
    assert {key: one.code for key, one in problems.items()} == {
        "indexes.1": "validation_invalid_index_expression"
    }


def test_a_rule_that_was_broken_before_stops_nothing_else(depot: Depot) -> None:
    """It denies already; its owner mends it when he defines that collection."""
    depot.db.execute("UPDATE _collections SET listRule = 'gone = 1' WHERE name = 'notes'")
    depot.define("posts", viewRule="title = 'x'")
    assert depot["posts"].view_rule == "title = 'x'"


def test_the_fields_of_a_view_follow_what_it_reads(depot: Depot) -> None:
    """Options and all; a view that is not touched keeps its time of change."""
    depot.define("heads", type="view", viewQuery="SELECT id, title FROM posts")
    before = depot["heads"]
    depot.define("posts", fields=[{**TITLE, "id": "t", "max": 9}])
    assert depot["heads"].by_name["title"].to_json()["max"] == 9
    depot.define("posts", fields=[{**TITLE, "id": "t", "max": 9}, {"name": "n", "type": "number"}])
    assert before.by_name["title"].id == depot["heads"].by_name["title"].id

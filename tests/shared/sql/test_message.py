"""The guard that keeps messages off collections, as SQLite judges it; and the order of steps."""

from __future__ import annotations

import pytest

from shared.schema.system import USERS_ID
from shared.sql.message import Message, first_part, message_steps
from shared.sql.plan import MESSAGE_TOO_LARGE, StepKind, publish
from tests.shared.schema.sample import define, load, make, new_database

_NAME = "Posts_1"


@pytest.mark.parametrize(
    ("topics", "taken"),
    [
        (["t"], False),
        (["a/posts_1", "/users", "users2", "user", "Users ", "us%rs", "user_"], False),
        (["users"], True),
        (["users/x"], True),
        (["USERS/x/y"], True),
        (["t", "u/v", "users/*"], True),
        (["posts_1/x"], True),
        (["POSTS_1"], True),
        ([f"{USERS_ID}/x"], True),
        ([f"{USERS_ID.upper()}/x"], False),
        (['quo"te', "it's", "ü", "[]"], False),
    ],
)
def test_the_guard_finds_collections(topics: list[str], taken: bool) -> None:
    """By the whole first part: names in any case, ids as they are, as the catalog finds them."""
    db = new_database()
    made = define({"name": _NAME, "type": "base", "fields": []})
    make(db, made)
    guard, *_ = message_steps([Message(topic, "1") for topic in topics])
    assert guard.kind is StepKind.FORBID
    assert bool(db.execute(guard.sql, guard.params).fetchall()) is taken
    catalog = load(db)
    assert any(catalog.find(first_part(topic)) for topic in topics) is taken


def test_messages_keep_their_order() -> None:
    """One guard for all, then each message, refused where it is too large."""
    messages = [Message("b", "1"), Message("a", "2"), Message("b", "1")]
    guard, *steps = message_steps(messages)
    assert steps == [publish(*message) for message in messages]
    assert {step.refusal for step in steps} == {MESSAGE_TOO_LARGE}
    assert guard.params == ('["a","b"]', '["a","b"]')

"""The data of the queries, and what is counted in it."""

from __future__ import annotations

import orjson

from benchmarks.queries.truth import Truth
from benchmarks.queries.world import PHRASE, USERS, World, user_id

_POSTS = 2_000


def test_the_same_number_of_posts_is_the_same_world() -> None:
    """Descriptions too; what the first posts are does not depend on how many there are."""
    first, second = (list(World(_POSTS).records()) for _ in range(2))
    assert first == second
    assert list(World(100).records()) == first[:100]


def test_the_spread_is_as_documented() -> None:
    """4 % of users without organization, 2 % without permissions, 1 % of titles a user's name."""
    world = World(_POSTS)
    assert sum(each is None for each in world.organization_of) == USERS * 4 // 100
    assert sum(not each for each in world.permissions_of) == USERS * 2 // 100
    assert sum(each["active"] is True for each in world.permissions()) == 45
    assert sum(each["name"] == "test" for each in world.organizations()) == 1
    names = {each["name"] for each in world.users()}
    assert sum(post.title in names for post in world.posts) == _POSTS // 100
    words = [len(world.description(number).split()) for number in range(50)]
    assert set(words) == {300}
    assert {len(post.types) for post in world.posts} == {0, 1, 2, 3}


def test_what_is_counted_agrees_with_the_records() -> None:
    """The counts come from numbers; here from the records that are sent."""
    world = World(_POSTS)
    truth, records = Truth(world), list(world.records())
    users = {each["id"]: each for each in world.users()}
    active = {each["id"] for each in world.permissions() if each["active"]}
    odd = {each["id"] for each in world.organizations() if each["name"] == "test"}
    held = [users[each["author"]]["permissions"] for each in records]
    assert truth.with_type("c") == sum("c" in orjson.dumps(r["type"]).decode() for r in records)
    assert truth.with_type("c") + truth.without_type("c") == _POSTS
    assert truth.with_phrase() == sum(PHRASE in str(each["description"]) for each in records)
    assert truth.of_author(7) == sum(each["author"] == user_id(7) for each in records)
    assert truth.outside_odd_organization() == sum(
        users[each["author"]]["organization"] not in odd for each in records
    )
    assert truth.with_an_active_permission() == sum(
        bool(active.intersection(_ids(each))) for each in held
    )
    assert truth.with_only_active_permissions() == sum(
        bool(_ids(each)) and active.issuperset(_ids(each)) for each in held
    )


def _ids(value: object) -> set[object]:
    assert isinstance(value, list)
    return set(value)


def test_users_by_their_posts() -> None:
    """Whoever has a public post, and whoever has no other."""
    world = World(300)
    truth = Truth(world)
    public = {post.author for post in world.posts if post.public}
    hidden = {post.author for post in world.posts if not post.public}
    assert truth.users_with_a_public_post() == len(public)
    assert truth.users_with_only_public_posts() == len(public - hidden) > 0

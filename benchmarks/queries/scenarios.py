"""The queries in the order in which they run: first those that read, then those that write."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from benchmarks.connection import Answer, Request
from benchmarks.queries.scenario import (
    FASTER_THAN_PUBLISHED,
    Phase,
    Published,
    Query,
    Rounds,
    expanded,
    full,
    listed,
    total,
)
from benchmarks.queries.schema import AUTHOR_INDEX, CREATED_INDEX
from benchmarks.queries.truth import Truth
from benchmarks.queries.world import (
    PASSWORD,
    PHRASE,
    World,
    organization_id,
    post_id,
    user_id,
)

_OWNED: Final = "author = @request.auth.id"
_CREATE_RULE: Final = "@request.auth.id != '' && @request.body.public:isset = true"
_NEWEST: Final = "-created"
_RECORDS: Final = "/api/collections/{}/records"


class Session(NamedTuple):
    """Who the caller is where a rule asks for one, and where the deep page starts."""

    user: int
    token: str
    deep_cursor: str


def phases(world: World, session: Session) -> tuple[Phase, ...]:
    """All of them; the later ones change the data."""
    truth = Truth(world)
    return (
        Phase((*_plain(world, truth), *_filtered(truth), *_deep(world, session), *_auth(session))),
        Phase(_owned(truth, session, "", "the relation's own index"), {"listRule": _OWNED}),
        Phase(
            _owned(truth, session, "_indexed", "index on (author, created)"),
            {"indexes": [CREATED_INDEX, AUTHOR_INDEX]},
        ),
        Phase(_creates(world, session), {"createRule": _CREATE_RULE, "listRule": ""}),
        Phase(_deletes(), {"deleteRule": ""}),
    )


def _plain(world: World, truth: Truth) -> tuple[Query, ...]:
    count, view = len(world.posts), _RECORDS.format("posts")
    page = full(min(20, count))
    return (
        Query(
            "get",
            "get one",
            lambda n: Request("GET", f"{view}/{post_id(n * 7919 % count)}"),
            published=Published(0.239, 0.275, 1000),
        ),
        Query(
            "list",
            "list, total",
            listed("posts"),
            total(truth.all_posts()),
            published=Published(4.64, 1.16, 1000),
        ),
        Query(
            "list_sorted",
            "list, sort -created, total",
            listed("posts", sort=_NEWEST),
            total(truth.all_posts()),
        ),
        Query(
            "list_skip",
            "list, sort -created, skipTotal",
            listed("posts", sort=_NEWEST, skipTotal="1"),
            page,
            published=Published(0.534, 0.295, 1000),
        ),
        Query(
            "expand",
            "expand author",
            listed("posts", sort=_NEWEST, expand="author"),
            expanded("author"),
            published=Published(1.20, 0.148),
        ),
        Query(
            "expand_nested",
            "expand author.permissions",
            listed("posts", sort=_NEWEST, expand="author.permissions"),
            expanded("author", "permissions"),
        ),
    )


def _filtered(truth: Truth) -> tuple[Query, ...]:
    multiple = "author.permissions.active"
    return (
        _filter(
            "like",
            f"description ~ '{PHRASE}'",
            truth.with_phrase(),
            Published(5.71, 2.30),
            limited=False,
        ),
        _filter("each_all", "type:each != 'c'", truth.without_type("c"), Published(101.5, 11.1)),
        _filter("each_any", "type:each ?= 'c'", truth.with_type("c")),
        _filter(
            "nested",
            "author.organization.name != 'test'",
            truth.outside_odd_organization(),
            Published(61.1, 3.3),
        ),
        _filter(
            "multi_all",
            f"{multiple} = true",
            truth.with_only_active_permissions(),
            Published(247.0, 33.9),
            must_be_faster=FASTER_THAN_PUBLISHED,
        ),
        _filter(
            "multi_any",
            f"{multiple} ?= true",
            truth.with_an_active_permission(),
            Published(127.5, 32.6),
            must_be_faster=FASTER_THAN_PUBLISHED,
        ),
        Query(
            "multi_all_skip",
            f"{multiple} = true, skipTotal",
            listed("posts", sort=_NEWEST, filter=f"{multiple} = true", skipTotal="1"),
            full(min(20, truth.with_only_active_permissions())),
            published=Published(0.736, 0.128),
        ),
        _filter(
            "back_all",
            "posts_via_author.public = true",
            truth.users_with_only_public_posts(),
            collection="users",
        ),
        _filter(
            "back_any",
            "posts_via_author.public ?= true",
            truth.users_with_a_public_post(),
            collection="users",
        ),
    )


def _filter(
    name: str,
    text: str,
    matches: int,
    published: Published | None = None,
    *,
    collection: str = "posts",
    limited: bool = True,
    must_be_faster: float | None = None,
) -> Query:
    sort = {"sort": _NEWEST} if collection == "posts" else {}
    query = Query(
        name,
        f"{text}, total" if collection == "posts" else f"users: {text}, total",
        listed(collection, filter=text, **sort),
        total(matches),
        published=published,
        must_be_faster=must_be_faster,
    )
    return query if limited else Query(**{**vars(query), "limit_ms": None})


def _deep(world: World, session: Session) -> tuple[Query, ...]:
    last = max(1, len(world.posts) // 20)
    return (
        Query(
            "deep_page",
            f"page {last:,}, sort -created, skipTotal",
            listed("posts", sort=_NEWEST, skipTotal="1", page=str(last)),
            full(20),
        ),
        Query(
            "deep_cursor",
            "the same place by cursor",
            listed("posts", sort=_NEWEST, skipTotal="1", cursor=session.deep_cursor),
            full(20),
        ),
    )


def _auth(session: Session) -> tuple[Query, ...]:
    login = orjson.dumps({"identity": f"user{session.user}@example.com", "password": PASSWORD})
    with_password = Request("POST", "/api/collections/users/auth-with-password", login)
    refresh = Request("POST", "/api/collections/users/auth-refresh", token=session.token)
    return (
        Query(
            "auth",
            "auth-with-password",
            lambda _: with_password,
            _has_token,
            published=Published(1.39, 1.33, 250),
        ),
        Query(
            "auth_refresh",
            "auth-refresh",
            lambda _: refresh,
            _has_token,
            published=Published(0.282, 0.091, 1000),
        ),
    )


def _has_token(answer: Answer) -> str:
    return "" if orjson.loads(answer.body).get("token") else "there is no token"


def _owned(truth: Truth, session: Session, suffix: str, index: str) -> tuple[Query, ...]:
    mine, token = truth.of_author(session.user), session.token
    counted, bare = (12.96, 2.68), None
    if suffix:
        counted, bare = (0.601, 0.212), Published(0.109, 0.210)
    return (
        Query(
            f"owned{suffix}",
            f"rule {_OWNED}, {index}, total",
            listed("posts", token, sort=_NEWEST),
            total(mine),
            published=Published(*counted),
        ),
        Query(
            f"owned{suffix}_skip",
            f"rule {_OWNED}, {index}, skipTotal",
            listed("posts", token, sort=_NEWEST, skipTotal="1"),
            full(min(20, mine)),
            published=bare,
        ),
    )


def _creates(world: World, session: Session) -> tuple[Query, ...]:
    body = {
        "title": "another post",
        "description": world.description(1),
        "public": True,
        "type": ["a", "c"],
        "author": user_id(session.user),
    }
    create = Request("POST", _RECORDS.format("posts"), orjson.dumps(body), session.token)
    return (
        Query(
            "create",
            "create, rule auth && body.public:isset",
            lambda _: create,
            published=Published(32.81, 16.01, 50_000),
        ),
    )


def _deletes() -> tuple[Query, ...]:
    """Users first: what organizations take along is what is left of them and their posts."""
    users, organizations = _RECORDS.format("users"), _RECORDS.format("organizations")
    return (
        Query(
            "delete_users",
            "delete a user and the posts, 20 + 100",
            lambda n: Request("DELETE", f"{users}/{user_id(n)}"),
            published=Published(27.0, 32.6),
            rounds=Rounds(20, 100),
        ),
        Query(
            "delete_organizations",
            "delete an organization, users and posts, 10 + 90",
            lambda n: Request("DELETE", f"{organizations}/{organization_id(n)}"),
            published=Published(61.8, 44.7),
            rounds=Rounds(10, 90),
            limit_ms=None,  # a thousand long posts go with each: it is the disk that is measured
        ),
    )


NAMES: Final = tuple(
    query.name for phase in phases(World(100), Session(0, "", "")) for query in phase.queries
)
"""What `--only` may be given."""

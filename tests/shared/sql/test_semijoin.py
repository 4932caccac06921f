"""The forms that related rows are asked for in, what indexes make of them, and their bounds."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from shared.access.identity import identity_of
from shared.access.request import AccessRequest
from shared.language.errors import LanguageError
from shared.schema.catalog import Catalog
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_filter, compile_rule
from tests.shared.sql.sample import collection, insert


def _relation(name: str, target: str, most: int = 1) -> dict[str, object]:
    return {"name": name, "type": "relation", "collectionId": f"c_{target}", "maxSelect": most}


ROLES = collection("roles", {"name": "name", "type": "text"}, {"name": "live", "type": "bool"})
USERS = collection(
    "users", {"name": "name", "type": "text"}, _relation("roles", "roles", 9), kind="auth"
)
POSTS = collection(
    "posts",
    {"name": "title", "type": "text"},
    {"name": "public", "type": "bool"},
    {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 9},
    _relation("author", "users"),
    _relation("readers", "users", 9),
)
MADE = [
    replace(
        one, list_rule="", indexes=(f"CREATE UNIQUE INDEX `{one.name}_id` ON `{one.name}` (`id`)",)
    )
    for one in (ROLES, USERS, POSTS)
]
CATALOG = Catalog(1, MADE)
CALLER = AccessRequest(identity_of(USERS, {"id": "u1", "roles": "[]"}, superuser=False))


def _plan(rule: str, use: Use, of: str = "posts") -> str:
    """How SQLite would run what the rule is for."""
    connection = apsw.Connection(":memory:")
    for one in MADE:
        for statement in create_table(one):
            connection.execute(statement)
    made, users = CATALOG.find(of), CATALOG.find("users")
    assert made is not None
    condition = compile_rule(rule, made, CATALOG, caller=users, use=use)
    sql = {
        Use.COUNT: f"SELECT count(*) FROM {of} r WHERE {condition.sql}",
        Use.PAGE: f"SELECT id FROM {of} r WHERE {condition.sql} ORDER BY r._rowid_ LIMIT 9",
    }.get(use, f"SELECT id FROM {of} r WHERE r.id = 'x' AND ({condition.sql})")
    lines = connection.execute(f"EXPLAIN QUERY PLAN {sql}", condition.bind(CALLER)).fetchall()
    return "\n".join(str(line[3]) for line in lines)


SET_DRIVEN = [
    "author.name = 'x'",
    "author = @request.auth.id",
    "author.roles.name ?= 'x'",
    "author.roles.live ?= true && author.roles.name ?= 'x'",
    "readers:each ?= 'x'",
    "readers:each ?= @request.auth.id",
    "readers.id ?= @request.auth.id",
    "readers.name ?= 'x'",
    "@collection.users.name ?= 'x' && @collection.users.id ?= author",
    "@request.auth.roles.id ?= author",
]


@pytest.mark.parametrize("rule", SET_DRIVEN)
def test_a_set_drives_a_count(rule: str) -> None:
    """Rows are searched for, not scanned; also where the caller's field may be empty."""
    told = _plan(rule, Use.COUNT).split("\n")
    assert any(line.startswith(("SEARCH r ", "MULTI-INDEX OR")) for line in told), told
    assert not any(line.startswith("SCAN r") for line in told), told


@pytest.mark.parametrize("rule", SET_DRIVEN)
def test_a_page_walks_its_order(rule: str) -> None:
    """Whatever is asked: nothing is sorted, and the order is no set's."""
    if rule == "author = @request.auth.id":
        return  # a bare column leaves the choice to SQLite
    told = _plan(rule, Use.PAGE)
    assert "SCAN r" in told
    assert "TEMP B-TREE FOR ORDER BY" not in told


@pytest.mark.parametrize("rule", [*SET_DRIVEN, "author.roles.live = true", "tags:each != 'a'"])
def test_one_row_is_probed(rule: str) -> None:
    """By its keys, one after the other: no table is scanned, no set is made."""
    for use in (Use.ROW, Use.VALUES):
        told = _plan(rule, use).split("\n")
        assert not [line for line in told if line.startswith("SCAN") and "VIRTUAL" not in line
                    and "CONSTANT" not in line and "(subquery" not in line], told  # fmt: skip
        assert not any(line.startswith("LIST SUBQUERY") for line in told), told


def test_back_relations_use_their_index() -> None:
    """They are probed row by row, unless an index finds what is asked for."""
    told = _plan("posts_via_author.public ?= true", Use.COUNT, "users")
    assert "SEARCH a1" in told
    assert "(author=?)" in told
    told = _plan("posts_via_author.id ?= 'x'", Use.COUNT, "users")
    assert "SEARCH r USING" in told
    told = _plan("posts_via_readers.id ?= 'x'", Use.COUNT, "users")
    assert "SEARCH r USING" in told


def test_statements_are_the_same_each_time() -> None:
    """So that they are found among those that are prepared."""
    rule = "author.roles.live = true && (readers.name ?= 'x' || title = 'y')"
    posts = CATALOG.find("posts")
    assert posts is not None
    made = {compile_rule(rule, posts, CATALOG, caller=None, use=Use.PAGE) for _ in range(3)}
    assert len(made) == 1


def test_what_one_expression_may_join_is_bounded() -> None:
    """Before SQLite has to say so; and what is below the bound does run."""
    posts = CATALOG.find("posts")
    assert posts is not None
    links = [f"@collection.users:a{i}.name ?= @collection.users:a{i + 1}.id" for i in range(12)]
    with pytest.raises(LanguageError, match="too many"):
        compile_rule(" && ".join(links), posts, CATALOG, caller=None, use=Use.PAGE)
    several = " || ".join(f"readers.roles.name ?= 'a{i}' && title != 'x'" for i in range(60))
    nested = "(" * 50 + several + ")" * 50
    for use in Use:
        _plan(nested, use)


def test_a_choice_among_shared_rows_is_never_a_join() -> None:
    """`a && (b || c)` about one related row becomes two sets; with many choices it is probed."""
    posts = CATALOG.find("posts")
    assert posts is not None
    few = "author.roles.live ?= true && (author.roles.name ?= 'x' || author.roles.name ?= 'y')"
    condition = compile_rule(few, posts, CATALOG, caller=None, use=Use.COUNT)
    assert "EXISTS" not in condition.sql
    choices = " || ".join(f"author.roles.name ?= 'a{i}'" for i in range(20))
    many = f"author.roles.live ?= true && ({choices})"
    condition = compile_rule(many, posts, CATALOG, caller=None, use=Use.COUNT)
    assert "DISTINCT" not in condition.sql
    connection = apsw.Connection(":memory:")
    for one in MADE:
        for statement in create_table(one):
            connection.execute(statement)
    insert(connection, ROLES, id="r1", name="a7", live=1)
    insert(connection, ROLES, id="r2", name="a8", live=0)
    for name in ("r1", "r2"):
        insert(connection, USERS, id=f"u{name}", roles=f'["{name}"]')
        insert(connection, POSTS, id=f"p{name}", author=f"u{name}")
    insert(connection, USERS, id="u", roles='["r1","r2"]')
    insert(connection, POSTS, id="p", author="u")
    found = connection.execute(
        f"SELECT id FROM posts r WHERE {condition.sql} ORDER BY id", condition.params
    ).fetchall()
    assert [row[0] for row in found] == ["p", "pr1"]


def test_list_rules_that_lead_in_a_circle_compile() -> None:
    """A list rule is no client's: what it joins is not asked for its own list rule."""
    users = replace(USERS, list_rule="posts_via_author.author.name ?= 'x'")
    posts = replace(POSTS, list_rule="author.name = 'y'")
    catalog = Catalog(1, [replace(ROLES, list_rule=""), users, posts])
    for use in Use:
        condition = compile_filter(
            "author.name = 'z'", posts, catalog, caller=None, superuser=False, use=use
        )
        assert condition.params.count("x") >= 1
        assert "y" not in condition.params
        free = compile_filter(
            "author.name = 'z'", posts, catalog, caller=None, superuser=True, use=use
        )
        assert free.params == ("z",)

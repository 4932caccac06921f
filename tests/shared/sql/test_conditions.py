"""What compiles to which SQL, what is refused, and that indexes serve."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from shared.access.identity import GUEST, Identity, identity_of
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.sql.conditions import check_rule, compile_filter, compile_rule
from shared.sql.predicate import AuthField, all_of
from tests.shared.sql.sample import SAMPLE, collection, create, insert

CALLER = Identity("c_users", "users", {"id": "u1", "name": "Ann"})


@pytest.mark.parametrize(
    ("text", "sql", "params"),
    [
        ("title = 'x'", 'r."title" = ?', ("x",)),
        ("'x' = title", 'r."title" = ?', ("x",)),
        ("title != 'x'", 'r."title" IS NOT ?', ("x",)),
        ("title = null", 'r."title" = ?', ("",)),
        ("title = 5.50", 'r."title" = ?', ("5.50",)),
        ("title = true", 'r."title" = ?', ("1",)),
        ("count = '5'", 'r."count" = ?', (5,)),
        ("count > 'x'", 'r."count" > ?', (None,)),
        ("5 < count", '? < r."count"', (5,)),
        ("open = true", 'r."open" = ?', (1,)),
        ("title = other", 'r."title" = r."other"', ()),
        ("title != count", "coalesce(r.\"title\", '') IS NOT coalesce(r.\"count\", '')", ()),
        ("title ~ 'a_b'", "lower(r.\"title\") LIKE lower(?) ESCAPE '\\'", ("%a\\_b%",)),
        ("title !~ 'a%'", "lower(r.\"title\") NOT LIKE lower(?) ESCAPE '\\'", ("a%",)),
        ("'' = null", "1", ()),
        ("null != ''", "0", ()),
        ("title = 'a' && (count = 1 || open = 0)",
         '(r."title" = ?) AND ((r."count" = ?) OR (r."open" = ?))', ("a", 1, 0)),
    ],
)  # fmt: skip
def test_forms(text: str, sql: str, params: tuple[object, ...]) -> None:
    """Bare columns and typed values."""
    condition = compile_filter(text, SAMPLE, may_see_hidden=False)
    assert (condition.sql, condition.params) == (sql, params)
    assert not condition.depends_on_identity
    assert condition.bind(GUEST) is condition.params


@pytest.mark.parametrize(
    "text",
    [
        "title ?= 'a'", "title ?!~ 'a'", "owner.title = 'a'", "data.a.b = 1", "title:lower = 'a'",
        "friends:length = 1", "tags:each = 'a'", "tags = 'a'", "friends = 'a'", "tags ~ 'a'",
        "geoDistance(1,2,3,4) < 5", "strftime('%Y', day) = '2025'", "title = lower(other)",
        "posts_via_author.title = 'a'", "count > title", "title <= count",
        "@request.body.title = 'a'", "@request.body.title:isset = true", "@request.query.a = 'x'",
        "@request.headers.a_b = 'x'", "@request.method = 'GET'", "@request.context = 'default'",
        "@request.auth.team.name = 'x'", "@request.auth.name:lower = 'x'",
        "@collection.users.id = 'x'", "@collection.users:u.id ?= owner",
    ],
)  # fmt: skip
def test_what_is_not_supported_yet_is_refused(text: str) -> None:
    """Also for a superuser, and inside a rule: nothing is skipped in silence."""
    for wrapped in (text, f"title = 'a' || ({text})", f"title = 'a' && {text}"):
        with pytest.raises(LanguageError, match="not supported yet"):
            compile_rule(wrapped, SAMPLE)
        with pytest.raises(LanguageError, match="not supported yet"):
            compile_filter(wrapped, SAMPLE, may_see_hidden=True)
        assert check_rule(SAMPLE, wrapped) is not None


@pytest.mark.parametrize(
    "text", ["nope = 1", "Title = 'a'", "#title = 'a'", "@nope = 1", "@request = 1", "_rowid_ = 1",
             "@Now > day", "collectionId = 'x'"],
)  # fmt: skip
def test_unknown_names_are_refused(text: str) -> None:
    """Names are those of fields, exactly."""
    with pytest.raises(LanguageError):
        compile_rule(text, SAMPLE)


def test_a_client_cannot_ask_for_hidden_fields() -> None:
    """Hidden means unknown, except for superusers and rules; passwords can never be searched."""
    for text in ("secret = 'x'", "'x' ~ secret", "title = 'a' || secret != ''"):
        with pytest.raises(LanguageError, match="unknown field secret"):
            compile_filter(text, SAMPLE, may_see_hidden=False)
        compile_filter(text, SAMPLE, may_see_hidden=True)
        compile_rule(text, SAMPLE)
    with pytest.raises(LanguageError):
        compile_filter("pass ~ 'x'", SAMPLE, may_see_hidden=True)


@pytest.mark.parametrize(
    "text",
    ["@request.auth.id = owner", "title = @request.query.x", "@collection.users.id ?= owner",
     "title = 'a' || (count = 1 && @request.auth.id != '')", "strftime(@request.auth.x) = 1"],
)  # fmt: skip
def test_request_names_are_for_rules(text: str) -> None:
    """A client that names the request is told apart from one that errs, wherever it does so."""
    with pytest.raises(ForbiddenNameError):
        compile_filter(text, SAMPLE, may_see_hidden=False)


def _rows(rule: str, identity: Identity) -> list[str]:
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    insert(connection, SAMPLE, id="mine", owner="u1", title="Ann's")
    insert(connection, SAMPLE, id="other", owner="u2", title="x")
    insert(connection, SAMPLE, id="none", owner="", title="")
    condition = compile_rule(rule, SAMPLE)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql} ORDER BY r._rowid_",
        condition.bind(identity),
    )
    return [row[0] for row in found]


@pytest.mark.parametrize(
    ("rule", "guest", "caller"),
    [
        ("@request.auth.id != ''", [], ["mine", "other", "none"]),
        ("@request.auth.id = ''", ["mine", "other", "none"], []),
        ("@request.auth.id = null", ["mine", "other", "none"], []),
        ("owner = @request.auth.id", ["none"], ["mine"]),
        ("@request.auth.id != '' && owner = @request.auth.id", [], ["mine"]),
        ("owner != @request.auth.id", ["mine", "other"], ["other", "none"]),
        ("title ~ @request.auth.name", [], ["mine"]),
        ("@request.auth.name > 'A'", [], ["mine", "other", "none"]),
        ("@request.auth.nope = ''", ["mine", "other", "none"], ["mine", "other", "none"]),
        ("@request.auth.nope != ''", [], []),
        ("@request.auth.collectionName = 'users'", [], ["mine", "other", "none"]),
        ("@request.auth.collectionId = 'c_users'", [], ["mine", "other", "none"]),
        ("count <= @request.auth.name", [], []),
    ],
)
def test_rules_about_the_caller(rule: str, guest: list[str], caller: list[str]) -> None:
    """A guest's fields are NULL; under `=` that is the empty value, under an ordering no match."""
    assert _rows(rule, GUEST) == guest
    assert _rows(rule, CALLER) == caller


def test_a_callers_lists_and_secrets_fail_when_bound() -> None:
    """Only at the request is it known what the caller's field holds: the rule then errs."""
    users = collection(
        "users",
        {"name": "roles", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "meta", "type": "json"},
        {"name": "password", "type": "password"},
        kind="auth",
    )
    identity = identity_of(users, {"id": "u1", "roles": '["a"]'}, superuser=False)
    for name in ("roles", "meta", "password"):
        condition = compile_rule(f"@request.auth.{name} != 'a'", SAMPLE)
        assert condition.params[0] == AuthField(name, condition.params[0].form)  # type: ignore[union-attr]
        with pytest.raises(LanguageError):
            condition.bind(identity)
        assert condition.bind(GUEST) == ("", "a")


def test_now_is_that_of_the_request() -> None:
    """A macro is worked out when bound, not when compiled."""
    condition = compile_rule("day < @now", SAMPLE)
    assert condition.depends_on_time
    assert condition.bind(GUEST, datetime(2025, 1, 2, tzinfo=UTC)) == ("2025-01-02 00:00:00.000Z",)
    assert str(condition.bind(GUEST)[0]) > "2025-06"


def test_predicates_join() -> None:
    """The parts keep their parentheses, parameters and dependences."""
    rule = compile_rule("owner = @request.auth.id || open = true", SAMPLE)
    client = compile_filter("title = 'a' || title = 'b'", SAMPLE, may_see_hidden=False)
    both = all_of(rule, None, client)
    assert both is not None
    assert both.sql == f"({rule.sql}) AND ({client.sql})"
    assert both.bind(CALLER) == ("u1", 1, "a", "b")
    assert all_of(None, client) is client
    assert all_of(None, None) is None


@pytest.mark.parametrize(
    ("rule", "index"),
    [
        ("title = 'a'", "title"),
        ("title = ''", "title"),
        ("count = 5", "count"),
        ("count = '5'", "count"),
        ("count > 5 && count <= 9", "count"),
        ("owner = @request.auth.id", "owner"),
        ("@request.auth.id = owner", "owner"),
        ("open = true && title ~ 'x'", "open"),
        ("day >= @todayStart", "day"),
    ],
)
def test_an_index_serves(rule: str, index: str) -> None:
    """Equality and ranges of an ordinary field are searches."""
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    connection.execute(f'CREATE INDEX the_index ON sample ("{index}")')
    condition = compile_rule(rule, SAMPLE)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT count(*) FROM sample r WHERE {condition.sql}",
        condition.bind(CALLER),
    ).fetchall()
    told = str(plan[0][3])
    assert told.startswith("SEARCH r USING")
    assert "the_index" in told


def test_a_broken_json_text_is_null() -> None:
    """One bad row must not fail the query of all."""
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    insert(connection, SAMPLE, id="bad", data="{not json")
    insert(connection, SAMPLE, id="good", data='{"a":1}')
    condition = compile_filter("data = null", SAMPLE, may_see_hidden=False)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql}", condition.bind(GUEST)
    )
    assert found.get == "bad"

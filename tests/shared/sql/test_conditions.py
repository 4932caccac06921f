"""What compiles to which SQL, what is refused, and that indexes serve."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from shared.access.identity import GUEST, Identity, identity_of
from shared.access.request import GUEST_REQUEST, AccessRequest
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.sql.conditions import Use, check_rule, compile_rule
from shared.sql.predicate import all_of
from shared.sql.request_values import AuthField, Form
from tests.shared.sql.sample import CATALOG, SAMPLE, collection, create, filtering, insert, ruling

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
    condition = filtering(text, superuser=False)
    assert (condition.sql, condition.params) == (sql, params)
    assert not condition.depends_on_identity
    assert condition.bind(GUEST_REQUEST) is condition.params


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("title ?= 'a'", 'r."title" = ?'),
        ("title:lower = 'a'", 'lower(r."title") = ?'),
        ("tags = '[]'", 'r."tags" = ?'),
        ("tags:length > 1",
         'iif(json_valid(r."tags"), json_array_length(r."tags"), 0) > ?'),
        ("data.a.0.b = 1",
         """iif(json_valid(r."data"), json_extract(r."data", '$."a"[0]."b"'), NULL) IS ?"""),
        ("tags:each ?= 'a'",
         'EXISTS(SELECT 1 FROM "c_sample:f_tags" a1 WHERE (a1.rid = r._rowid_) AND (a1.value = ?))'),
        ("owner.title = 'a'",
         '+r."owner" IN (SELECT a1."id" FROM "sample" a1 WHERE a1."title" = ?)'),
        ("owner.title != 'a'",
         'r."owner" NOT IN (SELECT a1."id" FROM "sample" a1 WHERE a1."title" = ?)'),
    ],
)  # fmt: skip
def test_paths_and_modifiers(text: str, sql: str) -> None:
    """Nothing is joined: sets and probes, and the index's columns bare in them."""
    assert ruling(text).sql == sql


@pytest.mark.parametrize(
    "text",
    ["title.x = 1", "title:each = 'a'", "title:length = 1", "title:nope = 1", "title:lower:each = 1",
     "owner.nope = 1", "nope_via_owner.title = 'a'", "sample_via_title.title = 'a'",
     "sample_via_owner = 'a'", "data..a = 1", "data.99999999999 = 1", "lower(title) = 'a'",
     "geoDistance(1, 2, 3) < 5", "geoDistance(1, 2, 3, 'x') < 5", "strftime(title) = 'a'",
     "strftime() = 'a'", "@request.body.nope:changed = true", "@request.body.nope.x = 1",
     "@request.nope = 1", "@request.query = 1", "@request.query.a:each = 1",
     "@request.auth.id:isset = true", "@collection.nope.id = 1", "@collection.sample = 1",
     "@collection.sample:a:b.id = 1", "owner.owner.owner.owner.owner.owner.owner.title = 'a'",
     "@request.body.sample_via_owner.id = 'a'"],
)  # fmt: skip
def test_what_means_nothing_is_refused(text: str) -> None:
    """Also for a superuser, and anywhere in a rule: nothing is skipped in silence."""
    for wrapped in (text, f"title = 'a' || ({text})", f"title = 'a' && {text}"):
        with pytest.raises(LanguageError):
            ruling(wrapped)
        with pytest.raises(LanguageError):
            filtering(wrapped, superuser=True)
        assert check_rule(SAMPLE, wrapped, CATALOG) is not None


@pytest.mark.parametrize(
    "text",
    ["@request.auth.team.name = 'x'", "@request.auth.posts_via_author.id ?= 'x'",
     "@request.auth.tags:each ?= title", "@request.auth.nope:length > 1"],
)  # fmt: skip
def test_a_rule_may_speak_of_any_caller(text: str) -> None:
    """One whose collection lacks the field has nothing there, and so has a guest."""
    assert check_rule(SAMPLE, text, CATALOG) is None
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    insert(connection, SAMPLE, id="a", title="x")
    condition = ruling(text)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql}", condition.bind(GUEST_REQUEST)
    )
    assert found.fetchall() == []


@pytest.mark.parametrize(
    "text", ["nope = 1", "Title = 'a'", "#title = 'a'", "@nope = 1", "@request = 1", "_rowid_ = 1",
             "@Now > day", "collectionId = 'x'"],
)  # fmt: skip
def test_unknown_names_are_refused(text: str) -> None:
    """Names are those of fields, exactly."""
    with pytest.raises(LanguageError):
        ruling(text)


def test_a_client_cannot_ask_for_hidden_fields() -> None:
    """Hidden means unknown, except for superusers and rules; passwords can never be searched."""
    for text in ("secret = 'x'", "'x' ~ secret", "title = 'a' || secret != ''"):
        with pytest.raises(LanguageError, match="unknown field secret"):
            filtering(text, superuser=False)
        filtering(text, superuser=True)
        ruling(text)
    with pytest.raises(LanguageError):
        filtering("pass ~ 'x'", superuser=True)


@pytest.mark.parametrize(
    "text",
    ["@request.auth.id = owner", "title = @request.query.x", "@collection.users.id ?= owner",
     "title = 'a' || (count = 1 && @request.auth.id != '')", "strftime(@request.auth.x) = 1"],
)  # fmt: skip
def test_request_names_are_for_rules(text: str) -> None:
    """A client that names the request is told apart from one that errs, wherever it does so."""
    with pytest.raises(ForbiddenNameError):
        filtering(text, superuser=False)


def _rows(rule: str, identity: Identity) -> list[str]:
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    insert(connection, SAMPLE, id="mine", owner="u1", title="Ann's")
    insert(connection, SAMPLE, id="other", owner="u2", title="x")
    insert(connection, SAMPLE, id="none", owner="", title="")
    condition = ruling(rule)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql} ORDER BY r._rowid_",
        condition.bind(AccessRequest(identity)),
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


def test_a_callers_secrets_fail_when_bound() -> None:
    """Without the caller's collection only the request tells what a field holds: the rule errs."""
    users = collection("users", {"name": "password", "type": "password"}, kind="auth")
    identity = identity_of(users, {"id": "u1", "password": "p"}, superuser=False)
    condition = ruling("@request.auth.password != 'a'")
    assert condition.params[0] == AuthField("password", Form.FILLED)
    with pytest.raises(LanguageError):
        condition.bind(AccessRequest(identity))
    assert condition.bind(GUEST_REQUEST) == ("", "a")
    with pytest.raises(LanguageError):
        compile_rule("@request.auth.password != 'a'", SAMPLE, CATALOG, caller=users, use=Use.ROW)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("@request.auth.roles:each ?= title", ["a", "b"]),
        ("@request.auth.roles:each = title", []),
        ("@request.auth.roles:length = 2 && title = 'a'", ["a"]),
        ("@request.auth.roles ~ title", ["", "a", "b"]),
        ("@request.auth.meta.level = count", ["b"]),
        ("@request.auth.meta = null", []),
        ("@request.auth.name:lower = title", ["b"]),
    ],
)
def test_a_callers_lists_and_json(rule: str, found: list[str]) -> None:
    """They compare as those of a row do."""
    users = collection(
        "users",
        {"name": "roles", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "meta", "type": "json"},
        {"name": "name", "type": "text"},
        kind="auth",
    )
    record = {"id": "u1", "roles": '["a","b"]', "meta": '{"level":5}', "name": "B"}
    request = AccessRequest(identity_of(users, record, superuser=False))
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    for title, count in (("", 0), ("a", 1), ("b", 5), ("c", 7)):
        insert(connection, SAMPLE, id=f"x{title}", title=title, count=count)
    for use in Use:
        condition = compile_rule(rule, SAMPLE, CATALOG, caller=users, use=use)
        sql = f"SELECT title FROM sample r WHERE {condition.sql} ORDER BY title"
        assert [row[0] for row in connection.execute(sql, condition.bind(request))] == found


def test_now_is_that_of_the_request() -> None:
    """A macro is worked out when bound, not when compiled."""
    condition = ruling("day < @now")
    assert condition.depends_on_time
    assert condition.bind(GUEST_REQUEST, datetime(2025, 1, 2, tzinfo=UTC)) == (
        "2025-01-02 00:00:00.000Z",
    )
    assert str(condition.bind(GUEST_REQUEST)[0]) > "2025-06"


def test_predicates_join() -> None:
    """The parts keep their parentheses, parameters and dependences."""
    rule = ruling("owner = @request.auth.id || open = true")
    client = filtering("title = 'a' || title = 'b'", superuser=False)
    both = all_of(rule, None, client)
    assert both is not None
    assert both.sql == f"({rule.sql}) AND ({client.sql})"
    assert both.bind(AccessRequest(CALLER)) == ("u1", 1, "a", "b")
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
    condition = ruling(rule)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT count(*) FROM sample r WHERE {condition.sql}",
        condition.bind(AccessRequest(CALLER)),
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
    condition = filtering("data = null", superuser=False)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql}", condition.bind(GUEST_REQUEST)
    )
    assert found.get == "bad"

"""Generated requests of every kind: none makes the server fail, none breaks the error shape."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster_process import ClusterProcess
from tests.hostile.shape import FIELDS, assert_sane

NAMES = [str(field["name"]) for field in FIELDS]
RECORDS = "/api/collections/fuzzed/records"
FAST = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.sampled_from(["", "2026-01-01", "a@b.co", "x", "https://a.b", "1e400", "\x00", "[]", "{"])
)  # fmt: skip
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(
    st.sampled_from([*NAMES, "id", "expand"]) | st.text(max_size=5), JSON_VALUES
)
TOKENS = st.sampled_from(
    [*NAMES, "id", "@now", "@request.auth.id", "'a'", '"b"', "1", "-2.5", "null", "true", "=", "!=", ">",
     "<=", "~", "!~", "?=", "&&", "||", "(", ")", " ", "\n", "//x\n", ":lower", ".", "%", "@random"]
)  # fmt: skip
EXPRESSIONS = st.lists(TOKENS, max_size=15).map(" ".join) | st.text(max_size=60)


@pytest.fixture(scope="module", autouse=True)
def _fuzzed(cluster: ClusterProcess) -> None:
    cluster.collection("fuzzed", FIELDS)


def _post(client: httpx.Client, body: Any) -> None:
    try:
        content = orjson.dumps(body)
    except (TypeError, orjson.JSONEncodeError):
        return
    reply = client.post(RECORDS, content=content, headers={"Content-Type": "application/json"})
    assert_sane(reply)
    if reply.status_code == 200:
        again = client.get(f"{RECORDS}/{reply.json()['id']}")
        assert again.status_code == 200
        assert again.json() == reply.json(), "what was answered is what is stored"


def _list(client: httpx.Client, expression: str, sort: str, page: str) -> None:
    assert_sane(client.get(RECORDS, params={"filter": expression, "sort": sort, "page": page}))


@FAST
@given(body=BODIES)
def test_no_body_makes_the_server_fail(body: Any, guest: httpx.Client) -> None:
    """A create is served or refused, and what it answered is what a view answers."""
    _post(guest, body)


@FAST
@given(
    expression=EXPRESSIONS,
    sort=st.lists(TOKENS, max_size=4).map(",".join),
    page=st.text(max_size=4),
)
def test_no_query_makes_the_server_fail(
    expression: str, sort: str, page: str, guest: httpx.Client
) -> None:
    """A list is served or refused."""
    _list(guest, expression, sort, page)


@FAST
@given(rules=st.dictionaries(st.sampled_from(["listRule", "viewRule", "createRule"]), EXPRESSIONS))
def test_no_rule_makes_the_server_fail(rules: dict[str, str], superuser: httpx.Client) -> None:
    """A rule is stored or refused; a stored one can be judged."""
    reply = superuser.post("/api/collections", json={"name": "ruled", "fields": FIELDS, **rules})
    assert_sane(reply)
    if reply.status_code == 200:
        bare = httpx.Client(base_url=superuser.base_url)
        with bare:
            assert_sane(bare.get("/api/collections/ruled/records"))
            assert_sane(bare.post("/api/collections/ruled/records", json={"title": "x"}))
        assert superuser.delete("/api/collections/ruled").status_code == 204


@pytest.mark.long
@LONG
@given(body=BODIES)
def test_thousands_of_bodies_do_not_make_the_server_fail(body: Any, guest: httpx.Client) -> None:
    """The same, at length."""
    _post(guest, body)


@pytest.mark.long
@LONG
@given(expression=EXPRESSIONS, sort=st.text(max_size=20), page=st.text(max_size=4))
def test_thousands_of_queries_do_not_make_the_server_fail(
    expression: str, sort: str, page: str, guest: httpx.Client
) -> None:
    """The same, at length."""
    _list(guest, expression, sort, page)

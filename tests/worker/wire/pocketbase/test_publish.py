"""`POST /api/realtime/publish`: who may, what may be published, and that it is all or nothing.

Tests `worker.realtime.publishing.publish` from outside, too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from shared.limits import (
    MESSAGE_BYTES_MAX,
    PUBLISHED_MESSAGES_MAX,
    SMALL_BODY_BYTES_MAX,
    SUBSCRIPTION_CHARS_MAX,
)
from shared.sqlite.connect import open_reader
from tests.cluster_process import ClusterProcess
from tests.messages import published
from tests.worker.fresh import fresh_client

_URL = "/api/realtime/publish"


@pytest.fixture(scope="module")
def posts(cluster: ClusterProcess) -> dict[str, Any]:
    """A collection, whose name and id are no topics."""
    return cluster.collection("posts", [{"name": "title", "type": "text"}])


def _since(cluster: ClusterProcess, before: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return published(cluster.depot)[len(before) :]


@pytest.mark.parametrize(
    "data",
    [None, True, 0, -1.5, "", "ü\n\u2028'\"", [], {"a": {"b": [1, None, "\\"]}}, "x" * 100_000],
)
def test_any_json_is_published_as_it_is(
    cluster: ClusterProcess, superuser: httpx.Client, data: object
) -> None:
    """And answered with 204 once it is durable."""
    before = published(cluster.depot)
    reply = superuser.post(_URL, json={"topic": "rooms/ü 1", "data": data})
    assert (reply.status_code, reply.content) == (204, b"")
    assert _since(cluster, before) == [("rooms/ü 1", data)]


def test_without_data_it_is_null(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """A signal needs none."""
    before = published(cluster.depot)
    assert superuser.post(_URL, json={"topic": "t"}).status_code == 204
    assert _since(cluster, before) == [("t", None)]


def test_an_array_is_one_plan(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """In its order, without anything between; and one that is wrong refuses all."""
    before = published(cluster.depot)
    many = [{"topic": f"t/{n % 7}", "data": n} for n in range(PUBLISHED_MESSAGES_MAX)]
    assert superuser.post(_URL, json=many).status_code == 204
    assert _since(cluster, before) == [(one["topic"], one["data"]) for one in many]
    before = published(cluster.depot)
    reply = superuser.post(_URL, json=[*many[:2], {"topic": "@x"}, many[3]])
    assert reply.status_code == 400
    assert reply.json()["data"]["2"]["topic"]["code"] == "validation_invalid_topic"
    assert superuser.post(_URL, json=[*many, many[0]]).status_code == 400
    assert _since(cluster, before) == []


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("", "validation_required"),
        (None, "validation_required"),
        (7, "validation_required"),
        (["t"], "validation_required"),
        ("x" * (SUBSCRIPTION_CHARS_MAX + 1), "validation_max_text_constraint"),
        ("@topics", "validation_invalid_topic"),
        ("@collections/x", "validation_invalid_topic"),
        ("a?options={}", "validation_invalid_topic"),
        ("a\nevent:posts", "validation_invalid_topic"),
        ("a\r", "validation_invalid_topic"),
        ("a\x7f", "validation_invalid_topic"),
        ("posts", "validation_topic_taken"),
        ("posts/*", "validation_topic_taken"),
        ("posts/abc", "validation_topic_taken"),
        ("PoStS/abc", "validation_topic_taken"),
        ("users/x/y", "validation_topic_taken"),
        ("_superusers", "validation_topic_taken"),
    ],
)
def test_what_is_no_custom_topic_is_refused(
    cluster: ClusterProcess,
    superuser: httpx.Client,
    posts: dict[str, Any],
    topic: object,
    code: str,
) -> None:
    """With the reason at `topic`; names and ids of collections are theirs alone."""
    before = published(cluster.depot)
    for wrong in {code: topic, "validation_topic_taken": f"{posts['id']}/x"}.items():
        reply = superuser.post(_URL, json={"topic": wrong[1], "data": 1})
        assert reply.status_code == 400, reply.text
        assert reply.json()["data"]["topic"]["code"] == wrong[0]
    assert _since(cluster, before) == []


@pytest.mark.parametrize("topic", ["postsx", "post", "/posts", " posts", "a/posts", "a@b", "p*"])
def test_what_only_resembles_a_collection_is_published(
    cluster: ClusterProcess, superuser: httpx.Client, posts: dict[str, Any], topic: str
) -> None:
    """The whole first part counts."""
    assert posts["name"] == "posts"
    before = published(cluster.depot)
    assert superuser.post(_URL, json={"topic": topic}).status_code == 204
    assert _since(cluster, before) == [(topic, None)]


@pytest.mark.parametrize("body", ["[]", "{}", "", "7", '"t"', "null", "[1]", "[[]]", "[{}]", "{"])
def test_malformed_bodies_are_refused(superuser: httpx.Client, body: str) -> None:
    """400, never 500."""
    reply = superuser.post(_URL, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400, reply.text


def test_only_superusers_publish(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """401 for a guest, 403 for any other record, whatever the body."""
    before = published(cluster.depot)
    account = {"email": "a@example.com", "password": "long enough"}
    made = superuser.post(
        "/api/collections/users/records",
        json={**account, "passwordConfirm": account["password"]},
    )
    assert made.status_code == 200, made.text
    login = guest.post(
        "/api/collections/users/auth-with-password",
        json={"identity": account["email"], "password": account["password"]},
    )
    user = {"Authorization": login.json()["token"]}
    for body in ({"topic": "t"}, {"topic": "posts"}, [{"topic": "t"}], {}):
        assert guest.post(_URL, json=body).status_code == 401
        assert guest.post(_URL, json=body, headers={"Authorization": "x"}).status_code == 401
        assert guest.post(_URL, json=body, headers=user).status_code == 403
    assert _since(cluster, before) == []


def test_what_is_too_large_is_told(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """413, whether the body is, or the message only where its numbers are written out."""
    before = published(cluster.depot)
    envelope = '{"topic":"t","data":%s}'
    room = SMALL_BODY_BYTES_MAX - len(envelope % '""')
    largest = "x" * room
    many = MESSAGE_BYTES_MAX // len("100000.0,")
    for data, status in (
        (f'"{largest}"', 204),
        (f'"{largest}x"', 413),
        (f"[{','.join(['1e5'] * (many - 1))}]", 204),
        (f"[{','.join(['1e5'] * (many + 1))}]", 413),
    ):
        json = {"content-type": "application/json"}
        reply = superuser.post(_URL, content=envelope % data, headers=json)
        assert reply.status_code == status, reply.text
    assert _since(cluster, before) == [("t", largest), ("t", [1e5] * (many - 1))]


def test_a_key_makes_it_happen_once(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """A repeated request under one Idempotency-Key is answered and not published again."""
    before = published(cluster.depot)
    headers = {"Idempotency-Key": "once"}
    for replayed in (None, "true"):
        reply = superuser.post(_URL, json=[{"topic": "t", "data": 1}], headers=headers)
        assert reply.status_code == 204
        assert reply.headers.get("idempotent-replay") == replayed
    other = superuser.post(_URL, json=[{"topic": "t", "data": 2}], headers=headers)
    assert other.status_code == 400
    assert _since(cluster, before) == [("t", 1)]


def test_many_at_once_are_all_published(cluster: ClusterProcess) -> None:
    """By both workers, each once."""
    before = published(cluster.depot)
    token = {"Authorization": cluster.superuser_token()}

    def some(at: int) -> set[int]:
        with fresh_client(cluster.url, headers=token) as client:
            return {
                client.post(_URL, json={"topic": f"t{at}", "data": n}).status_code
                for n in range(20)
            }

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(some, range(8))) == {204}
    found = _since(cluster, before)
    assert len(found) == 160
    for at in range(8):
        assert [data for topic, data in found if topic == f"t{at}"] == list(range(20))


def test_nothing_is_published_as_a_collection_made_meanwhile(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Messages race with a collection of that name: once it is there, no message follows."""
    token = {"Authorization": cluster.superuser_token()}

    def publish_on(_: int) -> list[int]:
        with fresh_client(cluster.url, headers=token) as client:
            found = [204]
            while found[-1] == 204:
                found.append(client.post(_URL, json={"topic": "race/1"}).status_code)
            return found

    with ThreadPoolExecutor(4) as pool:
        racing = [pool.submit(publish_on, n) for n in range(4)]
        made = cluster.collection("race", [])
        ends = [one.result(60)[-1] for one in racing]
    assert ends == [400] * 4
    record = superuser.post("/api/collections/race/records", json={})
    assert record.status_code == 200, record.text
    rows = _log(cluster)
    first = rows.index((made["id"], record.json()["id"]))
    assert ("@topics", "race/1") not in rows[first:]
    made_at = rows.index(("_collections", made["id"]))
    assert ("@topics", "race/1") not in rows[made_at:]


def _log(cluster: ClusterProcess) -> list[tuple[str, str]]:
    connection = open_reader(cluster.depot / "data" / "main.db")
    rows: Any = connection.execute("SELECT tbl, key FROM _change ORDER BY n").fetchall()
    connection.close()
    return [(str(table), str(key)) for table, key in rows]

"""What PocketBase's SDKs of JavaScript and Python hear, on two workers. Each test runs for both.

Where a test expects silence, something later that must be heard proves that it was not just early.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.examples.sdk_process import Language, Refused, SdkProcess

_POSTS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "stars", "type": "number"},
    {"name": "note", "type": "text", "hidden": True},
]
_PASSWORD = {"password": "a long password"}
_LOGIN = {"collection": "people", **_PASSWORD}

Open = Callable[[], SdkProcess]


@pytest.fixture(scope="module")
def posts(cluster: ClusterProcess) -> httpx.Client:
    """A superuser's client; `authors`, `posts` and `diary` (of those who are logged in) exist."""
    author = cluster.collection(
        "authors", [{"name": name, "type": "text"} for name in ("name", "motto")]
    )
    relation = {"name": "author", "type": "relation", "collectionId": author["id"]}
    cluster.collection("posts", [*_POSTS, relation])
    cluster.collection("diary", _POSTS, listRule="@request.auth.id != ''")
    superuser = cluster.client()
    people = superuser.post(
        "/api/collections", json={"name": "people", "type": "auth", "fields": [], "listRule": ""}
    )
    assert people.status_code == 200, people.text
    for name in ("ada", "bob"):
        _create(superuser, "people", **_person(f"{name}@example.com"))
    return superuser


@pytest.fixture
def open_sdk(cluster: ClusterProcess, language: Language) -> Iterator[Open]:
    """Starts clients of one SDK, which end with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(SdkProcess(language, cluster.url))


def _create(client: httpx.Client, collection: str, /, **body: object) -> str:
    reply = client.post(f"/api/collections/{collection}/records", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


def _update(client: httpx.Client, collection: str, record: str, **body: object) -> None:
    reply = client.patch(f"/api/collections/{collection}/records/{record}", json=body)
    assert reply.status_code == 200, reply.text


def _delete(client: httpx.Client, collection: str, record: str) -> None:
    assert client.delete(f"/api/collections/{collection}/records/{record}").status_code == 204


def _person(email: str) -> dict[str, str]:
    return {"email": email, "passwordConfirm": _PASSWORD["password"], **_PASSWORD}


def _told(events: list[Any]) -> list[tuple[str, str]]:
    return [(event["action"], event["record"]["title"]) for event in events]


def _options(topic: str, **query: str) -> str:
    """A topic with options as the JavaScript SDK writes them; Python's has no argument for them."""
    return f"{topic}?options={quote(json.dumps({'query': query}))}"


def test_every_record_of_a_collection(open_sdk: Open, posts: httpx.Client) -> None:
    """`subscribe("*")` hears each create, update and delete with the record, hidden fields not."""
    sdk = open_sdk()
    sdk.call("subscribe", name="all", collection="posts", topic="*")
    made = _create(posts, "posts", title="one", stars=1, note="secret")
    _update(posts, "posts", made, title="two")
    _delete(posts, "posts", made)
    events = sdk.wait(3, "all")
    assert _told(events) == [("create", "one"), ("update", "two"), ("delete", "two")]
    assert {event["record"]["id"] for event in events} == {made}
    assert all("note" not in event["record"] for event in events)


def test_one_record(open_sdk: Open, posts: httpx.Client) -> None:
    """`subscribe(ID)` hears of this record only."""
    mine, other = (_create(posts, "posts", title=title) for title in ("mine", "other"))
    sdk = open_sdk()
    sdk.call("subscribe", name="one", collection="posts", topic=mine)
    _update(posts, "posts", other, title="not told")
    _update(posts, "posts", mine, title="told")
    _delete(posts, "posts", other)
    _delete(posts, "posts", mine)
    assert _told(sdk.wait(2, "one")) == [("update", "told"), ("delete", "told")]


def test_a_filter(open_sdk: Open, posts: httpx.Client, language: Language) -> None:
    """The option `filter` lets through what it matches."""
    sdk = open_sdk()
    if language is Language.JAVASCRIPT:
        options = {"filter": "stars >= 4"}
        sdk.call("subscribe", name="good", collection="posts", topic="*", options=options)
    else:
        sdk.call("subscribe", name="good", topic=_options("posts/*", filter="stars >= 4"))
    poor = _create(posts, "posts", title="poor", stars=2)
    _create(posts, "posts", title="good", stars=4)
    _update(posts, "posts", poor, title="better", stars=5)
    assert _told(sdk.wait(2, "good")) == [("create", "good"), ("update", "better")]


def test_expand_and_fields(open_sdk: Open, posts: httpx.Client, language: Language) -> None:
    """The options `expand` and `fields` shape the record as they shape a list."""
    sdk = open_sdk()
    query = {"expand": "author", "fields": "id,title,expand.author.name"}
    if language is Language.JAVASCRIPT:
        sdk.call("subscribe", name="slim", collection="posts", topic="*", options=query)
    else:
        sdk.call("subscribe", name="slim", topic=_options("posts/*", **query))
    author = _create(posts, "authors", name="Ada", motto="Always")
    made = _create(posts, "posts", title="slim", stars=3, author=author)
    record = sdk.wait(1, "slim")[0]["record"]
    assert (record["id"], record["title"]) == (made, "slim")
    assert "stars" not in record
    assert record["expand"]["author"]["name"] == "Ada"
    assert "motto" not in record["expand"]["author"]


def test_headers_and_query_are_read_by_rules(
    open_sdk: Open, cluster: ClusterProcess, posts: httpx.Client, language: Language
) -> None:
    """Options are `@request.query.*` and `@request.headers.*` of the collection's rule."""
    name = f"guarded_{language.value}"
    rule = "@request.query.word = title && @request.headers.x_colour = 'green'"
    cluster.collection(name, _POSTS, listRule=rule)
    options = {"query": {"word": "open"}, "headers": {"X-Colour": "green"}}
    sdk = open_sdk()
    if language is Language.JAVASCRIPT:
        sdk.call("subscribe", name="it", collection=name, topic="*", options=options)
    else:
        sdk.call("subscribe", name="it", topic=f"{name}/*?options={quote(json.dumps(options))}")
    sdk.call("subscribe", name="plain", collection=name, topic="*")
    _create(posts, name, title="shut")
    _create(posts, name, title="open")
    assert _told(sdk.wait(1, "it")) == [("create", "open")]
    assert sdk.heard("plain") == []


def test_a_custom_topic(open_sdk: Open, cluster: ClusterProcess) -> None:
    """What `quillbase publish` says is heard as it was said, in order.

    Python's SDK passes on only what has an action and a record, as events of records do.
    """
    sdk = open_sdk()
    sdk.call("subscribe", name="news", topic="news/today")
    for title in ("first", "second"):
        data = json.dumps({"action": "say", "record": {"title": title}})
        _publish(cluster, "news/yesterday", data)
        _publish(cluster, "news/today", data)
    assert _told(sdk.wait(2, "news")) == [("say", "first"), ("say", "second")]


def _publish(cluster: ClusterProcess, topic: str, data: str) -> None:
    done = subprocess.run(
        [QUILLBASE, "publish", topic, data, "--depot", str(cluster.depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_unsubscribing_a_topic(open_sdk: Open, posts: httpx.Client) -> None:
    """One topic goes silent and the others do not."""
    mine = _create(posts, "posts", title="mine")
    sdk = open_sdk()
    sdk.call("subscribe", name="one", collection="posts", topic=mine)
    sdk.call("subscribe", name="authors", collection="authors", topic="*")
    _update(posts, "posts", mine, title="heard")
    sdk.wait(1, "one")
    sdk.call("unsubscribe", collection="posts", topic=mine)
    _update(posts, "posts", mine, title="silent")
    _create(posts, "authors", name="later")
    sdk.wait(1, "authors")
    assert _told(sdk.heard("one")) == [("update", "heard")]


def test_unsubscribing_by_prefix(open_sdk: Open, posts: httpx.Client) -> None:
    """All topics that begin alike go silent together."""
    mine = _create(posts, "posts", title="mine")
    sdk = open_sdk()
    sdk.call("subscribe", name="all", collection="posts", topic="*")
    sdk.call("subscribe", name="one", collection="posts", topic=mine)
    sdk.call("subscribe", name="authors", collection="authors", topic="*")
    _update(posts, "posts", mine, title="heard")
    sdk.wait(2, "all", "one")
    sdk.call("unsubscribe", prefix="posts")
    _update(posts, "posts", mine, title="silent")
    _create(posts, "authors", name="later")
    sdk.wait(1, "authors")
    assert _told(sdk.heard("all", "one")) == [("update", "heard")] * 2


def test_unsubscribing_from_everything(open_sdk: Open, posts: httpx.Client) -> None:
    """All go silent; subscribing again afterwards works, with a new stream."""
    sdk = open_sdk()
    sdk.call("subscribe", name="all", collection="posts", topic="*")
    sdk.call("subscribe", name="authors", collection="authors", topic="*")
    before = sdk.client_id
    sdk.call("unsubscribe")
    _create(posts, "posts", title="silent")
    sdk.call("subscribe", name="again", collection="posts", topic="*")
    _create(posts, "posts", title="heard")
    assert _told(sdk.wait(1, "again")) == [("create", "heard")]
    assert sdk.heard("all", "authors") == []
    assert sdk.client_id != before


def test_a_guest_logs_in(open_sdk: Open, posts: httpx.Client) -> None:
    """The next setting of subscriptions carries the login, and the same stream hears more."""
    sdk = open_sdk()
    sdk.call("subscribe", name="diary", collection="diary", topic="*")
    before = sdk.client_id
    _create(posts, "diary", title="for users only")
    sdk.call("login", identity="ada@example.com", **_LOGIN)
    sdk.call("subscribe", name="posts", collection="posts", topic="*")
    _create(posts, "diary", title="for Ada")
    assert _told(sdk.wait(1, "diary")) == [("create", "for Ada")]
    assert sdk.client_id == before


def test_a_stream_does_not_become_somebody_else(open_sdk: Open, posts: httpx.Client) -> None:
    """Another login on an open stream, or none, is refused with 403; a new stream is another's."""
    sdk = open_sdk()
    sdk.call("login", identity="ada@example.com", **_LOGIN)
    sdk.call("subscribe", name="diary", collection="diary", topic="*")
    for call, login in (("login", {"identity": "bob@example.com", **_LOGIN}), ("logout", {})):
        sdk.call(call, **login)
        with pytest.raises(Refused) as refusal:
            sdk.call("subscribe", name=call, topic=f"posts/{call}")
        assert refusal.value.status == 403, call
    with ExitStack() as stack:
        other = stack.enter_context(SdkProcess(Language.JAVASCRIPT, str(posts.base_url)))
        other.call("login", identity="bob@example.com", **_LOGIN)
        other.call("subscribe", name="diary", collection="diary", topic="*")
        _create(posts, "diary", title="for Bob too")
        assert _told(other.wait(1, "diary")) == [("create", "for Bob too")]


def test_a_changed_password_ends_what_the_login_heard(
    open_sdk: Open, posts: httpx.Client, language: Language
) -> None:
    """The stream stays and is a guest's: only what guests may see is still told."""
    identity = f"carl.{language.value}@example.com"
    carl = _create(posts, "people", **_person(identity))
    sdk = open_sdk()
    sdk.call("login", identity=identity, **_LOGIN)
    sdk.call("subscribe", name="diary", collection="diary", topic="*")
    sdk.call("subscribe", name="posts", collection="posts", topic="*")
    _create(posts, "diary", title="before")
    sdk.wait(1, "diary")
    _update(posts, "people", carl, password="another one", passwordConfirm="another one")
    _create(posts, "diary", title="after")
    _create(posts, "posts", title="public")
    sdk.wait(1, "posts")
    assert _told(sdk.heard("diary")) == [("create", "before")]

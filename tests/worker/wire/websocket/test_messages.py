"""Reading requests: what is well-formed, what each topic begins with, and where it went wrong."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from worker.realtime.position import Position
from worker.realtime.topics.topic import Topic
from worker.wire.websocket.messages import (
    AuthRequest,
    ListRequest,
    PingRequest,
    SubscribeRequest,
    UnsubscribeRequest,
    error_message,
    message,
    names_of,
    read_ref,
    read_request,
    topics_of,
)

SINCE = "main:ab:7"
AT = Position(0xAB, 7)


def _topics(*topics: Any, **more: Any) -> list[Topic]:
    request = read_request(json.dumps({"type": "subscribe", "topics": topics, **more}))
    assert isinstance(request, SubscribeRequest)
    return topics_of(request)


def test_each_type_has_its_request() -> None:
    """And unknown keys are skipped."""
    kinds = {
        "auth": AuthRequest,
        "subscribe": SubscribeRequest,
        "unsubscribe": UnsubscribeRequest,
        "list": ListRequest,
        "list-subs": ListRequest,
        "ping": PingRequest,
    }
    for name, kind in kinds.items():
        assert type(read_request(json.dumps({"type": name, "new": {"key": [1]}}))) is kind


def test_a_topic_has_a_path_a_name_and_options() -> None:
    """A text is a topic without options, named by itself."""
    plain, named = _topics(
        "posts/*",
        {
            "topic": "posts/abc",
            "id": "mine",
            "filter": "a = 1",
            "expand": "author",
            "fields": "id",
            "query": {"n": 1, "filter": "is replaced"},
            "headers": {"X_Tenant": "t"},
        },
    )
    assert (plain.subscription, plain.path, plain.collection, plain.record) == (
        "posts/*", "posts/*", "posts", "*",
    )  # fmt: skip
    assert (named.subscription, named.path, named.record) == ("mine", "posts/abc", "abc")
    assert (named.filter, named.expand, named.fields) == ("a = 1", "author", "id")
    assert named.source.query == {"n": "1", "filter": "a = 1", "expand": "author", "fields": "id"}
    assert named.source.header(b"x-tenant") == "t"


@pytest.mark.parametrize(
    ("own", "defaults", "expected"),
    [
        ({}, {}, (None, False)),
        ({}, {"since": SINCE}, (AT, False)),
        ({}, {"snapshot": True}, (None, True)),
        ({"since": SINCE}, {}, (AT, False)),
        ({"snapshot": True}, {}, (None, True)),
        ({"since": SINCE}, {"snapshot": True}, (AT, False)),
        ({"snapshot": True}, {"since": SINCE}, (None, True)),
        ({"snapshot": False}, {"since": SINCE}, (None, False)),
        ({"since": None}, {"since": SINCE}, (AT, False)),
        ({"since": SINCE, "snapshot": False}, {"snapshot": True}, (AT, False)),
    ],
)
def test_where_a_topic_begins(
    own: dict[str, Any], defaults: dict[str, Any], expected: tuple[Position | None, bool]
) -> None:
    """A topic that says so itself is not touched by the request's default."""
    (topic,) = _topics({"topic": "posts", **own}, **defaults)
    assert (topic.since, topic.snapshot) == expected


def test_leave_is_a_wish_or_a_default() -> None:
    """And a topic may refuse the default."""
    told = _topics("a", {"topic": "b", "leave": False}, {"topic": "c", "leave": True}, leave=True)
    assert [topic.leave for topic in told] == [True, False, True]


def test_the_same_topic_twice_is_one() -> None:
    """Two different ones under one name are a mistake."""
    assert len(_topics("posts", "posts", {"topic": "posts"})) == 1
    with pytest.raises(QuillError) as caught:
        _topics("posts", {"topic": "posts", "filter": "a = 1"})
    assert list(caught.value.fields) == ["topics.1"]


def test_both_words_for_topics() -> None:
    """`topics` is the one that counts when both are there."""
    request = read_request('{"type":"unsubscribe","collections":["a"]}')
    assert isinstance(request, UnsubscribeRequest)
    assert names_of(request) == ["a"]
    request = read_request('{"type":"unsubscribe","collections":["a"],"topics":[]}')
    assert isinstance(request, UnsubscribeRequest)
    assert names_of(request) == []


def test_a_ref_is_echoed_as_it_was() -> None:
    """In answers and in errors; without one there is none."""
    assert json.loads(message("pong", "ä")) == {"type": "pong", "ref": "ä"}
    assert json.loads(message("pong", 0)) == {"type": "pong", "ref": 0}
    assert json.loads(message("pong", None)) == {"type": "pong"}
    rest = b'{"data":{},"message":"m","status":400}'
    told = {"type": "error", "data": {}, "message": "m", "status": 400}
    assert json.loads(error_message(None, rest)) == told
    assert json.loads(error_message('"', rest)) == {**told, "ref": '"'}
    assert read_ref('{"ref":5,"type":[]}') == 5
    assert read_ref('{"ref":5') is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["type", "ref", "token", "topics", "collections", "since", "snapshot", "leave", "topic", "id",
     "filter", "query", "headers"],
)  # fmt: skip
_VALUES = _JSON | st.sampled_from(
    ["auth", "subscribe", "unsubscribe", "list", "ping", SINCE, ["posts"], [{"topic": "posts"}]]
)
_WISHES = st.dictionaries(_KEYS, _VALUES)


@given(
    st.dictionaries(_KEYS, _VALUES | st.lists(_WISHES, max_size=2), max_size=6).map(json.dumps)
    | st.text()
)
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """Nothing but INVALID is ever raised, and what was read can be answered."""
    try:
        request = read_request(text)
        if isinstance(request, SubscribeRequest):
            topics_of(request)
    except QuillError as error:
        assert error.kind is Kind.INVALID  # noqa: PT017 - or nothing is raised at all
    assert msgspec.json.decode(message("pong", read_ref(text)))["type"] == "pong"

"""Subscription strings of PocketBase's dialect, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from shared.errors import Kind, QuillError
from shared.limits import SUBSCRIPTION_CHARS_MAX, SUBSCRIPTIONS_PER_CLIENT
from worker.realtime.topics.text import read_topic, read_topics
from worker.realtime.topics.topic import NO_SOURCE


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_options_are_read_in_both_encodings(encode: Callable[[str], str]) -> None:
    """JS writes spaces as %20, Dart as +; the subscription stays verbatim."""
    options = {
        "query": {
            "filter": "title = 'a b'",
            "fields": "id, title",
            "expand": " a.b ",
            "tag": "x y",
        },
        "headers": {"X_Tag": "1", "other": "z"},
    }
    subscription = "posts/*?options=" + encode(json.dumps(options))

    topic = read_topic(subscription)

    assert (topic.subscription, topic.path) == (subscription, "posts/*")
    assert (topic.collection, topic.record) == ("posts", "*")
    assert topic.filter == "title = 'a b'"
    assert topic.fields == "id, title"
    assert topic.expand == "a.b"
    assert topic.source.query == options["query"]
    assert topic.source.header(b"x-tag") == "1"
    assert topic.source.header(b"other") == "z"


def test_without_options_nothing_was_sent() -> None:
    """Also where the query of the text says something else."""
    for text in ("posts", "posts?", "posts?x=1", "posts?options=", "posts?options={}"):
        topic = read_topic(text)
        assert topic.source is NO_SOURCE
        assert (topic.filter, topic.expand, topic.fields) == ("", "", "")
        assert topic.path == "posts"


def test_values_that_are_no_text_are_read_as_json_writes_them() -> None:
    """SDKs pass on what their caller gave: numbers, booleans, null."""
    options = quote(json.dumps({"query": {"a": 1, "b": True, "c": None, "d": 1.5, "filter": None}}))
    topic = read_topic(f"posts?options={options}")
    assert topic.source.query == {"a": "1", "b": "true", "c": "", "d": "1.5", "filter": ""}
    assert topic.filter == ""


@pytest.mark.parametrize(
    "subscription",
    [
        "",
        "x" * (SUBSCRIPTION_CHARS_MAX + 1),
        "posts/*\nevent:forged",
        "posts/*\rdata:forged",
        "posts\0",
        "?options={}",
        "posts?options={",
        "posts?options=[]",
        'posts?options={"query":1}',
        'posts?options={"query":{"filter":{"a":1}}}',
        'posts?options={"query":{"other":[1]}}',
        'posts?options={"headers":{"a":{}}}',
        'posts?options={"headers":[]}',
        "posts?options=" + "[" * 2_000,
    ],
)
def test_bad_subscriptions_are_refused(subscription: str) -> None:
    """Too long, forging lines of the stream, or with unreadable options: INVALID."""
    with pytest.raises(QuillError) as caught:
        read_topic(subscription)
    assert caught.value.kind is Kind.INVALID


def test_the_number_of_subscriptions_is_bounded() -> None:
    """The limit itself is fine, one more is not; repeats count once."""
    most = [f"posts/{n}" for n in range(SUBSCRIPTIONS_PER_CLIENT)]
    assert len(read_topics(most)) == SUBSCRIPTIONS_PER_CLIENT
    assert len(read_topics(["posts", "posts"])) == 1
    with pytest.raises(QuillError):
        read_topics([*most, "one/more"])

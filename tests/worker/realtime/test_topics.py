"""Subscription strings, good and bad."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from shared.errors import Kind, QuillError
from shared.limits import SUBSCRIPTION_CHARS_MAX, SUBSCRIPTIONS_PER_CLIENT
from worker.realtime.topics import Topic, parse_topic, read_topics


@pytest.mark.parametrize(
    ("subscription", "collection", "record"),
    [
        ("posts/*", "posts", "*"),
        ("posts", "posts", "*"),
        ("posts/abc123", "posts", "abc123"),
        ("@oauth2", "@oauth2", "*"),
        ("my/own/thing", "my", "own/thing"),
    ],
)
def test_a_topic_names_a_collection_and_a_record(
    subscription: str, collection: str, record: str
) -> None:
    """`coll/*`, `coll/ID` and the legacy `coll` are read; other shapes are kept."""
    assert parse_topic(subscription) == Topic(subscription, collection, record)


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_options_are_read_in_both_encodings(encode: object) -> None:
    """JS writes spaces as %20, Dart as +; the subscription stays verbatim."""
    assert callable(encode)
    options = {"query": {"filter": "title = 'a b'", "fields": "id, title"}, "headers": {"x": "1"}}
    subscription = "posts/*?options=" + encode(json.dumps(options))

    topic = parse_topic(subscription)

    assert topic.subscription == subscription
    assert topic.filter == "title = 'a b'"
    assert topic.fields == frozenset({"id", "title"})


@pytest.mark.parametrize("fields", ["", "*", "id,*", " , "])
def test_a_star_means_all_fields(fields: str) -> None:
    """An empty list and `*` do not limit what is shown."""
    options = quote(json.dumps({"query": {"fields": fields}}))
    assert parse_topic(f"posts?options={options}").fields is None


@pytest.mark.parametrize(
    "subscription",
    [
        "",
        "x" * (SUBSCRIPTION_CHARS_MAX + 1),
        "posts/*\nevent:forged",
        "posts/*\rdata:forged",
        "posts\0",
        "posts?options={",
        "posts?options=[]",
        'posts?options={"query":1}',
        'posts?options={"query":{"filter":{"a":1}}}',
        "posts?options=" + "[" * 2_000,
    ],
)
def test_bad_subscriptions_are_refused(subscription: str) -> None:
    """Too long, forging lines of the stream, or with unreadable options: INVALID."""
    with pytest.raises(QuillError) as caught:
        parse_topic(subscription)
    assert caught.value.kind is Kind.INVALID


def test_the_number_of_subscriptions_is_bounded() -> None:
    """The limit itself is fine, one more is not; repeats count once."""
    most = [f"posts/{n}" for n in range(SUBSCRIPTIONS_PER_CLIENT)]
    assert len(read_topics(most)) == SUBSCRIPTIONS_PER_CLIENT
    assert len(read_topics(["posts", "posts"])) == 1
    with pytest.raises(QuillError):
        read_topics([*most, "one/more"])

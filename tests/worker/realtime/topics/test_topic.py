"""What a topic names, what makes two of them one, and how many there may be."""

from __future__ import annotations

import pytest

from shared.errors import Kind, QuillError
from shared.limits import (
    REALTIME_VIEWS_PER_CLIENT,
    SUBSCRIPTION_CHARS_MAX,
    SUBSCRIPTIONS_PER_CLIENT,
)
from tests.sse import options
from worker.realtime.topics.text import read_topic
from worker.realtime.topics.topic import (
    NO_SOURCE,
    Question,
    TopicSource,
    check_count,
    questions,
    topic_of,
)


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
    topic = topic_of(subscription)
    assert (topic.subscription, topic.path) == (subscription, subscription)
    assert (topic.collection, topic.record) == (collection, record)
    assert topic.question is None


def test_a_client_may_have_its_own_name_for_a_topic() -> None:
    """The path is what it hears, the name is what it is told by."""
    topic = topic_of("posts/abc", "mine")
    assert (topic.subscription, topic.path, topic.collection) == ("mine", "posts/abc", "posts")


@pytest.mark.parametrize("text", ["", "x" * (SUBSCRIPTION_CHARS_MAX + 1), "a\nb", "a\rb", "a\0"])
def test_neither_path_nor_name_may_forge_lines(text: str) -> None:
    """Both are bounded, and without control characters."""
    for path, name in ((text, "name"), (text, ""), ("path", text)):
        if path and (name or path == text):
            with pytest.raises(QuillError) as caught:
                topic_of(path, name)
            assert caught.value.kind is Kind.INVALID
    topic_of("x" * SUBSCRIPTION_CHARS_MAX)


def test_questions_are_what_the_client_wrote_itself() -> None:
    """Topics that ask the same share one; the target's kind matters, the record does not."""
    asked = questions(
        read_topic(f"{path}{options(**query)}")
        for path in ("posts", "posts/*", "posts/a", "posts/b")
        for query in ({}, {"filter": "a = 1"}, {"fields": "id", "expand": "owner"})
    )
    filtered = TopicSource((("filter", "a = 1"),), ())
    shown = TopicSource((("expand", "owner"), ("fields", "id")), ())
    assert list(asked) == [
        Question("posts", False, "a = 1", "", "", filtered),
        Question("posts", False, "", "owner", "id", shown),
        Question("posts", True, "a = 1", "", "", filtered),
        Question("posts", True, "", "owner", "id", shown),
    ]
    assert [question.chars for question in asked] == [11, 19, 11, 19]


def test_what_only_rules_may_read_is_a_question_too() -> None:
    """A rule may ask for it, and then each that was sent is judged apart."""
    sent = [f"posts{options(tag=tag)}" for tag in ("a", "a", "b")]
    assert len(questions(map(read_topic, sent))) == 2


def test_the_number_of_subscriptions_is_bounded() -> None:
    """The limit itself is fine, one more is not."""
    most = [topic_of(f"posts/{n}") for n in range(SUBSCRIPTIONS_PER_CLIENT)]
    check_count(most)
    with pytest.raises(QuillError):
        check_count([*most, topic_of("one/more")])


def test_the_number_of_questions_is_bounded() -> None:
    """The limit itself is fine, one more is not; repeats count once."""
    most = [
        read_topic(f"{path}{options(fields=f'f{n}')}")
        for n in range(REALTIME_VIEWS_PER_CLIENT)
        for path in ("posts", "posts/*")
    ]
    check_count(most)
    with pytest.raises(QuillError, match="different sets of options"):
        check_count([*most, read_topic(f"posts{options(expand='owner')}")])


def test_sources_are_told_apart_by_what_was_sent() -> None:
    """Equal ones are one key of a dict; names of headers are asked in lower case."""
    one, same = (TopicSource((("a", "1"),), (("x-b", "2"),)) for _ in range(2))
    other = TopicSource((("a", "1"),), (("x-b", "3"),))
    assert len({one: 1, same: 2, other: 3, NO_SOURCE: 4}) == 3
    assert one != "a"
    assert (one.query, one.header(b"x-b"), one.header(b"a")) == ({"a": "1"}, "2", None)
    assert (NO_SOURCE.query, NO_SOURCE.header(b"a"), NO_SOURCE.method) == ({}, None, "GET")

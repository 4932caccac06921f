"""What may be published, judged by a catalog alone."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.limits import MESSAGE_BYTES_MAX, PUBLISHED_MESSAGES_MAX
from shared.schema.catalog import Catalog
from tests.worker.realtime.place import collection
from worker.realtime.publishing.message import check_count, make_message, message_plan
from worker.realtime.topics.topic import topic_of

_CATALOG = Catalog(7, [collection("posts")])
_SOUND = re.compile("[^\x00-\x1f\x7f\ud800-\udfff]+")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(data=_JSON)
def test_data_is_one_line_that_reads_back(data: object) -> None:
    """The text goes into streams as it is: no line break may be in it."""
    message = make_message(_CATALOG, "t", data)
    assert orjson.loads(message.data) == data
    assert not {"\n", "\r"} & set(message.data)


@given(topic=st.text(st.characters(), max_size=20) | st.text("@?/pPosts_c\n\x7f\ud800", max_size=9))
def test_a_topic_is_refused_or_can_be_subscribed_to(topic: str) -> None:
    """Whatever is published can be heard: the same text is a custom topic to a client."""
    unsound = not topic or topic[0] == "@" or "?" in topic or not _SOUND.fullmatch(topic)
    first = topic.partition("/")[0]
    if unsound or first.lower() == "posts" or first == "c_posts":
        with pytest.raises(QuillError) as caught:
            make_message(_CATALOG, topic, 1)
        assert caught.value.kind is Kind.INVALID
        return
    subscribed = topic_of(make_message(_CATALOG, topic, 1).topic)
    assert subscribed.path == topic
    assert _CATALOG.find(subscribed.collection) is None


def test_the_place_of_a_message_is_told() -> None:
    """Among several, the error names which one."""
    with pytest.raises(QuillError) as caught:
        make_message(_CATALOG, "c_posts/1", 1, "3.")
    assert list(caught.value.fields) == ["3.topic"]


def test_size_counts_topic_and_data_in_bytes() -> None:
    """What is exactly as large as may be passes, one byte more does not."""
    topic = "ü" * 50
    room = MESSAGE_BYTES_MAX - len(topic.encode()) - len('""')
    assert make_message(_CATALOG, topic, "x" * room)
    with pytest.raises(QuillError) as caught:
        make_message(_CATALOG, topic, "x" * (room + 1))
    assert caught.value.kind is Kind.TOO_LARGE


@pytest.mark.parametrize(
    ("count", "passes"),
    [(0, False), (1, True), (PUBLISHED_MESSAGES_MAX, True), (PUBLISHED_MESSAGES_MAX + 1, False)],
)
def test_the_number_of_messages_is_bounded(count: int, *, passes: bool) -> None:
    """None at all is a mistake, too."""
    if passes:
        check_count(range(count))
        return
    with pytest.raises(QuillError):
        check_count(range(count))


def test_a_plan_is_made_for_its_catalog() -> None:
    """So the writer refuses it when another one is in force, and it is made again."""
    plan = message_plan(_CATALOG, [make_message(_CATALOG, "t", None)])
    assert (plan.catalog_version, plan.changes_catalog, len(plan.steps)) == (7, False, 2)

"""What is looked at before a client's options are accepted, and what is not."""

from __future__ import annotations

import asyncio

import pytest

from shared.access.identity import GUEST
from shared.errors import Kind, QuillError
from shared.limits import (
    EXPAND_PATHS_MAX,
    REALTIME_VIEWS_PER_CLIENT,
    SUBSCRIPTIONS_PER_CLIENT,
)
from tests.sse import options
from tests.worker.realtime.place import Place
from worker.realtime.topics import options as options_module
from worker.realtime.topics.text import read_topics, with_options
from worker.realtime.topics.topic import Topic, topic_of


def _check(place: Place, *subscriptions: str) -> None:
    topics = read_topics(list(subscriptions))
    asyncio.run(options_module.check_options(topics, GUEST, place.reader.catalog.current()))


def _refused(place: Place, *subscriptions: str) -> str:
    with pytest.raises(QuillError) as caught:
        _check(place, *subscriptions)
    assert caught.value.kind is Kind.INVALID
    return caught.value.message


def _filtered(text: str, path: str = "posts") -> str:
    return f"{path}{options(filter=text)}"


def test_different_questions_are_counted_and_not_topics(place: Place) -> None:
    """A filter that many topics share is one; a list of fields is a question, too."""
    shared = [_filtered("size = 1", f"posts/{n}") for n in range(SUBSCRIPTIONS_PER_CLIENT)]
    _check(place, *shared)
    fields = [f"posts{options(fields=f'f{n}')}" for n in range(REALTIME_VIEWS_PER_CLIENT + 1)]
    _check(place, *fields[1:])
    assert "different sets of options" in _refused(place, *fields)


def test_comparisons_are_counted_over_all_filters(place: Place) -> None:
    """Also those on a collection that does not exist yet."""
    wide = "||".join(["size=1"] * 150)
    topics = [_filtered(wide)]
    topics += [_filtered(wide, "later"), _filtered(wide, "posts/one"), _filtered(wide, "later/one")]
    _check(place, *topics[:3])
    assert "comparisons" in _refused(place, *topics)


def test_comparisons_of_what_a_client_has_count_as_well(place: Place) -> None:
    """A WebSocket client adds topics one by one; the bound is for all of them."""
    asked = [
        (with_options(topic_of("posts", f"{n}"), {"filter": "||".join([f"size={n}"] * 190)}, {}),)
        for n in range(3)
    ]
    catalog = place.reader.catalog.current()

    def check(new: tuple[Topic, ...], *kept: tuple[Topic, ...]) -> None:
        had = [topic for topics in kept for topic in topics]
        asyncio.run(options_module.check_options(new, GUEST, catalog, had))

    check(asked[1], asked[0], asked[1])
    with pytest.raises(QuillError, match="comparisons"):
        check(asked[2], asked[0], asked[1])


def test_what_a_rule_denies_is_not_compiled(place: Place) -> None:
    """It can hear nothing, whatever it says; the names in it are not even looked up."""
    nosuch = _filtered("nosuch = 1")
    assert "not valid" in _refused(place, nosuch)
    place.store("posts", list_rule=None)
    _check(place, nosuch)
    assert "not valid" in _refused(place, _filtered("nosuch ="))


def test_others_have_their_turn_in_between(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is handed over whenever a slice of time is used up."""
    monkeypatch.setattr(options_module, "REALTIME_SLICE_SECONDS", -1.0)
    topics = read_topics([_filtered(f"size = {n}") for n in range(20)])

    async def scenario() -> int:
        catalog = place.reader.catalog.current()
        check = asyncio.create_task(options_module.check_options(topics, GUEST, catalog))
        turns = 0
        while not check.done():
            turns += 1
            await asyncio.sleep(0)
        await check
        return turns

    assert asyncio.run(scenario()) >= len(topics)


def test_expand_and_fields_are_looked_at_as_well(place: Place) -> None:
    """What a read would refuse is refused here; where no collection is, only the text is read."""
    _check(place, f"posts{options(fields='id,title:excerpt(10)')}")
    assert _refused(place, f"posts{options(fields='title:nosuch(1)')}")
    assert _refused(place, f"later{options(fields='title:nosuch(1)')}")
    wide = ",".join(f"p{n}" for n in range(EXPAND_PATHS_MAX + 1))
    assert _refused(place, f"posts{options(expand=wide)}")
    _check(place, f"later{options(expand=wide)}")

"""`?fields=`: projection of a decoded answer."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import QuillError
from worker.wire.pocketbase.fields import plain_names, project

RECORD: dict[str, Any] = {
    "id": "a",
    "title": "T",
    "text": "<p>Fish &amp; <b>chips</b> are fine</p>",
    "expand": {"author": {"name": "N", "mail": "M"}, "tags": [{"id": 1, "x": 2}]},
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("id,title", {"id": "a", "title": "T"}),
        ("id, nope", {"id": "a"}),
        ("expand.author.name", {"expand": {"author": {"name": "N"}}}),
        ("expand.tags.id", {"expand": {"tags": [{"id": 1}]}}),
        ("*", RECORD),
        ("", RECORD),
        ("id,text:excerpt(6)", {"id": "a", "text": "Fish &"}),
        ("text:excerpt(4, true)", {"text": "Fish..."}),
        ("*,expand.author.mail", {**RECORD, "expand": {"author": {"mail": "M"}}}),
    ],
)
def test_the_wanted_part_is_kept(fields: str, expected: dict[str, Any]) -> None:
    """Names, paths through objects and lists, stars and excerpts."""
    assert project(RECORD, fields) == expected


def test_a_list_keeps_its_envelope() -> None:
    """The projection applies to the items."""
    page = {"items": [RECORD], "page": 1, "perPage": 30, "totalItems": 1, "totalPages": 1}

    assert project(page, "id") == {**page, "items": [{"id": "a"}]}


@pytest.mark.parametrize("fields", ["a:nope", "a:excerpt(x)", "a" * 10_001, ",".join("ab" * 300)])
def test_what_cannot_be_read_is_refused(fields: str) -> None:
    """Unknown modifiers and excess are a 400."""
    with pytest.raises(QuillError):
        project(RECORD, fields)


def test_only_plain_names_go_to_sql() -> None:
    """Everything with a grammar of its own is projected in Python."""
    assert plain_names("id, title") == frozenset({"id", "title"})
    assert plain_names("*") is None
    assert plain_names("expand.x") is None
    assert plain_names("a,,b") is None


@pytest.mark.parametrize("fields", ["a" * 10_001, ",".join(f"n{n}" for n in range(501))])
def test_plain_names_are_bounded_like_paths(fields: str) -> None:
    """They become part of a cached plan's key."""
    with pytest.raises(QuillError):
        plain_names(fields)


def test_an_excerpt_reads_the_beginning_only() -> None:
    """However long the text is, and whether or not its tags ever close."""
    assert project({"t": "<" * 2_000_000}, "t:excerpt(3)") == {"t": "<<<"}
    assert project({"t": "a" * 100_001}, "t:excerpt(200000,true)") == {"t": "a" * 100_000 + "..."}
    assert project({"t": "<b<i>x</i>"}, "t:excerpt(9)") == {"t": "<b x"}


def test_an_excerpt_takes_any_character_reference() -> None:
    """Also one with more digits than Python reads as a number."""
    text = f"a&#{'1' * 5_000};b &#65; &#x{'f' * 5_000};"
    assert project({"t": text}, "t:excerpt(20)") == {"t": "a\ufffdb A \ufffd"}

"""`?fields=`: projection of a decoded answer."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.errors import QuillError
from worker.records.fields import plain_names, project

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
    assert project({"t": "<b<p>x</p>"}, "t:excerpt(9)") == {"t": "<b x"}


def test_an_excerpt_takes_any_character_reference() -> None:
    """Also one with more digits than Python reads as a number."""
    text = f"a&#{'1' * 5_000};b &#65; &#x{'f' * 5_000};"
    assert project({"t": text}, "t:excerpt(20)") == {"t": "a\ufffdb A \ufffd"}


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("<p>Hello <b>wor</b>ld, <EM class='x'>you</EM>!</p>", "Hello world, you!"),
        ("<ul><li>one</li><li>two</li></ul>three<br>four", "one two three four"),
        ("a<script>b()</style></SCRIPT>c<style>d{}</style >e", "a c e"),
        ("a<!-- b -->c<svg/>d", "a c"),
        ("a<button", "a<button"),
    ],
)
def test_an_excerpt_reads_like_the_page(text: str, excerpt: str) -> None:
    """Words are parted by blocks, not by inline tags, and what is no text is left out."""
    assert project({"t": text}, "t:excerpt(100)") == {"t": excerpt}


def test_an_excerpt_of_unfinished_tags_is_quick() -> None:
    """Nothing is looked at twice: 100,000 characters of one open tag, and of many."""
    began = time.process_time()
    project({"t": "<" + "a" * 100_000}, "t:excerpt(3)")
    project({"t": "<script>" * 12_000}, "t:excerpt(3)")
    assert time.process_time() - began < 0.5

"""What a body or a query may be, and that everything else is a 400."""

from __future__ import annotations

import pytest

from shared.errors import Kind, QuillError
from shared.limits import JSON_DEPTH_MAX, JSON_NODES_MAX
from worker.wire.pocketbase.decode import check_text, integer, paging, parse_object, switch


def test_an_object_is_decoded() -> None:
    """The last of repeated keys counts."""
    assert parse_object(b'{"a":1,"b":[true,null],"a":2}') == {"a": 2, "b": [True, None]}


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"x\\u0000y"}',
        b'{"a\\u0000":1}',
        b'{"a":[[{"b":"\\u0000"}]]}',
        b'{"a":' + b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_sound_object_is_refused(raw: bytes) -> None:
    """Malformed, too deep, or with characters that SQLite would cut at."""
    with pytest.raises(QuillError) as refused:
        parse_object(raw)

    assert refused.value.kind is Kind.INVALID


def test_depth_counts_nesting_and_not_brackets() -> None:
    """Many brackets side by side, or in a text, are no depth."""
    deep = JSON_DEPTH_MAX - 1
    assert parse_object(b'{"a":' + b"[" * deep + b"]" * deep + b"}")
    assert parse_object(b'{"a":[' + b",".join([b"[]"] * 500) + b"]}")
    assert parse_object(b'{"a":"' + b"[{" * 500 + b'","b":"\\\\u0000"}')


@pytest.mark.parametrize("value", [b"1", b'"\\\\"', b"[]", b'{"a":[2]}', b'",\\"["'])
def test_too_many_values_are_refused_before_they_are_made(value: bytes) -> None:
    """Counted in the bytes, whatever the values are and whether or not they would decode."""
    many = b'{"a":[' + b",".join([value] * (JSON_NODES_MAX + 1))
    for raw in (many + b"]}", many):
        with pytest.raises(QuillError, match="more than 200000 values"):
            parse_object(raw)


def test_commas_in_a_text_are_no_values() -> None:
    """A long table in one text is as good as any other text."""
    text = '1,[2],{\\"3\\"}' * JSON_NODES_MAX
    assert parse_object(f'{{"a":"{text}"}}'.encode()) == {"a": text.replace("\\", "")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (1, 30)),
        ({"page": "0", "perPage": "0"}, (1, 30)),
        ({"page": "-3", "perPage": "-1"}, (1, 30)),
        ({"page": "7", "perPage": "5000"}, (7, 1000)),
        ({"page": "", "perPage": "1"}, (1, 1)),
    ],
)
def test_paging_is_clamped(query: dict[str, str], expected: tuple[int, int]) -> None:
    """As the reference does it, in silence."""
    assert paging(query) == expected


@pytest.mark.parametrize("text", ["abc", "1.5", "1e3", "٣", "9" * 30, " 1"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    """Also digits of other scripts, and numbers that no integer of SQLite holds."""
    with pytest.raises(QuillError):
        integer({"page": text}, "page", 1)


def test_switches_are_read_as_go_reads_them() -> None:
    """1 and t and true, 0 and f and false; nothing else."""
    assert [switch({"s": text}, "s") for text in ("1", "t", "TRUE")] == [True] * 3
    assert [switch({"s": text}, "s") for text in ("0", "F", "false")] == [False] * 3
    assert switch({}, "s") is False
    with pytest.raises(QuillError):
        switch({"s": "maybe"}, "s")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "ä\udcff"])
def test_a_path_with_unsound_text_is_refused(text: str) -> None:
    """What could not be bound to a statement never reaches one."""
    assert check_text("süß") == "süß"
    with pytest.raises(QuillError):
        check_text(text)

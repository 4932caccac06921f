"""What a body or a query may be, and that everything else is a 400."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.limits import JSON_DEPTH_MAX, JSON_NODES_MAX
from shared.schema.fields.cast import text_of
from worker.http.request import Request
from worker.http.upload import Upload
from worker.wire.pocketbase.decode import (
    check_text,
    integer,
    json_object,
    paging,
    parse_object,
    switch,
    text_object,
)
from worker.wire.pocketbase.forms import inferred


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


# --- Forms ----------------------------------------------------------------------------------------


class Sent:
    """A request as far as reading its body goes."""

    def __init__(self, raw: bytes, kind: str) -> None:
        self.raw, self.kind = raw, kind

    async def body(self) -> bytes:
        """The bytes."""
        return self.raw

    def header(self, name: bytes) -> str | None:
        """The one header that counts here."""
        return self.kind if name == b"content-type" else None


def read(raw: bytes, kind: str, *, texts: tuple[str, ...] | None = None) -> dict[str, object]:
    """The body as an object; with `texts`, as `text_object` reads it."""
    request = cast("Request", Sent(raw, kind))
    work = json_object(request) if texts is None else text_object(request, *texts)
    return asyncio.run(work)


URLENCODED = "application/x-www-form-urlencoded; charset=UTF-8"


def multipart(**files: object) -> tuple[bytes, str]:
    """A multipart body with its type, made by httpx."""
    made = httpx.Request("POST", "http://x", files=cast("Any", files))
    return made.read(), made.headers["content-type"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("false", False), ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5),
     ("-0.25", -0.25), ("", ""), ("TRUE", "TRUE"), ("007", "007"), ("1.50", "1.50"), ("-0", "-0"),
     ("1e3", "1e3"), ("+1", "+1"), (".5", ".5"), ("1.", "1."), ("-", "-"), ("1-2", "1-2"),
     ("1.2.3", "1.2.3"), ("9223372036854775807", 9223372036854775807),
     ("9223372036854775808", "9223372036854775808"), ("0.1000000000000000055", "0.1000000000000000055"),
     ("٣", "٣"), ("null", "null"), ("[1]", "[1]")],
)  # fmt: skip
def test_texts_of_a_form_are_inferred(text: str, value: object) -> None:
    """Numbers and booleans in the one spelling that casting back yields."""
    found = read(urlencode({"a": text}).encode(), URLENCODED)["a"]
    assert (type(found), found) == (type(value), value)


@given(st.from_regex(r"-?[0-9]{0,20}(\.[0-9]{0,20})?", fullmatch=True) | st.text())
def test_a_text_field_gets_back_what_was_written(text: str) -> None:
    """Inference loses nothing: cast to text, the value is the text."""
    assert "\0" in text or text_of(inferred(text)) == text


def test_a_repeated_name_is_a_list() -> None:
    """Each of its values is inferred alone; files are uploads."""
    assert read(b"a=1&a=x&b=2", URLENCODED) == {"a": [1, "x"], "b": 2}
    raw, kind = multipart(n=(None, "5"), f=("a.txt", b"\0", "text/plain"))
    assert read(raw, kind) == {"n": 5, "f": Upload("a.txt", "text/plain", b"\0")}


def test_payloads_are_laid_over_a_form_and_over_json() -> None:
    """The later ones win, whatever their place; their values are not inferred."""
    raw = urlencode(
        [
            ("@jsonPayload", '{"a":"1","b":[1]}'),
            ("a", "9"),
            ("c", "true"),
            ("@jsonPayload", '{"b":2}'),
        ]
    ).encode()
    assert read(raw, URLENCODED) == {"a": "1", "b": 2, "c": True}
    assert read(b'{"a":1,"@jsonPayload":"{\\"a\\":2}","b":3}', "application/json") == {
        "a": 2,
        "b": 3,
    }
    assert parse_object(b'{"@jsonPayload":["{}","{\\"@jsonPayload\\":1,\\"x\\":1}"]}') == {"x": 1}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"@jsonPayload":5}', "application/json"),
        (b'{"@jsonPayload":{"a":1}}', "application/json"),
        (b'{"@jsonPayload":"[1]"}', "application/json"),
        (b'{"@jsonPayload":"{"}', "application/json"),
        (b"@jsonPayload=1", URLENCODED),
        (b"@jsonPayload=%7B%22a%22:%22%5Cu0000%22%7D", URLENCODED),
        (b"a=%00", URLENCODED),
        (b"a%00=1", URLENCODED),
        (b"a=1", "text/plain"),
        (b"<a/>", "application/xml"),
        (b'{"a":1}', "nonsense"),
        (b"a=1", "application/json"),
        (b"a=1", "multipart/form-data"),
    ],
)
def test_a_bad_form_is_refused(raw: bytes, kind: str) -> None:
    """Payloads that are no objects, NUL, and types that are not read."""
    with pytest.raises(QuillError) as refused:
        read(raw, kind)
    assert refused.value.kind is Kind.INVALID


def test_payloads_share_the_bound_of_one_body() -> None:
    """Many payloads have no more values together than one body."""
    one = '{"a":[' + ",".join(["1"] * (JSON_NODES_MAX // 2)) + "]}"
    raw = urlencode([("@jsonPayload", one)] * 3).encode()
    with pytest.raises(QuillError, match="more than 200000 values"):
        read(raw, URLENCODED)


def test_an_empty_body_is_nothing_whatever_its_type() -> None:
    """SDKs name a type where there is no body."""
    for kind in ("application/json", "multipart/form-data", "text/plain", ""):
        assert read(b"", kind) == {}


def test_names_and_passwords_of_a_form_stay_texts() -> None:
    """A password of digits is no number; a list of one value is a list."""
    raw = b"identity=1&password=0&subscriptions=a"
    expected = {"identity": "1", "password": "0", "subscriptions": ["a"]}
    assert read(raw, URLENCODED, texts=("subscriptions",)) == expected
    assert read(b'{"subscriptions":"a"}', "application/json", texts=("subscriptions",)) == {
        "subscriptions": "a"
    }

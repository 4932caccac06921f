"""Forms as bytes: what browsers send is read, and hostile bytes are a 400 in a moment."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.limits import (
    FORM_PART_HEADER_BYTES_MAX,
    FORM_PART_HEADERS_MAX,
    FORM_URLENCODED_BYTES_MAX,
    FORM_VALUES_MAX,
    MIB,
)
from worker.http.multipart import Form, read_multipart, read_urlencoded
from worker.http.upload import Upload, has_upload, without_uploads

KIND = "multipart/form-data; boundary=xx"
NAME = b'Content-Disposition: form-data; name="a"'


def form(*parts: bytes) -> bytes:
    """A body of these parts, each with its headers."""
    return b"".join(b"--xx\r\n" + part + b"\r\n" for part in parts) + b"--xx--\r\n"


def sent(**request: Any) -> Form:
    """The form that httpx, as an independent writer, makes of a request."""
    made = httpx.Request("POST", "http://x", **request)
    return read_multipart(made.headers["content-type"], made.read())


def test_what_a_client_library_sends_is_read() -> None:
    """Texts, repeated names, files with their type."""
    files = [
        ("title", (None, "süß\r\n")),
        ("tag", (None, "a")),
        ("tag", (None, "b")),
        ("doc", ("ä.txt", b"\x00\xff--x\r\n", "text/plain")),
    ]
    assert sent(files=files) == {
        "title": "süß\r\n",
        "tag": ["a", "b"],
        "doc": Upload("ä.txt", "text/plain", b"\x00\xff--x\r\n"),
    }


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=6))
def test_any_text_comes_back(pairs: list[tuple[str, str]]) -> None:
    """Oracle: a writer of our own, by the rules that browsers follow."""
    quoted = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
    plain = [(name.replace("%", "").replace("\\", "") or "a", text) for name, text in pairs]
    parts = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'
        % (name.translate(quoted).encode(), text.encode())
        for name, text in plain
        if "--xx" not in text
    ]
    expected: dict[str, list[str]] = {}
    for name, text in plain:
        if "--xx" not in text:
            expected.setdefault(name, []).append(text)

    found = read_multipart(KIND, form(*parts)) if parts else {}

    assert found == {
        name: texts if len(texts) > 1 else texts[0] for name, texts in expected.items()
    }


def test_an_input_without_a_chosen_file_is_an_empty_text() -> None:
    """So a browser sends it, and so it is no upload."""
    part = b'Content-Disposition: form-data; name="f"; filename=""\r\n\r\n'
    assert read_multipart(KIND, form(part)) == {"f": ""}
    assert read_multipart(KIND, form()) == {}


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""',
     f"multipart/form-data; boundary={'x' * 71}", "multipart/form-data; boundary=ä",
     "multipart/form-data; " + "a=b; " * 1000 + "boundary=xx"],
)  # fmt: skip
def test_a_boundary_is_needed(kind: str) -> None:
    """Of the length that the RFC allows."""
    with pytest.raises(QuillError, match="boundary"):
        read_multipart(kind, form(NAME + b"\r\n\r\n1"))


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b"--xx",
        b"--xx\r\n",
        b"--xx\r\n" + NAME,
        b"--xx\r\n" + NAME + b"\r\n\r\nnever ends",
        form(NAME + b"\r\n\r\n1")[:-4],
        b"preamble" + form(NAME + b"\r\n\r\n1"),
        form(b"\r\n1"),
        form(b"Content-Type: text/plain\r\n\r\n1"),
        form(b"Content-Disposition: form-data\r\n\r\n1"),
        form(b'Content-Disposition: attachment; name="a"\r\n\r\n1'),
        form(b"no header\r\n\r\n1"),
        form(NAME + b"\n\n1"),
        form(NAME + b"\r\nContent-Length: 99\r\n\r\n1"),
        form(NAME + b"\r\nContent-Length: -1\r\n\r\n1"),
        form(NAME + b"\r\n\r\n\xff"),
        form(b'Content-Disposition: form-data; name="\xff"\r\n\r\n1'),
        form(NAME + b"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n1"),
        form(NAME + b"\r\nX: " + b"x" * (FORM_PART_HEADER_BYTES_MAX + 1) + b"\r\n\r\n1"),
        form(NAME + b"\r\nX: y" * FORM_PART_HEADERS_MAX + b"\r\n\r\n1"),
        form(*[NAME + b"\r\n\r\n1"] * (FORM_VALUES_MAX + 1)),
    ],
)
def test_what_is_no_form_is_refused(raw: bytes) -> None:
    """Cut, malformed, without a name, in another charset, or too much of something."""
    with pytest.raises(QuillError) as refused:
        read_multipart(KIND, raw)
    assert refused.value.kind is Kind.INVALID


@given(st.binary(max_size=60), st.lists(st.sampled_from(
    [b"--xx", b"\r\n", b"--", b"\n", NAME, b"; filename=", b'"', b"\\", b": ", b"\xff", b"\x00"]
)).map(b"".join))  # fmt: skip
def test_no_bytes_raise_anything_else(noise: bytes, pieces: bytes) -> None:
    """The answer is a form or INVALID."""
    for raw in (noise, pieces, b"--xx\r\n" + NAME + b"\r\n\r\n" + pieces + noise):
        for read in (partial(read_multipart, KIND), read_urlencoded):
            try:
                read(raw)
            except QuillError as refused:
                if refused.kind is not Kind.INVALID:
                    raise


@pytest.mark.parametrize(
    "raw",
    [
        b"--xx\r\n" + NAME + b"\r\n\r\n" + b"\r\n--x" * MIB,
        b"--xx\r\n" + b"\r" * (4 * MIB),
        b"--xx\r\n" + b"A: b\r\n" * MIB,
        b"--xx\r\n" * MIB,
        b"\r\n" * (2 * MIB),
        b"--xx\r\nContent-Disposition: form-data; " + b'a="\\' * MIB,
    ],
)
def test_large_hostile_bodies_end_soon(raw: bytes) -> None:
    """Nothing in them takes more than time in proportion."""
    started = time.perf_counter()
    with pytest.raises(QuillError):
        read_multipart(KIND, raw)
    assert time.perf_counter() - started < 2


# --- urlencoded -----------------------------------------------------------------------------------


def test_a_urlencoded_form() -> None:
    """Plus is a space, a repeated name is a list, an empty value stays."""
    raw = b"a=1+2%2B&b=&tags%2B=x&tags%2B=y&c=%C3%BC&d"
    assert read_urlencoded(raw) == {"a": "1 2+", "b": "", "tags+": ["x", "y"], "c": "ü", "d": ""}
    assert read_urlencoded("a=\ufffd".encode()) == {"a": "\ufffd"}
    assert read_urlencoded(b"a=%EF%bf%BD") == {"a": "\ufffd"}


@pytest.mark.parametrize(
    "raw", [b"a=\xff", b"a=%ff", b"%ff=a", b"a=1&a=%c3", b"a=1&" * FORM_VALUES_MAX]
)
def test_what_is_no_urlencoded_form(raw: bytes) -> None:
    """No UTF-8, raw or encoded; too many values."""
    with pytest.raises(QuillError) as refused:
        read_urlencoded(raw)
    assert refused.value.kind is Kind.INVALID


def test_a_large_urlencoded_form_is_read_soon() -> None:
    """Percent signs cost no more than other characters."""
    count = FORM_URLENCODED_BYTES_MAX // 4 - 1
    started = time.perf_counter()
    assert read_urlencoded(b"a=" + b"%41b" * count) == {"a": "Ab" * count}
    assert time.perf_counter() - started < 1
    with pytest.raises(QuillError) as refused:
        read_urlencoded(b"a=" + b"%41b" * (count + 1))
    assert refused.value.kind is Kind.TOO_LARGE


def test_uploads_are_told_from_texts() -> None:
    """Alone or in a list; to rules they are their names."""
    upload = Upload("a.png", "image/png", b"1")
    assert has_upload(upload)
    assert has_upload(["x", upload])
    assert not has_upload(["x", "a.png"])
    assert without_uploads(["x", upload]) == ["x", "a.png"]
    assert without_uploads(upload) == "a.png"
    assert repr(upload) != repr(Upload("a.png", "image/png", b"2"))
    assert len(repr(Upload("a", "b", b"x" * MIB))) < 100

"""Ids of records: every key has one text that is shown, and texts that are taken for it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.schema.api import RecordApi
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.eligibility import Key, KeyKind
from shared.schema.tables.table import Table
from shared.sql.plan import Value
from worker.apis.ids import read_id, write_id

TYPES = {
    KeyKind.INTEGER: DataType.INTEGER,
    KeyKind.UUID: DataType.BLOB,
    KeyKind.TEXT: DataType.TEXT,
}


def api(kind: KeyKind) -> RecordApi:
    """One whose keys are of that kind."""
    column = Column(name="id", type=TYPES[kind], nullable=False)
    table = Table(name="t", strict=True, columns=(column,), primary_key=("id",))
    key = Key(column, kind)
    return RecordApi(name="t", database="main", table=table, key=key, columns=(column,), limit=1)


APIS = {kind: api(kind) for kind in KeyKind}
UUID_BYTES = st.binary(min_size=16, max_size=16)
# What an address can hold, and neither NUL nor half characters, which no key is found by.
WRITTEN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def taken(kind: KeyKind, text: str) -> Value:
    """The key that a text is; None where it is refused."""
    try:
        return read_id(APIS[kind], text)
    except QuillError as error:
        if (error.kind, error.message) != (Kind.INVALID, "Invalid id"):
            raise
        return None


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers(number: int) -> None:
    """All of 64 bits."""
    assert write_id(number) == str(number)
    assert read_id(APIS[KeyKind.INTEGER], write_id(number)) == number


@given(UUID_BYTES)
def test_uuids(key: bytes) -> None:
    """Padded base64 is shown; without padding and as 36 characters in any case they are taken."""
    shown = write_id(key)
    assert shown == urlsafe_b64encode(key).decode()
    assert len(shown) == 24
    spelled = str(UUID(bytes=key))
    for text in (shown, shown.rstrip("="), spelled, spelled.upper()):
        assert read_id(APIS[KeyKind.UUID], text) == key
        assert write_id(taken(KeyKind.UUID, text)) == shown


@given(WRITTEN)
def test_texts(text: str) -> None:
    """Each is its own id, whatever it looks like."""
    assert write_id(text) == text == read_id(APIS[KeyKind.TEXT], text)


@given(st.sampled_from(KeyKind), WRITTEN | st.text("0123456789-", max_size=21))
def test_any_text(kind: KeyKind, text: str) -> None:
    """It is a key whose id leads back to it, or it is refused."""
    key = taken(kind, text)
    assert key is None or read_id(APIS[kind], write_id(key)) == key


@given(UUID_BYTES, st.integers(0, 20), st.sampled_from("+/ =\n%~é"))
def test_what_only_looks_like_base64(key: bytes, at: int, odd: str) -> None:
    """The other alphabet of base64, blanks and padding in the middle are no ids."""
    shown = write_id(key)
    assert taken(KeyKind.UUID, shown[:at] + odd + shown[at + 1 :]) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "==", "A", "A" * 21, "A" * 22 + "=", "A" * 23, "A" * 24, "A" * 22 + "===",
        "00000000000000000000000000000000", "{00000000-0000-0000-0000-000000000000}",
        "00000000-0000-0000-0000-00000000000", "0000000-00000-0000-0000-000000000000",
        "urn:uuid:00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-00000000000g",
    ],
)  # fmt: skip
def test_texts_that_are_no_uuid(text: str) -> None:
    """Too short, too long, or spelled as nobody writes one."""
    assert taken(KeyKind.UUID, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+1",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "0x1",
        "1_0",
        "\u0661",
        "9" * 19,
        f"-{2**63 + 1}",
        "9" * 99,
    ],
)
def test_texts_that_are_no_whole_number(text: str) -> None:
    """Signs of plus, blanks, digits of other scripts, and more than 64 bits."""
    assert taken(KeyKind.INTEGER, text) is None


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\udcff"])
def test_texts_that_no_key_can_be(text: str) -> None:
    """NUL, and bytes of an address that were no UTF-8."""
    assert taken(KeyKind.TEXT, text) is None


def test_numbers_of_several_spellings() -> None:
    """Zeros in front are taken, and never shown."""
    for text in ("7", "07", "0000000000000000007"):
        assert write_id(taken(KeyKind.INTEGER, text)) == "7"
    assert write_id(taken(KeyKind.INTEGER, "-0")) == "0"


def test_bits_that_base64_leaves_over() -> None:
    """The last character has four of them, which have to be 0, or an id had sixteen texts."""
    keys = {last: taken(KeyKind.UUID, "A" * 21 + last) for last in "ABCDEFGHIJKLMNOPQgw_"}
    found = {last for last, key in keys.items() if key is not None}
    assert found == set("AQgw")
    assert len({keys[last] for last in found}) == 4

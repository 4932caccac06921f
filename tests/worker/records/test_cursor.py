"""The tokens of keyset paging: what they carry, and what they are refused for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.limits import CURSOR_CHARS_MAX
from shared.schema.collection import Collection
from shared.sql.order import order_of
from tests.shared.sql.sample import CATALOG, SAMPLE, collection
from worker.records.cursor import check_order, read_cursor, write_cursor

FORM = ("c_sample", 'r."title"', "n > 1")
values = st.lists(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=50)
    | st.binary(max_size=20),
    min_size=1,
    max_size=9,
)


@given(values)
def test_values_come_back_as_they_were(kept: list[int | float | str | bytes]) -> None:
    """With their types, in characters that an address takes as they are."""
    token = write_cursor(FORM, kept)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert list(map(repr, read_cursor(FORM, token, len(kept)))) == list(map(repr, kept))


@given(values, st.data())
def test_a_damaged_token_is_refused(
    kept: list[int | float | str | bytes], data: st.DataObject
) -> None:
    """Any other character anywhere, a cut, an addition."""
    token = write_cursor(FORM, kept)
    at = data.draw(st.integers(0, len(token) - 2))  # the very last one has bits that mean nothing
    other = data.draw(st.sampled_from("AZaz09-_é\0").filter(lambda c: c != token[at]))
    for wrong in (token[:at] + other + token[at + 1 :], token[:at], token + "AAAA"):
        if not wrong:
            continue
        with pytest.raises(QuillError) as refused:
            read_cursor(FORM, wrong, len(kept))
        assert refused.value.kind is Kind.INVALID


@pytest.mark.parametrize("other", [("c_other", *FORM[1:]), (FORM[0], 'r."day"', FORM[2]), FORM[:2]])
def test_another_list_refuses_it(other: tuple[str, ...]) -> None:
    """Another collection, sort or filter; also another number of terms."""
    token = write_cursor(FORM, ["a", 1])
    with pytest.raises(QuillError):
        read_cursor(other, token, 2)
    with pytest.raises(QuillError):
        read_cursor(FORM, token, 3)


def test_a_token_fits_into_an_address() -> None:
    """Values that are too long make none, and no long text is looked into."""
    with pytest.raises(QuillError):
        write_cursor(FORM, ["x" * CURSOR_CHARS_MAX])
    with pytest.raises(QuillError):
        read_cursor(FORM, "A" * (CURSOR_CHARS_MAX + 1), 1)


@pytest.mark.parametrize("wrong", [[None], [True], [2**63], [["x"]]])
def test_what_no_order_holds_is_refused(wrong: list[object]) -> None:
    """Whoever makes a token himself gets no further than a value that can be bound."""
    token = write_cursor(FORM, wrong)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(QuillError):
        read_cursor(FORM, token, 1)


PEOPLE = collection(
    "people",
    {"name": "email", "type": "email"},
    {"name": "emailVisibility", "type": "bool"},
    {"name": "name", "type": "text"},
    kind="auth",
)


@pytest.mark.parametrize(
    ("place", "sort", "superuser", "fine"),
    [
        (SAMPLE, "", False, True),
        (SAMPLE, "-title,count", False, True),
        (SAMPLE, "title,@random", True, False),
        (SAMPLE, "data", True, False),
        (PEOPLE, "name", False, True),
        (PEOPLE, "name,-email", True, True),
        (PEOPLE, "name,-email", False, False),
    ],
)
def test_what_a_cursor_would_tell_or_cannot_hold(
    place: Collection, sort: str, superuser: bool, fine: bool
) -> None:
    """Values that may be null or come by chance; and addresses that not everybody may see."""
    order = order_of(sort, place, CATALOG, caller=None, superuser=superuser)
    if fine:
        check_order(order)
        return
    with pytest.raises(QuillError, match="cursor") as refused:
        check_order(order)
    assert refused.value.kind is Kind.INVALID

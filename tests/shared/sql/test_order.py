"""What a client may sort by, and that the order is total and an index gives it."""

from __future__ import annotations

import apsw
import pytest

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.sql.order import order_sql
from tests.shared.sql.sample import SAMPLE, create


@pytest.mark.parametrize(
    ("sort", "terms"),
    [
        ("", "r._rowid_"),
        ("title", 'r."title", r._rowid_'),
        ("-day", 'r."day" DESC, r._rowid_ DESC'),
        ("-day, +title", 'r."day" DESC, r."title", r._rowid_'),
        ("@rowid", "r._rowid_"),
        ("-@rowid", "r._rowid_ DESC"),
        ("@random", "random(), r._rowid_"),
        ("+id", 'r."id", r._rowid_'),
    ],
)
def test_terms(sort: str, terms: str) -> None:
    """Each sort ends in the rowid, in the direction of its last term."""
    assert order_sql(sort, SAMPLE, False) == terms


@pytest.mark.parametrize(
    "sort",
    ["nope", ",", "title,", "-", "--title", "owner.title", "title:lower", "tags", "friends",
     "secret", "pass", "@now", "title desc", 'title";--', "a" * 256, ",".join(["title"] * 9)],
)  # fmt: skip
def test_what_cannot_be_sorted_by(sort: str) -> None:
    """Unknown, hidden and many-valued fields, and everything that is no name."""
    with pytest.raises(LanguageError):
        order_sql(sort, SAMPLE, False)


def test_superusers_sort_by_hidden_fields() -> None:
    """But not even they by a password."""
    assert order_sql("secret", SAMPLE, True) == 'r."secret", r._rowid_'
    with pytest.raises(LanguageError):
        order_sql("pass", SAMPLE, True)


def test_request_names_are_for_rules() -> None:
    """As in filters."""
    with pytest.raises(ForbiddenNameError):
        order_sql("title,-@request.auth.id", SAMPLE, False)


def test_json_sorts_by_its_value() -> None:
    """Numbers before texts, not the characters of the JSON text."""
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    for number, data in enumerate(('"a"', "10", "9", None)):
        connection.execute("INSERT INTO sample(id, data) VALUES (?, ?)", (str(number), data))
    found = connection.execute(
        f"SELECT id FROM sample r ORDER BY {order_sql('data', SAMPLE, False)}"
    )
    assert [row[0] for row in found] == ["3", "2", "1", "0"]

"""Whether a text is SQL, as SQLite's parser says, whatever its names mean."""

from __future__ import annotations

import apsw
import pytest

from shared.sqlite.console.syntax import fault_of_expression, fault_of_statement


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "_ROW_.a = _USER_.id AND b IN (SELECT c FROM d)",
        "'col' IN _REQ_FIELDS_",
        "nobody(1, ?) || x'00'",
        "CASE 1 WHEN 2 THEN 3 END",
        "a -- comment",
    ],
)
def test_expressions(text: str) -> None:
    """Names and functions need not be there."""
    assert fault_of_expression(text) == ""


@pytest.mark.parametrize(
    "text",
    ["", "1,2", "1) , (2", "1; 2", "1)", "--", "/*", "a AS b", "'x", "1 FROM t", "1 THEN 2", "\0"],
)
def test_what_is_no_expression(text: str) -> None:
    """Several, none, and what leaves its brackets."""
    assert fault_of_expression(text)


def test_statements() -> None:
    """Nothing is run, not even a pragma that has set something once it is prepared."""
    for text in ("DROP TABLE nobody", "CREATE TABLE t (a) STRICT", "SELECT ?", "VACUUM"):
        assert fault_of_statement(text) == ""
    for text in ("SELEC 1", "CREATE TABLE t (a", "SELECT 1; SELECT 2", "", "SELECT '"):
        assert fault_of_statement(text)
    assert fault_of_statement("PRAGMA hard_heap_limit = 100000000") == ""
    assert apsw.hard_heap_limit(-1) == 0

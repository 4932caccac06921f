"""Which texts hold a number."""

from __future__ import annotations

import apsw
import pytest

from shared.sql.predicate import number_in

TEXTS = ["5", "-5", "+5", " 5 ", "5.", ".5", "5.5", "1e3", "1E-2", "05", "9223372036854775808",
         "", " ", ".", "e5", "5e", "5x", "0x10", "1_000", "--5", "\u0665", "inf", "nan", "5 5"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_numbers_are_those_that_sqlite_sees(text: str) -> None:
    """A text is a number where a NUMERIC column would store it as one."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE x(n NUMERIC)")
    connection.execute("INSERT INTO x VALUES (?)", (text,))
    kind, value = connection.execute("SELECT typeof(n), n FROM x").fetchall()[0]
    assert number_in(text) == (None if kind == "text" else value)

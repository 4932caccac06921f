"""Texts of the SQL console: taken apart, bounded, and shown without what they hold."""

from __future__ import annotations

import pytest

from shared.errors import QuillError
from shared.limits import CONSOLE_LOGGED_CHARS, CONSOLE_STATEMENTS_MAX, CONSOLE_TEXT_CHARS_MAX
from worker.console.text import read_text, shown


def test_statements_are_found() -> None:
    """Without their semicolons, comments around them and nothing between them."""
    text = "-- a\nSELECT ';' /* ; */ ; ;INSERT INTO t VALUES (1);"
    assert read_text(text) == ["SELECT ';'", "INSERT INTO t VALUES (1)"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        ["SELECT 1"],
        "",
        ";",
        "/* SELECT 1",
        "SELECT 'a",
        "SELECT \0",
        "x" * (CONSOLE_TEXT_CHARS_MAX + 1),
        "SELECT 1;" * (CONSOLE_STATEMENTS_MAX + 1),
        'ALTER TABLE a RENAME TO "_settings"',
        "CREATE VIEW v AS SELECT * FROM _collections",
        "create table [_mfas] (a)",
        "ALTER TABLE a RENAME TO _session",
        'ALTER TABLE a RENAME TO "b:c"',
    ],
)
def test_what_is_no_text_is_told(text: object) -> None:
    """As an error of the query."""
    with pytest.raises(QuillError) as refused:
        read_text(text)
    assert set(refused.value.fields) == {"query"}


def test_names_of_the_system_may_stand_where_nothing_is_made() -> None:
    """SQLite's authorizer judges those; users may be referred to."""
    for text in (
        "ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'b:c'",
        "SELECT '_settings'",
        "CREATE TABLE t (a BLOB REFERENCES _user(id))",
    ):
        assert read_text(text) == [text]


def test_what_is_shown_holds_no_values() -> None:
    """And is short, on one line."""
    assert shown("UPDATE t\n SET a = 'it''s', b = x'00' , c = 'open") == (
        "UPDATE t SET a = '?''?', b = x'?' , c = '?'"
    )
    odd = """-- don't show\nUPDATE "it's" SET a = 'secret' /* ' */ WHERE b = 'secret'"""
    assert shown(odd) == """-- don't show UPDATE "it's" SET a = '?' /* ' */ WHERE b = '?'"""
    assert len(shown("SELECT " + "a, " * 1_000)) == CONSOLE_LOGGED_CHARS

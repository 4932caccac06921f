"""The tables of a rule's own database, called as the process that runs it has to call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sql.api.own_tables import as_main, with_database
from shared.sql.api.rules import WrongRuleError

TABLES = ("open", "Note")


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("1 IN (SELECT a FROM open)", '1 IN (SELECT a FROM "own".open)'),
        ("(SELECT 1 FROM other, NOTE AS n, 'open')", """(SELECT 1 FROM other, "own".NOTE AS n, "own".'open')"""),
        ("(SELECT f(1, open), note FROM (open JOIN [note]) x, note)",
         '(SELECT f(1, open), note FROM ("own".open JOIN "own".[note]) x, "own".note)'),
        ("(SELECT 1 FROM open LEFT JOIN note USING (open, note), open WHERE 1 IN (open, note))",
         '(SELECT 1 FROM "own".open LEFT JOIN "own".note USING (open, note), "own".open WHERE 1 IN (open, note))'),
        ("(SELECT 1 FROM open ORDER BY 1, note) = (SELECT 1, open UNION SELECT 2, note FROM note)",
         '(SELECT 1 FROM "own".open ORDER BY 1, note) = (SELECT 1, open UNION SELECT 2, note FROM "own".note)'),
        ("_ROW_.a NOT IN open", '_ROW_.a NOT IN "own".open'),
        ("(SELECT 1 FROM open AS o JOIN (SELECT 1 FROM note))",
         '(SELECT 1 FROM "own".open AS o JOIN (SELECT 1 FROM "own".note))'),
        ("_ROW_.a IS DISTINCT FROM open", None),
        ("(SELECT 1 FROM own.open, main.note, open.other, open('x'))", None),
        ("(WITH open(a) AS NOT MATERIALIZED (SELECT 1) SELECT a FROM open)", None),
        ("'FROM open' = -- FROM open\n 1", None),
        ("_ROW_.open IN (open)", None),
    ],
)  # fmt: skip
def test_a_bare_name_has_its_database(text: str, called: str | None) -> None:
    """Where a table is read, and nowhere else; None: it stays as it is."""
    assert with_database(text, "own", TABLES) == (called or text)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("(SELECT own.open.a FROM own.open, OWN . [note])", "(SELECT main.open.a FROM main.open, main . [note])"),
        ("(SELECT own.a, x.own.open FROM open AS own)", None),
        ("'own.open' = _ROW_.own", None),
    ],
)  # fmt: skip
def test_its_database_is_main(text: str, called: str | None) -> None:
    """Before a table of it, as far as can be told."""
    assert as_main(text, "own", TABLES) == (called or text)


def test_main_itself_is_not_there() -> None:
    """A rule that means it is not taken to mean its own database."""
    for text in ("(SELECT 1 FROM main.open)", '"Main".note.a', "(SELECT 1 FROM main.other)"):
        with pytest.raises(WrongRuleError, match="may not be read"):
            as_main(text, "own", TABLES)


@given(st.text("(),.FROMINJOINopen note'\"[]*-/ ", max_size=40) | st.text(max_size=20))
def test_any_text(text: str) -> None:
    """Each is read to its end; what is added is nothing but the database."""
    assert with_database(text, "own", TABLES).replace('"own".', "") == text.replace('"own".', "")

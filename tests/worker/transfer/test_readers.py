"""The readers of the four formats: records, physical lines, and what cannot be read.

Tests `worker.transfer.csv_rows`, `worker.transfer.json_rows`, `worker.transfer.sql_rows`,
`worker.transfer.rows` and `worker.transfer.source`.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FieldError, QuillError
from shared.limits import TRANSFER_READ_BYTES
from worker.transfer import csv_rows
from worker.transfer.csv_rows import read_csv, read_delimiter
from worker.transfer.json_rows import read_json, read_json_lines
from worker.transfer.rows import MALFORMED, WRONG_COLUMNS, Input
from worker.transfer.source import Source
from worker.transfer.sql_rows import read_sql


def _told(found: Input) -> list[tuple[int, Any]]:
    """Line and record, or line and code."""
    return [(line, one.code if isinstance(one, FieldError) else one) for line, one in found.rows]


def _csv(text: str, delimiter: str = ",") -> list[tuple[int, Any]]:
    return _told(read_csv(io.StringIO(text, newline=""), delimiter))


def _json(text: str) -> list[tuple[int, Any]]:
    return _told(read_json(io.StringIO(text, newline="")))


def _lines(raw: bytes) -> list[tuple[int, Any]]:
    return _told(read_json_lines(io.BufferedReader(io.BytesIO(raw))))


def _sql(text: str, table: str = "t") -> list[tuple[int, Any]]:
    return _told(read_sql(io.StringIO(text, newline=""), table))


# --- CSV ------------------------------------------------------------------------------------------


def test_lines_of_a_csv_are_physical_ones() -> None:
    """Quoted line breaks and blank lines count; each record is told by the line it begins on."""
    text = 'a,b\n1,"x\ny\r\nz"\n\n2,3\r\n"4",""\n'
    assert _csv(text) == [(2, ["1", "x\ny\r\nz"]), (6, ["2", "3"]), (7, ["4", ""])]


def test_what_is_no_csv_is_told_where_it_stands_and_the_rest_is_read() -> None:
    """Too few or many cells, and quotes that do not fit."""
    text = 'a,b\n1\n1,2,3\n"x"y,2\n4,5\n'
    assert _csv(text) == [
        (2, WRONG_COLUMNS),
        (3, WRONG_COLUMNS),
        (4, MALFORMED),
        (5, ["4", "5"]),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty"), ("\n\n", "empty"), ("a,a\n", "twice"), ('"a\n', "first line")],
)
def test_a_csv_needs_a_first_line_that_names_columns(text: str, reason: str) -> None:
    """Whatever it lacks is said in a sentence."""
    with pytest.raises(QuillError, match=reason):
        _csv(text)


def test_delimiters() -> None:
    """Any one character, or a word for it."""
    assert _csv("a\tb\n1\t2\n", "tab") == [(2, ["1", "2"])]
    assert _csv("a;b\n1;2\n", ";") == [(2, ["1", "2"])]
    for wrong in ("", "ab", '"', "\n"):
        with pytest.raises(QuillError, match="delimiter"):
            read_delimiter(wrong)


def test_a_csv_record_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line or, behind an open quote, in many: no more of it is held, nothing follows it."""
    monkeypatch.setattr(csv_rows, "TRANSFER_RECORD_CHARS_MAX", 50)
    for long in ("x" * 60 + ",1\n", '"x\n' + "y\n" * 40, '"1\n",' * 20):
        assert _csv(f"a,b\n1,2\n{'3,4' + chr(10)}{long}5,6\n") == [
            (2, ["1", "2"]),
            (3, ["3", "4"]),
            (4, MALFORMED),
        ]
    with pytest.raises(QuillError, match="longer"):
        _csv("a" * 60)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(_TEXTS, _TEXTS), max_size=5))
def test_whatever_csv_writers_write_is_read_back(rows: list[tuple[str, str]]) -> None:
    """The standard library's writer is the oracle."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    assert [cells for _, cells in _csv(out.getvalue())] == [list(row) for row in rows]


# --- JSON -----------------------------------------------------------------------------------------


def test_an_array_is_read_piece_by_piece() -> None:
    """Each object with the line it begins on; what is no object is told."""
    text = '\n[ {"a": [1,\n{"b": "]}"}]}\n,\n{"a": 2}, 3]\n \n'
    assert _json(text) == [
        (2, {"a": [1, {"b": "]}"}]}),
        (5, {"a": 2}),
        (5, MALFORMED),
    ]
    assert _json(" [ ] ") == []


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(_TEXTS, _VALUES, max_size=4), max_size=6), st.integers(0, 3))
def test_an_array_of_any_objects(records: list[dict[str, Any]], indent: int) -> None:
    """The standard library's writer is the oracle, with and without line breaks."""
    text = json.dumps(records, indent=indent or None, ensure_ascii=False)
    assert [one for _, one in _json(text)] == records
    assert [one for _, one in _json(text.replace("\n", "\r\n"))] == records


def test_a_record_longer_than_one_read(tmp_path: Path) -> None:
    """The window grows as far as a record needs."""
    records = [{"a": "x" * 700_000}, {"a": 1}, {"a": "y" * 300_000}]
    (tmp_path / "f").write_text(json.dumps(records))
    with Source(str(tmp_path / "f")) as source:
        assert [one for _, one in read_json(source.text("utf-8")).rows] == records
        assert source.position == source.size


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "array"),
        ('{"a": 1}', "array"),
        ('[{"a": 1}', "comma"),
        ('[\n{"a": 1} {"a": 2}]', "Line 2"),
        ('[{"a": 1},\n{"a": }]', "line 2"),
        ('[{"a": 1}] x', "follow"),
        ("[" + "[" * 100_000, "nested"),
        ('[{"a": NaN}]', "NaN"),
    ],
)
def test_what_is_no_array_is_refused(text: str, reason: str) -> None:
    """With the line, where there is one."""
    with pytest.raises(QuillError, match=reason):
        _json(text)


def test_json_lines() -> None:
    """One object a line; a line that is none is told, and the next is read."""
    raw = b'\xef\xbb\xbf{"a": 1}\n\n[1]\n{"a":\n{"b": "\\n"}'
    assert _lines(raw) == [
        (1, {"a": 1}),
        (3, MALFORMED),
        (4, MALFORMED),
        (5, {"b": "\n"}),
    ]


# --- SQL ------------------------------------------------------------------------------------------


def test_rows_of_insert_statements() -> None:
    """All literals, several rows, any spelling of the names; others' statements are passed over."""
    text = """-- a; comment
BEGIN; CREATE TABLE t (a, b); /* ; */
CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO t (a) VALUES (1); END;
INSERT INTO "t" ("a", `b`) VALUES
(1, 'it''s
; (two)'),
(-2.5e3, NULL) ON CONFLICT DO NOTHING;
insert or ignore into main.[T](a) values (TRUE),(.5);
INSERT INTO other (a) VALUES ('INSERT INTO t (a) VALUES (9);');
COMMIT;
"""
    assert _sql(text) == [
        (5, {"a": 1, "b": "it's\n; (two)"}),
        (7, {"a": -2500.0, "b": None}),
        (8, {"a": True}),
        (8, {"a": 0.5}),
    ]


def test_what_is_no_literal_is_told() -> None:
    """The rest of its statement is not read; the next statement is."""
    text = "INSERT INTO t (a) VALUES (1), (random()), (3);\nINSERT INTO t (a) VALUES (1, 2), (4);"
    assert _sql(text) == [(1, {"a": 1}), (1, MALFORMED), (2, WRONG_COLUMNS), (2, {"a": 4})]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("INSERT /* a */ INTO -- b;\n t (a) VALUES (1);", [(2, {"a": 1})]),
        (
            "INSERT INTO t (a, b) VALUES (1 /* x */, -- y '\n 2),\n-- z\n(3, 4) /* ; */;",
            [(1, {"a": 1, "b": 2}), (4, {"a": 3, "b": 4})],
        ),
        ("INSERT INTO t (a, b) VALUES ('x' /* a */ || 'y' /* b */, 2);", [(1, MALFORMED)]),
        ("INSERT INTO t (a) VALUES (1), ;", [(1, {"a": 1}), (1, MALFORMED)]),
        ("INSERT INTO t (a) SELECT 1; INSERT INTO u (a) SELECT 1;", [(1, MALFORMED)]),
        ("INSERT INTO t DEFAULT VALUES;", [(1, MALFORMED)]),
        ("INSERT IGNORE INTO x.y.t (a) VALUES (1); -- no end", [(1, {"a": 1})]),
        (
            (
                "CREATE /**/ TRIGGER x BEFORE DELETE ON u BEGIN SELECT CASE 1 WHEN 1 THEN 2 END;"
                "INSERT INTO t (a) VALUES (7); END; INSERT INTO t (a) VALUES (1);"
            ),
            [(1, {"a": 1})],
        ),
    ],
)
def test_no_row_of_the_table_is_passed_over_in_silence(
    text: str, told: list[tuple[int, Any]]
) -> None:
    """Comments may stand anywhere; an INSERT that cannot be read is told as a bad record."""
    assert _sql(text) == told


@pytest.mark.parametrize("around", ["-- '{};\n", '/* "{}; */', "UPDATE x SET a = '{};'"])
def test_what_is_passed_over_is_longer_than_one_read(around: str) -> None:
    """Neither a quote within a comment nor a semicolon within a text means anything there."""
    text = around.format("x" * (2 * TRANSFER_READ_BYTES))
    for before in ("", "DELETE FROM x "):
        assert [one for _, one in _sql(f"{before}{text};INSERT INTO t (a) VALUES (1);")] == [
            {"a": 1}
        ]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t (a) VALUES ('x');\nCOPY u FROM stdin;\nit's\n",
        "INSERT INTO t (a) VALUES ('x'); /* INSERT INTO t (a) VALUES (1);",
        "INSERT INTO t (a, a) VALUES (1, 2);",
    ],
)
def test_sql_that_has_no_end_is_refused(text: str) -> None:
    """Rows could be hidden in it. (Nor may a column be named twice.)"""
    with pytest.raises(QuillError, match=r"^Line \d: "):
        _sql(text)


def test_an_insert_must_name_its_columns() -> None:
    """Else it would be guessed which value is whose."""
    with pytest.raises(QuillError, match="columns"):
        _sql("INSERT INTO t VALUES (1);")


@given(st.lists(_TEXTS, min_size=1, max_size=5))
def test_any_text_as_a_literal(texts: list[str]) -> None:
    """Quotes doubled is all that SQL knows of escapes."""
    rows = ", ".join("('" + text.replace("'", "''") + "')" for text in texts)
    assert [one for _, one in _sql(f"INSERT INTO t (a) VALUES {rows};")] == [
        {"a": text} for text in texts
    ]


# --- Sources --------------------------------------------------------------------------------------


def test_sources_that_cannot_be_read(tmp_path: Path) -> None:
    """A sentence each."""
    for name, reason in ((tmp_path / "gone", "No such"), (tmp_path, "folder")):
        with pytest.raises(QuillError, match=reason):
            Source(str(name))
    (tmp_path / "f").write_bytes(b"a\n\xff\n")
    with Source(str(tmp_path / "f")) as source:
        with pytest.raises(QuillError, match="not known"):
            source.text("klingon")
        with pytest.raises(QuillError, match=r"decoded|cannot be read"):
            list(read_csv(source.text("utf-8"), ",").rows)

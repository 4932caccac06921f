"""Migrations through a real writer: applied whole or not at all, and undone.

Names `worker.migrations.prepared`, `worker.migrations.outcome`, `worker.migrations.intact`,
`worker.migrations.program`, `worker.migrations.child`, `worker.migrations.exchange`,
`worker.migrations.depot`, `worker.migrations.refusal` and `worker.migrations.source`.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster_process import command_line
from tests.waiting import until
from tests.worker.migrations.workshop import Workshop
from worker.migrations.refusal import MigrationError
from worker.migrations.review import Standing

_SQL = {
    "a statement fails": (
        "CREATE TABLE a (x);\n\nINSERT INTO nope VALUES (1);",
        r"bad\.sql:3: no such table: nope in: INSERT INTO nope VALUES \(1\)",
    ),
    "a word has no place": ("CREATE TABLE a (x);\nPRAGMA foreign_keys = OFF;", r"\.sql:2: .*PRAGMA"),
    "a constraint breaks": (
        "CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1), (1);",
        r"\.sql:1: UNIQUE constraint failed: a\.x",
    ),
    "references dangle at the end": (
        ("CREATE TABLE a (x INTEGER PRIMARY KEY); CREATE TABLE b (y REFERENCES a);"
        "INSERT INTO b VALUES (7);"),
        r"bad\.sql: FOREIGN KEY constraint failed: ",
    ),
    "a trigger rolls back": (
        ("CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT RAISE(ROLLBACK, 'no'); END;"
        "INSERT INTO a VALUES (1);"),
        r"\.sql:1: no",
    ),
    "a collection's column goes": (
        "ALTER TABLE posts RENAME COLUMN title TO caption;",
        r"The collection posts could no longer be read: no such column: x\.title",
    ),
    "a collection's table goes": ("DROP TABLE authors;", r"The collection authors could no longer"),
    "a collection is made anew": (
        "CREATE TABLE p AS SELECT * FROM posts; DROP TABLE posts; ALTER TABLE p RENAME TO posts;",
        r"The collection posts would lack an index",
    ),
    "an index goes": ("DROP INDEX by_title", r"The collection posts would lack an index"),
    "a temporary table hides behind a comment": (
        "CREATE/**/TEMP TABLE posts (title); CREATE TABLE 'temp'/**/.authors (name);",
        r"bad\.sql: What is temporary has no place",
    ),
    "a text does not end": ("SELECT 1;\nSELECT 'a", r"\.sql:2: ' is opened and never closed"),
}  # fmt: skip


@pytest.mark.parametrize("case", _SQL)
def test_a_script_that_fails_leaves_the_database_as_it_was(workshop: Workshop, case: str) -> None:
    """And says where and why."""
    text, reason = _SQL[case]
    before = workshop.dump()
    path = workshop.write("bad.sql", text)
    try:
        with pytest.raises(MigrationError, match=reason):
            workshop.up()
    finally:
        path.unlink()
    assert workshop.dump() == before


_PROGRAMS = {
    "it raises": ("depot.run('CREATE TABLE a (x)')\nraise KeyError('k')", r"bad\.py:3: KeyError: 'k'"),
    "it never ends": ("while True:\n    pass", r"bad\.py:[23]: It took longer than 1 seconds"),
    "it hides from the clock": (
        "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass",
        r"bad\.py: It took too long, and did not heed",
    ),
    "it exits": ("import sys; sys.exit(3)", r"bad\.py:2: It called for the end of the process"),
    "it ends at once": ("import os; os._exit(3)", r"bad\.py: Its process ended with exit code 3"),
    "it kills itself": ("import os; os.kill(os.getpid(), 9)", r"bad\.py: .* signal 9"),
    "a statement fails later": ("x = 1\ndepot.run('DELETE FROM nope')", r"bad\.py:3: no such table: nope"),
    "a statement has no place": ("depot.run('BEGIN')", r"bad\.py:2: ValueError: BEGIN has no place"),
    "values without a place": ("depot.run('SELECT 1; SELECT 2', (1,))", r"\.py:2: ValueError: Parameters"),
    "values without enough places": ("depot.run('SELECT ?, ?', (1,))", r"\.py:2: ValueError: Each of the 1"),
    "values with names": ("depot.run('SELECT :a', (1,))", r"\.py:2: ValueError: Each of the 1"),
    "a value is too large": ("depot.run('SELECT ?', (2**63,))", r"\.py:2: ValueError: A int like this"),
    "a value is half a character": (r"depot.run('SELECT ?', ('\ud800',))", r"\.py:2: ValueError: A str"),
    "a value is an object": ("depot.run('SELECT ?', (object(),))", r"\.py:2: ValueError: A object"),
    "a query is wrong": ("depot.rows('SELECT * FROM nope')", r"\.py:2: no such table: nope"),
    "a query writes": ("depot.rows('DELETE FROM authors')", r"\.py:2: .*readonly"),
    "a definition is wrong": (
        "depot.collections.put({'name': 'a', 'listRule': 'nope = 1', 'fields': []})",
        r"bad\.py:2: .*listRule",
    ),
    "a collection is unknown": ("depot.collections.delete('nope')", r"\.py:2: There is no collection nope"),
    "a collection is the system's": ("depot.collections.delete('_superusers')", r"\.py:2: System"),
    "a collection is needed": (
        ("own = depot.collections.get('authors')['id']\n"
        "depot.collections.put({'name': 'b', 'fields': [{'name': 'r', 'type': 'relation', 'collectionId': own}]})\n"
        "depot.collections.delete('authors')"),
        r"bad\.py:4: authors is referenced by b",
    ),
    "values do not fit": (
        "depot.collections.put({'name': 'authors', 'fields': [{'name': 'name', 'type': 'number'}]})",
        r"bad\.py:2: .*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _PROGRAMS)
def test_a_program_that_fails_leaves_the_database_as_it_was(workshop: Workshop, case: str) -> None:
    """It is told by its file and line, whatever it did."""
    body, reason = _PROGRAMS[case]
    before = workshop.dump()
    path = workshop.write("bad.py", f"def up(depot):\n{textwrap.indent(body, '    ')}\n")
    try:
        with pytest.raises(MigrationError, match=reason):
            workshop.up()
    finally:
        path.unlink()
    assert workshop.dump() == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def up(depot:", r":1: SyntaxError: "),
        ("x = 1", r": It has no function up\(depot\)"),
        ("\nasync def up(depot): ...", r":2: up\(depot\) must be neither async nor a generator"),
    ],
)
def test_a_program_that_is_none(workshop: Workshop, text: str, reason: str) -> None:
    """Refused by its file."""
    path = workshop.write("bad.py", text)
    try:
        with pytest.raises(MigrationError, match=re.escape(str(path)) + reason):
            workshop.up()
    finally:
        path.unlink()


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_never_ends_is_not_read(workshop: Workshop, make: Callable[[Path], None]) -> None:
    """A pipe would hold up a start for ever, a device would fill the memory."""
    path = workshop.write("bad.sql", "")
    path.unlink()
    make(path)
    try:
        with pytest.raises(MigrationError, match=r"bad\.sql: It is not a plain file"):
            workshop.up()
    finally:
        path.unlink()


def test_what_a_program_leaves_running_is_ended(workshop: Workshop, tmp_path: Path) -> None:
    """It must not outlive the migration, nor hold what it has open."""
    told = tmp_path / "pid"
    body = f"""
import pathlib, subprocess
def up(depot):
    left = subprocess.Popen(["sleep", "600"])
    pathlib.Path({str(told)!r}).write_text(str(left.pid))
"""
    path = workshop.write("leaves.py", body)
    assert workshop.up() == [path.name]
    until(lambda: "sleep" not in command_line(int(told.read_text())))


def test_a_script_is_applied_undone_and_applied_again(workshop: Workshop) -> None:
    """What undoes it stands beside it, and is kept with the history."""
    path = workshop.write("notes.sql", "CREATE TABLE notes (t);\nINSERT INTO notes VALUES ('a;b');")
    down = path.with_suffix(".down.sql")
    down.write_text("DROP TABLE notes;")
    before = workshop.dump()
    assert workshop.up() == [path.name]
    assert workshop.up() == []
    assert workshop.rows("SELECT t FROM notes") == [("a;b",)]
    assert workshop.standings()["notes"].standing is Standing.APPLIED
    assert workshop.down() == path.name
    assert workshop.dump() == before
    assert workshop.up() == [path.name]
    text = path.read_text()
    path.unlink()
    down.unlink()
    assert workshop.standings()["notes"].standing is Standing.MISSING
    assert text
    assert workshop.down() == path.name, "by the text that was kept"
    assert workshop.dump() == before


def test_a_program_reads_writes_and_is_undone(workshop: Workshop) -> None:
    """It sees the state before it; collections and rows come in its order."""
    path = workshop.write(
        "captions.py",
        textwrap.dedent("""
            from quillbase.migration import Depot

            def up(depot: Depot) -> None:
                posts = depot.collections.get("posts")
                fields = [{**f, "name": "caption"} if f["name"] == "title" else f for f in posts["fields"]]
                depot.collections.put({"name": "posts", "fields": fields})
                for author in depot.rows("SELECT id, name FROM authors WHERE name = ?", ("Ada",)):
                    depot.run(
                        "INSERT INTO posts (id, caption, tags) VALUES (?, ?, ?)",
                        ("p" * 15, author["name"], '["a"]'),
                    )
                depot.run("UPDATE posts SET caption = caption || '!'; DELETE FROM authors")
                assert depot.rows("SELECT count(*) AS n FROM authors") == [{"n": 1}]
                print("said to nobody")

            def down(depot: Depot) -> None:
                depot.run("DELETE FROM posts")
                depot.run("INSERT INTO authors (id, name) VALUES (?, ?)", ("a" * 15, "Ada"))
                posts = depot.collections.get("posts")
                fields = [{**f, "name": "title"} if f["name"] == "caption" else f for f in posts["fields"]]
                depot.collections.put({**posts, "fields": fields})
            """),
    )
    collections = "SELECT fields, indexes FROM _collections ORDER BY id"
    before = workshop.rows(collections)
    assert workshop.up() == [path.name]
    assert workshop.rows("SELECT caption FROM posts") == [("Ada!",)]
    assert len(workshop.rows("SELECT * FROM authors")) == 0
    assert workshop.changed() == [], "what a migration has made is no difference"
    assert workshop.down() == path.name
    assert workshop.rows(collections) == before
    assert workshop.changed() == []
    path.unlink()


def test_v_is_ordered_and_u_is_not(workshop: Workshop) -> None:
    """A V below one that is applied is refused, by name; a U is applied all the same."""
    late = workshop.write("late.sql", "SELECT 1", kind="V")
    kept = late.rename(late.with_suffix(".later"))
    applied = workshop.write("ordered.sql", "SELECT 1", kind="V")
    assert workshop.up() == [applied.name]
    kept.rename(late)
    assert workshop.standings()["late"].standing is Standing.LATE
    before = workshop.dump()
    with pytest.raises(MigrationError, match=r"late\.sql: It is not applied, but V\d+ is"):
        workshop.up()
    assert workshop.dump() == before
    free = late.rename(late.with_name(f"U{late.name[1:]}"))
    assert workshop.up() == [free.name]


def test_a_changed_file_is_refused_until_it_is_accepted(workshop: Workshop) -> None:
    """Its checksum is kept; another program's is not looked at."""
    path = workshop.write("changing.sql", "SELECT 1")
    workshop.up()
    path.write_text("SELECT 2")
    assert workshop.standings()["changing"].standing is Standing.CHANGED
    pending = workshop.write("pending.sql", "SELECT 1")
    with pytest.raises(MigrationError, match=r"changing\.sql: It is not what was applied"):
        workshop.up()
    renamed = path.rename(path.with_name(path.name.replace("changing", "renamed")))
    with pytest.raises(MigrationError, match=r"was applied as changing"):
        workshop.up()
    assert workshop.up(accept=True) == [pending.name]
    assert workshop.standings()["renamed"].standing is Standing.APPLIED
    assert renamed.exists()


def test_nothing_internal_is_told_in_the_log(workshop: Workshop) -> None:
    """The history is nobody's record; the tables that a migration touches are told as resets."""
    told = {table for (table,) in workshop.rows("SELECT DISTINCT tbl FROM _change")}
    assert not told & {"_schema_history", "_schema_state"}
    assert "_collections" in told


def test_what_nothing_undoes_stays(workshop: Workshop) -> None:
    """Told with what is missing."""
    workshop.write("forever.sql", "SELECT 1")
    workshop.up()
    with pytest.raises(MigrationError, match=r"forever\.sql: Nothing says how to undo it"):
        workshop.down()

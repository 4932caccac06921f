"""`quillbase migrate`, with and without a server, and what a start and a reload make of migrations.

Tests `quillbase.cli.migrate`, `quillbase.cli.migrate_job`, `quillbase.cli.migrate_view`,
`quillbase.migration`, `worker.prepare.stages`, `worker.migrations.apply`,
`worker.migrations.databases` and `worker.migrations.standing`.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.waiting import until

NOTES = "CREATE TABLE notes (t);\nINSERT INTO notes VALUES ('one');\n"


def migrate(
    depot: Path, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `quillbase migrate …`."""
    return subprocess.run(
        [QUILLBASE, "migrate", *words, "--depot", str(depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )


def file(depot: Path, name: str, text: str, database: str = "main") -> Path:
    """A migration file."""
    path = depot / "migrations" / database / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows(depot: Path, sql: str, database: str = "main") -> list[tuple[Any, ...]]:
    """What a query finds in a database file."""
    path = depot / "data" / f"{database}.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as read:
        return read.execute(sql).fetchall()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster whose first start has settings and migrations of two databases to apply."""
    depot = tmp_path_factory.mktemp("migrate") / "depot"
    file(depot, "U1__notes.sql", NOTES)
    file(depot, "U1__events.sql", "CREATE TABLE events (x); INSERT INTO events VALUES (1);", "more")
    (depot / "config.textproto").write_text('databases { name: "more" }\n')
    with ClusterProcess(depot, workers=1) as running:
        yield running


def reload(server: ClusterProcess, event: str) -> dict[str, Any]:
    """SIGHUP, and the next event of that name."""
    before = sum(each["event"] == event for each in server.events())
    server.process.send_signal(signal.SIGHUP)

    def found() -> list[dict[str, Any]]:
        return [each for each in server.events() if each["event"] == event][before:]

    until(lambda: bool(found()), seconds=30, what=event)
    return found()[0]


def test_a_start_applies_what_is_pending(server: ClusterProcess) -> None:
    """In each database that the settings name, before the first request is answered."""
    assert rows(server.depot, "SELECT t FROM notes") == [("one",)]
    assert rows(server.depot, "SELECT x FROM events", "more") == [(1,)]
    assert rows(server.depot, "SELECT name FROM _schema_history", "more") == [("events",)]


def test_up_and_down_go_through_the_running_server(server: ClusterProcess) -> None:
    """Its writer applies them, its workers know at once."""
    more = file(server.depot, "U2__more.sql", "CREATE TABLE other (y);", "more")
    file(server.depot, "U2__more.down.sql", "DROP TABLE other;", "more")
    done = migrate(server.depot, "up")
    assert (done.returncode, done.stdout) == (0, "U2__more.sql is applied.\n")
    assert migrate(server.depot, "up").stdout == "Nothing to apply.\n"
    status = json.loads(migrate(server.depot, "status", "--json").stdout)
    assert [one["state"] for one in status["more"]] == ["applied", "applied"]
    assert [one["name"] for one in status["main"]][:1] == ["notes"]
    done = migrate(server.depot, "down", "--db", "more")
    assert (done.returncode, done.stdout) == (0, "U2__more.sql is undone.\n")
    assert rows(server.depot, "SELECT name FROM sqlite_schema WHERE name = 'other'", "more") == []
    more.unlink()
    done = migrate(server.depot, "up", "--db", "none")
    assert (done.returncode, done.stderr) == (1, "There is no database none.\n")


def test_a_reload_applies_new_ones_and_a_failing_one_changes_nothing(
    server: ClusterProcess,
) -> None:
    """Workers that serve go on serving, and the reason is logged."""
    file(
        server.depot,
        "U10__reloaded.py",
        "def up(depot):\n"
        "    depot.collections.put({'name': 'reloaded', 'listRule': '', 'fields': []})\n",
    )
    reload(server, "reload done")
    client = server.client(superuser=False)
    assert client.get("/api/collections/reloaded/records").status_code == 200
    before = server.children()
    bad = file(server.depot, "U11__bad.sql", "DELETE FROM notes;\nINSERT INTO nope VALUES (1);")
    told = reload(server, "reload given up; the old workers go on")
    assert f"{bad}:2: no such table: nope" in told["reason"]
    assert server.children() == before
    assert client.get("/api/collections/reloaded/records").status_code == 200
    assert rows(server.depot, "SELECT t FROM notes") == [("one",)]
    bad.unlink()


def _shown(client: httpx.Client) -> list[dict[str, Any]]:
    reply = client.get("/api/collections", params={"perPage": 200, "sort": "name"})
    assert reply.status_code == 200
    return [
        {key: value for key, value in one.items() if key not in ("created", "updated")}
        for one in reply.json()["items"]
    ]


def _change_through_the_api(server: ClusterProcess) -> None:
    """New collections that refer to one another, a view, a changed one, and one that goes."""
    client = server.client()
    authors = server.collection("authors", [{"name": "name", "type": "text"}])
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "text", "required": True},
        {"name": "author", "type": "relation", "collectionId": authors["id"], "maxSelect": 3},
        {"name": "kind", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    ]
    posts = server.collection("posts", fields, indexes=["CREATE INDEX p ON posts (title)"])
    back = {"name": "best", "type": "relation", "collectionId": posts["id"], "maxSelect": 1}
    fields = [*authors["fields"], back]
    reply = client.patch(
        "/api/collections/authors", json={"fields": fields, "listRule": "name != ''"}
    )
    assert reply.status_code == 200, reply.text
    view = {
        "name": "titles",
        "type": "view",
        "listRule": "",
        "viewQuery": "SELECT id, title FROM posts",
    }
    assert client.post("/api/collections", json=view).status_code == 200
    users = {"authToken": {"duration": 1234}, "createRule": None}
    assert client.patch("/api/collections/users", json=users).status_code == 200
    assert client.delete("/api/collections/reloaded").status_code == 204


def test_changes_of_the_api_become_a_file_that_makes_them_elsewhere(
    server: ClusterProcess, tmp_path: Path
) -> None:
    """The round trip: another depot that applies the files has the same collections."""
    _change_through_the_api(server)
    told = migrate(server.depot, "diff").stdout
    for line in ("+ collection posts (base)", "- collection reloaded (base)", "~ collection users"):
        assert line in told.splitlines()
    assert '~   authToken {"duration":432000} → {"duration":1234}' in told
    done = migrate(server.depot, "new", "from the api", "--from-changes")
    assert done.returncode == 0, done.stderr
    assert (
        "as the migrations have made them" in migrate(server.depot, "diff", "--db", "main").stdout
    )
    status = json.loads(migrate(server.depot, "status", "--json", "--db", "main").stdout)
    assert status["main"][-1]["state"] == "applied"
    again = migrate(server.depot, "new", "nothing", "--from-changes")
    assert (again.returncode, again.stderr) == (
        1,
        "The collections are as the migrations have made them.\n",
    )

    other = tmp_path / "other"
    for path in (server.depot / "migrations" / "main").iterdir():
        file(other, path.name, path.read_text())
    with ClusterProcess(other, workers=1) as fresh:
        assert _shown(fresh.client()) == _shown(server.client())
        before = len(rows(other, "SELECT 1 FROM _schema_history"))
        done = migrate(other, "down")
        assert done.returncode == 0, done.stderr
        names = [one["name"] for one in _shown(fresh.client())]
        assert "posts" not in names
        assert "reloaded" in names
        assert len(rows(other, "SELECT 1 FROM _schema_history")) == before - 1


def test_a_start_with_a_failing_migration_is_refused(tmp_path: Path) -> None:
    """With file, line, reason and statement; those before it are applied; mended, it starts."""
    depot = tmp_path / "depot"
    file(depot, "U1__notes.sql", NOTES)
    bad = file(depot, "U2__bad.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1, 2);")
    running = ClusterProcess(depot, workers=1)
    assert running.process.wait(30) == 1
    running.stop()
    reason = (
        f"A migration is not applied. {bad}:2: table a has 1 columns but 2 values were supplied"
    )
    assert any(line.startswith(reason) for line in running.log), running.log
    assert running.banner == []
    assert rows(depot, "SELECT name FROM _schema_history") == [("notes",)]
    assert rows(depot, "SELECT 1 FROM sqlite_schema WHERE name = 'a'") == []
    bad.write_text("CREATE TABLE a (x);\nINSERT INTO a VALUES (1);")
    done = migrate(depot, "up")
    assert (done.returncode, done.stdout) == (0, "U2__bad.sql is applied.\n")


def test_a_writer_killed_in_the_middle_leaves_the_old_state(tmp_path: Path) -> None:
    """Without a server: the command says so, and can be repeated."""
    depot = tmp_path / "depot"
    file(depot, "U1__notes.sql", NOTES)
    wish = tmp_path / "kill"
    wish.touch()
    done = migrate(depot, "up", env={"QUILL_FAILPOINT": f"writer.before_commit=kill:{wish}"})
    assert done.returncode == 1
    assert done.stderr.startswith("The writer has ended.")
    assert (
        rows(depot, "SELECT 1 FROM sqlite_schema WHERE name IN ('notes', '_schema_history')") == []
    )
    assert json.loads(migrate(depot, "status", "--json").stdout)["main"][0]["state"] == "pending"
    assert migrate(depot, "up").stdout == "U1__notes.sql is applied.\n"
    assert rows(depot, "SELECT t FROM notes") == [("one",)]


def test_a_servers_writer_killed_in_the_middle_is_none_of_the_commands_troubles(
    tmp_path: Path,
) -> None:
    """The next writer is sent the same plan under the same id: it is applied once."""
    depot = tmp_path / "depot"
    moments = {name: tmp_path / name for name in ("before_commit", "after_commit")}
    points = ",".join(f"writer.{name}=kill:{wish}" for name, wish in moments.items())
    with ClusterProcess(depot, workers=1, env={"QUILL_FAILPOINT": points}):
        for version, wish in enumerate(moments.values()):
            name = file(depot, f"U{version}__x.sql", f"CREATE TABLE t{version} (x);").name
            wish.touch()
            done = migrate(depot, "up")
            assert (done.returncode, done.stdout) == (0, f"{name} is applied.\n")
            assert not wish.exists(), "the writer was killed"
            assert rows(depot, f"SELECT * FROM t{version}") == []


def test_a_program_without_end_is_ended(tmp_path: Path) -> None:
    """After the seconds that an option gives it."""
    depot = tmp_path / "depot"
    path = file(depot, "U1__endless.py", "def up(depot):\n    while True:\n        x = 1\n")
    done = migrate(depot, "up", "--program-seconds", "0.3")
    assert done.returncode == 1
    assert f"{path}:" in done.stderr
    assert "It took longer than 0.3 seconds." in done.stderr


def test_new_writes_files_that_can_be_applied(tmp_path: Path) -> None:
    """Of both kinds; a depot that is not there is not made."""
    assert "There is no depot" in migrate(tmp_path / "none", "up").stderr
    assert "There is no depot" in migrate(tmp_path / "none", "status").stderr
    depot = tmp_path / "depot"
    for words in (["first thing"], ["second", "--python"], ["third", "--ordered"]):
        done = migrate(depot, "new", *words)
        assert done.returncode == 0, done.stderr
    (depot / "migrations" / "main" / "stray.sql").touch()
    names = sorted(path.name[0] + path.suffix for path in (depot / "migrations" / "main").iterdir())
    assert names == ["U.py", "U.sql", "V.sql", "s.sql"]
    told = migrate(depot, "status").stdout
    assert "pending" in told
    assert "stray.sql: No migration's name." in told
    assert migrate(depot, "up").stdout.count("is applied.") == 3

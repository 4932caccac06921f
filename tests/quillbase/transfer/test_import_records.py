"""Importing through the writer of a running server: all or nothing, with the lines at fault.

Tests `quillbase.cli.import_`, `quillbase.cli.import_job`, `worker.transfer.session`,
`worker.transfer.stage`, `worker.transfer.judge`, `worker.transfer.target`, `worker.transfer.plan`,
`worker.engine.staging`, `worker.engine.offline`, `shared.sql.staged` and `shared.sqlite.private`.
"""

from __future__ import annotations

import json
import subprocess
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.depot.layout import DepotLayout
from shared.errors import QuillError
from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.quillbase.transfer.commands import changes, csv_file, run
from worker.transfer.folder import Story, open_folder
from worker.transfer.problems import Problems
from worker.transfer.session import Asked, open_import, stage_import
from worker.transfer.source import Source

RESET = 4


@pytest.fixture(scope="module")
def authors(cluster: ClusterProcess) -> dict[str, Any]:
    """A collection that others refer to, with one record."""
    made = cluster.collection("authors", [{"name": "name", "type": "text", "required": True}])
    with cluster.client() as client:
        client.post("/api/collections/authors/records", json={"id": "a" * 15, "name": "Ann"})
    return made


@pytest.fixture
def posts(cluster: ClusterProcess, authors: dict[str, Any], request: pytest.FixtureRequest) -> str:
    """The name of a new collection with a field of each interesting kind."""
    name = f"p_{zlib.crc32(request.node.name.encode())}"
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "text", "required": True, "max": 50},
        {"name": "slug", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "tags", "type": "select", "maxSelect": 2, "values": ["x", "y"]},
        {"name": "author", "type": "relation", "collectionId": authors["id"]},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]
    index = f"CREATE UNIQUE INDEX `u_{name}` ON `{name}` (lower(`slug`)) WHERE `slug` != ''"
    made = cluster.collection(name, fields, indexes=[index])
    parent = {"name": "parent", "type": "relation", "collectionId": made["id"], "maxSelect": 9}
    with cluster.client() as client:
        path = f"/api/collections/{name}"
        reply = client.patch(path, json={"fields": [*made["fields"], parent]})
        assert reply.status_code == 200, reply.text
    return name


def _records(client: httpx.Client, name: str, **query: str) -> list[dict[str, Any]]:
    reply = client.get(f"/api/collections/{name}/records", params={"perPage": "500", **query})
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


def test_records_come_as_if_created(
    cluster: ClusterProcess, superuser: httpx.Client, posts: str, tmp_path: Path
) -> None:
    """Of all kinds; lists can be filtered by, and subscribers are told of one reset."""
    before = changes(cluster.depot)
    file = csv_file(
        tmp_path / "f.csv",
        ["ID", "title", "slug", "n", "tags", "author", "parent", "updated"],
        [
            ["one", "One\nline", "s1", "1.5", '["x","y"]', "a" * 15, '["b22222222222222"]', ""],
            ["b22222222222222", "Two", "", "", "", "", "", "2001-01-01"],
        ],
    )
    done = run(cluster.depot, "import", "csv", posts, file)
    assert done.code == 1
    assert "line 2, id" in done.err
    text = Path(file).read_text().replace("one,", "b11111111111111,")
    Path(file).write_text(text)
    done = run(cluster.depot, "import", "csv", posts, file)
    assert (done.code, done.out) == (0, f"2 records imported into {posts}.\n"), done.err
    assert "tags    -> tags" in done.err
    one, two = _records(superuser, posts)
    assert (one["title"], one["n"], one["tags"]) == ("One\nline", 1.5, ["x", "y"])
    assert (one["author"], one["parent"]) == ("a" * 15, ["b22222222222222"])
    assert two["updated"] == "2001-01-01 00:00:00.000Z"
    assert one["updated"] > "2020"
    assert [r["id"] for r in _records(superuser, posts, filter="tags:each ?= 'y'")] == [one["id"]]
    assert [r["id"] for r in _records(superuser, posts, filter="parent.title ?= 'Two'")] == [
        one["id"]
    ]
    assert [act for _, act, _ in changes(cluster.depot)[len(before) :]] == [RESET]


def test_all_that_is_wrong_is_told_and_nothing_is_imported(
    cluster: ClusterProcess, superuser: httpx.Client, posts: str, tmp_path: Path
) -> None:
    """Faults of values, keys twice in the file or in the table, and records that do not exist."""
    first = csv_file(tmp_path / "a.csv", ["id", "title", "slug"], [["c" * 15, "x", "Taken"]])
    assert run(cluster.depot, "import", "csv", posts, first).code == 0
    rows = [
        ["", "t" * 51, "", "", ""],  # 2
        ["d" * 15, 'multi\n"line"', "same", "", ""],  # 3 and 4
        ["d" * 15, "x", "", "", ""],  # 5: the id of line 3
        ["", "x", "SAME", "", ""],  # 6: the slug of line 3
        ["", "x", "taken", "", ""],  # 7: the slug of a record
        ["c" * 15, "x", "", "", ""],  # 8: the id of a record
        ["", "x", "", "nobody", ""],  # 9
        ["", "x", "", "", '["' + "d" * 15 + '","gone"]'],  # 10
        ["", "good", "", "a" * 15, ""],
    ]
    file = csv_file(tmp_path / "b.csv", ["id", "title", "slug", "author", "parent"], rows)
    errors = tmp_path / "errors.csv"
    words = ("import", "csv", posts, file, "--errors", str(errors))
    found: dict[int, set[tuple[str, str]]] = {}
    done = run(cluster.depot, *words, "--skip-bad", "8")
    assert done.code == 0, done.err  # seven are bad: 2, 5, 6, 7, 8, 9, 10
    for line in errors.read_text().splitlines()[1:]:
        number, field, code, _ = line.split(",", 3)
        found.setdefault(int(number), set()).add((field, code))
    assert found == {
        2: {("title", "validation_max_text_constraint")},
        5: {("id", "validation_not_unique")},
        6: {("slug", "validation_not_unique")},
        7: {("slug", "validation_not_unique")},
        8: {("id", "validation_not_unique")},
        9: {("author", "validation_missing_rel_records")},
        10: {("parent", "validation_missing_rel_records")},
    }
    assert "It is also on line 3." in errors.read_text()
    assert [one["title"] for one in _records(superuser, posts)] == ["x", 'multi\n"line"', "good"]
    done = run(cluster.depot, *words, "--mode", "upsert", "--skip-bad", "1")
    assert (done.code, done.out) == (1, "")
    assert "nothing was imported" in done.err
    assert len(_records(superuser, posts)) == 3


def test_what_depends_on_a_bad_record_is_bad(
    cluster: ClusterProcess, superuser: httpx.Client, posts: str, tmp_path: Path
) -> None:
    """A record left out takes along those that refer to it."""
    rows = [["e" * 15, "", ""], ["f" * 15, "x", "e" * 15], ["g" * 15, "x", "f" * 15], ["", "y", ""]]
    file = csv_file(tmp_path / "f.csv", ["id", "title", "parent"], rows)
    done = run(cluster.depot, "import", "csv", posts, file, "--skip-bad", "3")
    assert (done.code, done.out) == (0, f"1 record imported into {posts}.\n"), done.err
    assert [one["title"] for one in _records(superuser, posts)] == ["y"]


def test_upsert(
    cluster: ClusterProcess, superuser: httpx.Client, posts: str, tmp_path: Path
) -> None:
    """Records of the same id change in what their line names; others are new, and must be whole."""
    file = csv_file(
        tmp_path / "a.csv",
        ["id", "title", "n", "slug", "updated"],
        [["h" * 15, "old", 1, "s", "2001-01-01"], ["i" * 15, "old", 2, "t", "2001-01-01"]],
    )
    assert run(cluster.depot, "import", "csv", posts, file).code == 0
    lines = [
        {"id": "h" * 15, "n": 5},
        {"id": "i" * 15, "title": "new", "tags": ["x"]},
        {"id": "j" * 15, "n": 7},
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = ("import", "jsonl", posts, str(tmp_path / "b.jsonl"), "--mode", "upsert")
    done = run(cluster.depot, *words)
    assert done.code == 1
    assert "line 3, title" in done.err
    done = run(cluster.depot, *words, "--skip-bad", "1")
    assert done.code == 0, done.err
    one, two = _records(superuser, posts)
    assert (one["title"], one["n"], one["slug"]) == ("old", 5, "s")
    assert (two["title"], two["n"], two["slug"], two["tags"]) == ("new", 2, "t", ["x"])
    assert one["updated"] > "2020"
    assert [r["id"] for r in _records(superuser, posts, filter="tags:each ?= 'x'")] == ["i" * 15]


def test_replace(cluster: ClusterProcess, superuser: httpx.Client, tmp_path: Path) -> None:
    """The records are those of the file; not so where others refer to one that would go."""
    made = cluster.collection("places", [{"name": "n", "type": "number"}])
    cluster.collection(
        "visits", [{"name": "at", "type": "relation", "collectionId": made["id"], "maxSelect": 5}]
    )
    for ids in (["k" * 15, "l" * 15], ["l" * 15, "m" * 15]):
        file = csv_file(tmp_path / "a.csv", ["id", "n"], [[one, 1] for one in ids])
        done = run(cluster.depot, "import", "csv", "places", file, "--mode", "replace")
        assert done.code == 0, done.err
        assert [one["id"] for one in _records(superuser, "places")] == ids
    superuser.post("/api/collections/visits/records", json={"at": ["l" * 15]})
    file = csv_file(tmp_path / "a.csv", ["id", "n"], [["m" * 15, 2]])
    done = run(cluster.depot, "import", "csv", "places", file, "--mode", "replace")
    assert done.code == 1
    assert "visits.at" in done.err
    assert len(_records(superuser, "places")) == 2


def test_chunks_and_a_new_collection(
    cluster: ClusterProcess, superuser: httpx.Client, tmp_path: Path
) -> None:
    """Rows of a file that make their collection, committed some at a time; and all at once."""
    rows = [[f"title {n}", n, "yes"] for n in range(105)]
    file = csv_file(tmp_path / "f.csv", ["The Title", "n", "ok"], rows)
    for name, more in (("chunks", ("--chunk", "20")), ("whole", ())):
        done = run(cluster.depot, "import", "csv", name, file, "--create", *more)
        assert (done.code, done.out) == (0, f"105 records imported into {name}.\n"), done.err
        found = _records(superuser, name)
        assert [one["The_Title"] for one in found] == [f"title {n}" for n in range(105)]
        assert found[3]["ok"] is True
        assert superuser.get(f"/api/collections/{name}").json()["listRule"] is None
        done = run(cluster.depot, "import", "csv", name, file, "--create")
        assert done.code == 1
        assert "already" in done.err


def test_a_dry_run_changes_nothing(cluster: ClusterProcess, posts: str, tmp_path: Path) -> None:
    """It judges all the same, and leaves no folder behind."""
    before = changes(cluster.depot)
    file = csv_file(tmp_path / "f.csv", ["title"], [["x"], [""]])
    done = run(cluster.depot, "import", "csv", posts, file, "--dry-run")
    assert done.code == 1
    assert "line 3, title" in done.err
    file = csv_file(tmp_path / "f.csv", ["title"], [["x"]])
    done = run(cluster.depot, "import", "csv", posts, file, "--dry-run")
    assert (done.code, done.out) == (0, f"1 record could be imported into {posts}.\n")
    assert changes(cluster.depot) == before
    assert not (cluster.depot / ".staging").exists()


def test_accounts(cluster: ClusterProcess, tmp_path: Path) -> None:
    """Whose passwords are hashed can log in; an id of another auth collection is refused."""
    file = csv_file(
        tmp_path / "f.csv",
        ["id", "email", "password", "verified"],
        [["n" * 15, "a@example.com", "12345678", "true"], ["", "b@example.com", "87654321", "no"]],
    )
    assert run(cluster.depot, "import", "csv", "users", file).code == 0
    with cluster.client(superuser=False) as guest:
        for identity, password in (("a@example.com", "12345678"), ("b@example.com", "87654321")):
            reply = guest.post(
                "/api/collections/users/auth-with-password",
                json={"identity": identity, "password": password},
            )
            assert reply.status_code == 200, reply.text
    done = run(cluster.depot, "import", "csv", "_superusers", file, "--map", "verified=")
    assert done.code == 1
    assert "line 2, id" in done.err


def test_standard_input(cluster: ClusterProcess, superuser: httpx.Client, posts: str) -> None:
    """A pipe is read as it comes; SQL, here."""
    text = f"INSERT INTO old (title, n) VALUES ('it''s', 3);\nINSERT INTO {posts} (n) VALUES (1);"
    done = subprocess.run(
        [QUILLBASE, "import", "sql", posts, "-", "--table=old", f"--depot={cluster.depot}"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"rows of {posts} passed over" in done.stderr
    assert [one["title"] for one in _records(superuser, posts)] == ["it's"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("csv", "nowhere", "{file}"), "no collection nowhere"),
        (("csv", "authors", "{file}.gone"), "cannot be read"),
        (("csv", "authors", "{file}", "--map", "what=name"), "name"),
        (("csv", "authors", "{file}"), "no field 'what'"),
        (("json", "authors", "{file}"), "array"),
        (("csv", "authors", "{file}", "--map", "what=", "--mode", "upsert"), "id"),
        (("csv", "no name", "{file}", "--create"), "name"),
        (("csv", "_superusers", "{file}", "--mode", "replace"), "superusers"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(
    cluster: ClusterProcess,
    authors: dict[str, Any],
    tmp_path: Path,
    words: tuple[str, ...],
    reason: str,
) -> None:
    """Before anything is read in earnest."""
    assert authors
    file = csv_file(tmp_path / "f.csv", ["what", "name"], [["x", "y"]])
    done = run(cluster.depot, "import", *(word.format(file=file) for word in words))
    assert (done.code, done.out) == (1, "")
    assert reason in done.err.splitlines()[-1]


def test_a_missing_depot_is_not_made(tmp_path: Path) -> None:
    """Neither by an import nor by an export."""
    file = csv_file(tmp_path / "f.csv", ["a"], [["x"]])
    for words in (("import", "csv", "posts", file, "--create"), ("export", "csv", "posts")):
        done = run(tmp_path / "nowhere", *words)
        assert done.code == 1
        assert "no depot" in done.err
    assert not (tmp_path / "nowhere").exists()


def test_a_collection_that_goes_while_rows_are_staged(
    cluster: ClusterProcess, superuser: httpx.Client, tmp_path: Path
) -> None:
    """They were judged by what is no longer so."""
    cluster.collection("goes", [{"name": "n", "type": "number"}])
    layout = DepotLayout(cluster.depot)
    story, problems = Story("f.csv", "goes"), Problems(None)
    with (
        Source(csv_file(tmp_path / "f.csv", ["n"], [[1]])) as source,
        open_folder(layout, story) as folder,
    ):
        opened = open_import(layout, Asked("csv", "goes"), source)
        assert superuser.delete("/api/collections/goes").status_code == 204
        with pytest.raises(QuillError, match="changed meanwhile"):
            stage_import(
                layout,
                opened,
                folder,
                problems,
                read=lambda _: None,
                judged=lambda _: None,
            )


@pytest.mark.parametrize(
    ("form", "text", "told"),
    [
        ("jsonl", "[1]", "Line 1: Must be a JSON object."),
        ("sql", "\nINSERT INTO users SELECT 1;", "Line 2: The INSERT"),
        ("sql", "CREATE TABLE x (y);", "1 CREATE passed over."),
    ],
)
def test_why_a_file_has_no_records(
    cluster: ClusterProcess, tmp_path: Path, form: str, text: str, told: str
) -> None:
    """Rather than that there are none."""
    (tmp_path / "f").write_text(text)
    done = run(cluster.depot, "import", form, "users", str(tmp_path / "f"))
    assert done.code == 1
    assert told in done.err

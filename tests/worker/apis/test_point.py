"""One record by its id, asked for as who the caller was and as who he is, in both dialects."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.worker.apis.writing import PASSWORD, RECORDS, add_user, logged_in, user_command

_TABLE = """
CREATE TABLE note (
  id INTEGER PRIMARY KEY, owner BLOB REFERENCES _user(id), text TEXT NOT NULL
) STRICT;
"""
_CONFIG = """
record_apis { name: "own" table_name: "note" acl_authenticated: [CREATE, READ]
  autofill_missing_user_id_columns: true read_access_rule: "_ROW_.owner = _USER_.id" }
record_apis { name: "all" table_name: "note" acl_authenticated: [READ] }
record_apis { name: "json" table_name: "note" acl_authenticated: [READ]
  read_access_rule: "json(_ROW_.text) IS NOT NULL" }
"""
_ALL, _OWN, _JSON = (f"{RECORDS}/{name}" for name in ("all", "own", "json"))
_MIRRORED = "/api/collections/{}/records"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One worker, so that who is remembered is remembered by the one that is asked."""
    depot = tmp_path_factory.mktemp("point") / "depot"
    folder = depot / "migrations" / "main"
    folder.mkdir(parents=True)
    (folder / "U1__note.sql").write_text(_TABLE)
    (depot / "config.textproto").write_text(_CONFIG)
    with ClusterProcess(depot, workers=1) as running:
        yield running


@pytest.fixture
def note(cluster: ClusterProcess, request: pytest.FixtureRequest) -> tuple[httpx.Client, str]:
    """A user of this test's own, and a record of his."""
    address = f"{request.node.name}@example.com"
    add_user(cluster, address)
    user = logged_in(cluster, address)
    reply = user.post(_OWN, json={"text": "no JSON"})
    assert reply.status_code == 200, reply.text
    return user, reply.json()["ids"][0]


def _statuses(user: httpx.Client, record: str) -> list[int]:
    """Of the record under a rule, without one, and both in the other dialect; each asked twice."""
    places = (_OWN, _ALL, _MIRRORED.format("own"), _MIRRORED.format("all"))
    return [user.get(f"{place}/{record}").status_code for place in places for _ in range(2)]


def test_an_owner_sees_what_others_do_not(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """The rule is a part of the statement; in the other dialect what it hides is not there."""
    owner, record = note
    add_user(cluster, "other@example.com")
    other = logged_in(cluster, "other@example.com")
    assert _statuses(owner, record) == [200] * 8
    assert _statuses(other, record) == [403, 403, 200, 200, 404, 404, 200, 200]
    assert other.get(f"{_OWN}/{record}").text == ""


def test_what_is_not_there(note: tuple[httpx.Client, str]) -> None:
    """Forbidden where a rule decides, else missing; an id that can be none is a fault of the request."""
    user, _ = note
    assert _statuses(user, "999999") == [403, 403, 404, 404, 404, 404, 404, 404]
    assert _statuses(user, "none") == [400, 400, 400, 400, 404, 404, 404, 404]


def test_a_rule_that_fails_at_the_row_denies(note: tuple[httpx.Client, str]) -> None:
    """However the record is asked for."""
    user, record = note
    assert [user.get(f"{_JSON}/{record}").status_code for _ in range(2)] == [403, 403]


def test_one_whose_password_changed_reads_on(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """He is no longer who he was, but a token lives until it expires."""
    user, record = note
    assert _statuses(user, record) == [200] * 8
    address = "test_one_whose_password_changed_reads_on@example.com"
    user_command(cluster, "change-password", address, "another password")
    assert _statuses(user, record) == [200] * 8


def test_one_who_is_gone_reads_nothing(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """At once, though his token is good by itself and the worker remembers him."""
    user, record = note
    assert _statuses(user, record) == [200] * 8
    with cluster.client() as superuser:
        for text in (
            "UPDATE note SET owner = NULL",
            "DELETE FROM _user WHERE email LIKE 'test_one_who_is_gone%'",
        ):
            reply = superuser.post("/api/sql", json={"query": text})
            assert reply.status_code == 200, reply.text
    assert set(_statuses(user, record)) == {403}
    assert set(_statuses(user, "none")) == {403}
    assert user.get(f"{_ALL}/{record}?expand=owner").status_code == 403


def test_a_table_by_which_nobody_logs_in_knows_nobody(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """Nor does the worker that remembers whom it knew; a table of the old shape knows him again."""
    user, record = note
    assert _statuses(user, record) == [200] * 8
    folder = cluster.depot / "migrations" / "main"
    for number, names, expected in ((2, "email TO mail", 403), (3, "mail TO email", 200)):
        text = f"ALTER TABLE _user RENAME COLUMN {names};"
        (folder / f"U{number}__rename.sql").write_text(text)
        command = [QUILLBASE, "migrate", "up", "--depot", str(cluster.depot)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(_statuses(user, record)) == {expected}


def test_a_superuser_of_the_other_dialect_is_one_more_caller(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """His token is of a collection: he is logged in here, and owns nothing."""
    _, record = note
    with cluster.client() as superuser:
        assert _statuses(superuser, record) == [403, 403, 200, 200, 404, 404, 200, 200]


def test_one_whose_token_is_void_reads_nothing(
    cluster: ClusterProcess, note: tuple[httpx.Client, str]
) -> None:
    """A record of a collection has another token key after a change of its password."""
    _, record = note
    body = {"email": "void@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    with cluster.client() as superuser, cluster.client(superuser=False) as void:
        made = superuser.post(_MIRRORED.format("_superusers"), json=body).json()
        login = {"identity": body["email"], "password": PASSWORD}
        asked = void.post("/api/collections/_superusers/auth-with-password", json=login)
        void.headers["Authorization"] = asked.json()["token"]
        assert _statuses(void, record) == [403, 403, 200, 200, 404, 404, 200, 200]
        address = f"{_MIRRORED.format('_superusers')}/{made['id']}"
        new = {"password": "another password", "passwordConfirm": "another password"}
        assert superuser.patch(address, json=new).status_code == 200
        assert set(_statuses(void, record)) == {403}

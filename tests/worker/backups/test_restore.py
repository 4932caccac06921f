"""Backups of a running cluster, made under load and restored into it and elsewhere.

Covers `worker.backups.create`, `worker.backups.restore`, `worker.backups.task`,
`worker.backups.verify`, `cluster.replacement`, `shared.depot.backups`, `quillbase.cli.backup` and
`quillbase.cli.backup_job`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.depot import Depot
from cluster.refusal import Refusal
from shared.depot.backups import list_backups
from shared.depot.layout import DepotLayout
from shared.depot.replace import replace_data
from tests.cluster_process import EMAIL, PASSWORD, QUILLBASE, ClusterProcess
from tests.waiting import until
from worker.backups.create import BackupError, create, require_space
from worker.backups.restore import restore
from worker.backups.task import Task
from worker.backups.verify import verify

CREATORS = 64
RULES = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClusterProcess, set[str]]]:
    """A cluster with `under.zip`, made under 64 creators; ids acknowledged before it began."""
    with ClusterProcess(tmp_path_factory.mktemp("backups") / "depot") as running:
        running.collection("notes", [{"name": "text", "type": "text"}])
        upload = running.depot / "uploads" / "notes" / "a.txt"
        upload.parent.mkdir(parents=True)
        upload.write_text("an upload")
        staged = running.depot / ".staging" / "0123" / "rows.db"  # of an import under way
        staged.parent.mkdir(parents=True)
        staged.write_text("staged")
        before = asyncio.run(_create_under_load(running))
        yield running, before


async def _create_under_load(cluster: ClusterProcess) -> set[str]:
    acknowledged: list[str] = []
    stop = asyncio.Event()
    limits = httpx.Limits(max_connections=CREATORS)
    async with httpx.AsyncClient(base_url=cluster.url, timeout=30, limits=limits) as client:

        async def creator(number: int) -> None:
            while not stop.is_set():
                body = {"text": f"{number} " + "x" * 2000}
                reply = await client.post("/api/collections/notes/records", json=body)
                assert reply.status_code == 200, reply.text
                acknowledged.append(reply.json()["id"])

        creators = [asyncio.create_task(creator(n)) for n in range(CREATORS)]
        while len(acknowledged) < 300:  # noqa: ASYNC110 - creators count
            await asyncio.sleep(0.01)
        before = set(acknowledged)
        made = await asyncio.create_subprocess_exec(
            QUILLBASE, "backup", "create", "--name=under", f"--depot={cluster.depot}"
        )
        assert await made.wait() == 0
        assert len(acknowledged) > len(before), "nothing was created meanwhile"
        stop.set()
        await asyncio.gather(*creators)
    return before


def backup(depot: Path, *words: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run `quillbase backup`; its exit code, and all that it printed."""
    done = subprocess.run(
        [QUILLBASE, "backup", *words, "--depot", str(depot)],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def answers(client: httpx.Client) -> list[Any]:
    """What some queries say now."""
    queries = (
        "/api/collections/notes/records?perPage=1000&sort=id&fields=*",
        "/api/collections/notes/records?filter=text~'7 '&sort=-text&perPage=5",
        "/api/collections?fields=*",
        "/api/collections/_superusers/records?fields=id,email",
    )
    return [client.get(path).json() for path in queries]


def ids_in(client: httpx.Client) -> set[str]:
    """Of all notes."""
    found: set[str] = set()
    page = 1
    while True:
        reply = client.get(
            f"/api/collections/notes/records?perPage=1000&page={page}&fields=id&sort=id"
        )
        items = reply.json()["items"]
        if not items:
            return found
        found.update(item["id"] for item in items)
        page += 1


@contextlib.contextmanager
def login(url: str) -> Iterator[httpx.Client]:
    """A client with a superuser's new token; waits for a server that restarts."""
    path = "/api/collections/_superusers/auth-with-password"
    with httpx.Client(base_url=url, timeout=30) as client:

        def token() -> str:
            try:
                reply = client.post(path, json={"identity": EMAIL, "password": PASSWORD})
            except httpx.HTTPError:
                return ""
            return str(reply.json()["token"]) if reply.status_code == 200 else ""

        client.headers["Authorization"] = until(token, seconds=30, what="a login")
        yield client


def test_a_backup_under_load_holds_what_was_acknowledged(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """It verifies, and in another depot each record that was acknowledged before is there."""
    cluster, before = loaded
    code, said = backup(cluster.depot, "verify", "under.zip")
    assert (code, "under.zip is good." in said) == (0, True), said
    other = tmp_path / "other"
    zipped = DepotLayout(cluster.depot).backups / "under.zip"
    code, said = backup(other, "restore", str(zipped))
    assert (code, "The restore of under.zip was completed." in said) == (0, True), said
    assert (other / "uploads/notes/a.txt").read_text() == "an upload"
    with ClusterProcess(other, workers=1) as restored, login(restored.url) as client:
        found = ids_in(client)
        assert before <= found
        with login(cluster.url) as original:
            assert found < ids_in(original)
            feeds = [_feed(each) for each in (client, original)]
        assert feeds[0] != feeds[1]


def _feed(client: httpx.Client) -> str:
    return client.get("/api/health").headers["quill-position"].split(":")[1]


def test_a_running_server_takes_a_restore_over(loaded: tuple[ClusterProcess, set[str]]) -> None:
    """The same queries have the same answers as when the backup was made, on the same port.

    Tokens of before are good again; one of a superuser who came later is not.
    """
    cluster, _ = loaded
    with login(cluster.url) as client:
        token = client.headers["Authorization"]
        assert backup(cluster.depot, "create", "--name", "quiet")[0] == 0
        said_then = answers(client)
        feed = _feed(client)
        client.post("/api/collections/notes/records", json={"text": "too late"})
        later = {"email": "late@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
        assert client.post("/api/collections/_superusers/records", json=later).status_code == 200
        path = "/api/collections/_superusers/auth-with-password"
        late = client.post(path, json={"identity": later["email"], "password": PASSWORD}).json()
        assert answers(client) != said_then
        (cluster.depot / "uploads/notes/a.txt").unlink()
        pids = cluster.children()
        code, said = backup(cluster.depot, "restore", "quiet.zip")
        assert code == 0, said
        assert "The restore of quiet.zip was completed." in said
    with login(cluster.url) as client:
        assert set(cluster.children().values()).isdisjoint(pids.values())
        client.headers["Authorization"] = token
        assert answers(client) == said_then
        assert _feed(client) != feed
        client.headers["Authorization"] = late["token"]
        assert client.get("/api/collections").status_code == 401
    assert (cluster.depot / "uploads/notes/a.txt").read_text() == "an upload"
    assert cluster.process.poll() is None
    until(cluster.ready, seconds=30, what="all workers")


def test_a_killed_restore_leaves_the_old_or_the_new(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL while it is staged, and between two moves; whoever takes the depot next tells."""
    cluster, _ = loaded
    source = str(DepotLayout(cluster.depot).backups / "under.zip")
    depot = tmp_path / "depot"
    assert backup(depot, "restore", source)[0] == 0
    old = _content(depot)
    died = (1, -signal.SIGKILL)  # of the process of backups, or of the command
    for failpoint, told in (
        ("backup.staging", "An unfinished restore of under.zip was discarded"),
        ("depot.replacing", "The restore of under.zip was completed."),
    ):
        victim = {"QUILL_FAILPOINT": f"{failpoint}=kill"}
        assert backup(depot, "restore", source, env=victim)[0] in died
        Depot.take(depot).close()
        assert told in capsys.readouterr().err
        assert (_content(depot) == old) is (failpoint == "backup.staging")
        assert not (depot / ".incoming").exists()
        assert not (depot / "replacement.json").exists()


def test_a_server_killed_while_it_takes_over(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """SIGKILL of the supervisor once it is decided: the command tells, the next start completes it."""
    cluster, before = loaded
    source, depot = DepotLayout(cluster.depot).backups / "under.zip", tmp_path / "depot"
    with ClusterProcess(depot, workers=1, env={"QUILL_FAILPOINT": "depot.decided=kill"}) as victim:
        asked = subprocess.Popen(
            [QUILLBASE, "backup", "restore", str(source), "--depot", str(depot)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert victim.process.wait(30) == -signal.SIGKILL
        said = asked.communicate(timeout=30)[1]
        assert asked.returncode == 1
        assert "its next start says what came of the restore" in said
    with ClusterProcess(depot, workers=1) as again, login(again.url) as client:
        assert "The restore of under.zip was completed." in "".join(again.log)
        assert before <= ids_in(client)


def _content(depot: Path) -> bytes:
    """Of the database, which has another feed id after each restore."""
    return (depot / "data" / "main.db").read_bytes()


def test_a_newer_depot_or_backup_is_refused(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """By the server and by each command that writes, in a sentence that names both versions."""
    cluster, _ = loaded
    depot = tmp_path / "depot"
    (depot / "data").mkdir(parents=True)
    (depot / "metadata.textproto").write_text('quillbase_version: "7.0.1"\nquillbase_format: 9\n')
    source = DepotLayout(cluster.depot).backups / "under.zip"
    for words in (
        ["run", "--port=0", "--ops-port=0"],
        ["superuser", "upsert", EMAIL, PASSWORD],
        ["backup", "restore", str(source)],
    ):
        done = subprocess.run(
            [QUILLBASE, *words, "--depot", str(depot)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "was written by Quillbase 7.0.1 (format 9); this is 0.1.0" in done.stderr
    assert not (depot / "data" / "main.db").exists()


def test_a_bad_backup_changes_nothing(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """Verify names what is wrong, restore refuses; a restore that fails leaves nothing staged."""
    cluster, _ = loaded
    source = DepotLayout(cluster.depot).backups / "under.zip"
    bad = tmp_path / "bad.zip"
    whole = bytearray(source.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    bad.write_bytes(whole)
    depot = tmp_path / "depot"
    for verb in ("verify", "restore"):
        code, said = backup(depot, verb, str(bad))
        assert code == 1
        assert "main.db cannot be read" in said or "is not what" in said, said
    assert not (depot / ".incoming").exists()
    assert not (depot / "data" / "main.db").exists()
    assert backup(depot, "restore", "missing.zip")[0] == 1
    bad.write_text("no zip")
    assert "is not a zip file" in backup(depot, "verify", str(bad))[1]


def test_listing_and_deleting(loaded: tuple[ClusterProcess, set[str]]) -> None:
    """What is deleted is gone; a name that is taken, or no name, is refused."""
    cluster, _ = loaded
    layout = DepotLayout(cluster.depot)
    shutil.copy(layout.backups / "under.zip", layout.backups / "short_lived.zip")
    for words in (["create", "--name=short_lived"], ["create", "--name=../out"]):
        assert backup(cluster.depot, *words)[0] == 1
    assert backup(cluster.depot, "delete", "short_lived.zip")[0] == 0
    code, said = backup(cluster.depot, "list")
    assert (code, "under.zip" in said, "short_lived" in said) == (0, True, False)
    assert backup(cluster.depot, "delete", "short_lived.zip")[0] == 1


def test_a_snapshot_is_made_before_an_upgrade(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """By whoever holds the depot's lock, and without one there is no upgrade."""
    cluster, _ = loaded
    path = tmp_path / "depot"
    assert backup(path, "restore", str(cluster.depot / "backups/under.zip"))[0] == 0
    depot = Depot.take(path)
    depot._snapshot("before_format_2_20260101000000.zip")
    with pytest.raises(Refusal, match="no backup could be made"):
        depot._snapshot("before_format_2_20260101000000.zip")
    depot.close()
    assert backup(path, "verify", "before_format_2_20260101000000.zip")[0] == 0


def _quiet(_total: int) -> Callable[[int], None]:
    return lambda _size: None


def test_config_and_secrets_go_apart(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """Config is in by default, secrets when asked; a restore keeps what the depot has."""
    cluster, _ = loaded
    path = tmp_path / "depot"
    layout = DepotLayout(path)
    Depot.take(path).close()  # marks it as one of this version
    with pytest.raises(BackupError, match="There is no depot"):
        create(Task("create", str(path)), _quiet)
    under = str(cluster.depot / "backups/under.zip")
    restore(Task("restore", str(path), file=under, config=False), _quiet)
    replace_data(layout, "restore")
    files = {"config.textproto": "# one", "secrets/secrets.textproto": "# two"}
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    create(Task("create", str(path), "plain.zip"), _quiet)
    plain = verify(Task("verify", str(path), "plain.zip"), _quiet)
    assert (plain["config"], plain["secrets"], plain["faults"]) == (True, False, [])
    create(Task("create", str(path), "full.zip", secrets=True, stored=True), _quiet)
    for name in files:
        (path / name).write_text("# own")
    for replaces in (False, True):
        restore(Task("restore", str(path), "full.zip", config=replaces, secrets=replaces), _quiet)
        replace_data(layout, "restore")
        for name, text in files.items():
            assert (path / name).read_text() == (text if replaces else "# own")
            assert not replaces or (path / name).stat().st_mode & 0o077 == 0
    (path / "secrets/secrets.textproto").unlink()
    restore(Task("restore", str(path), "full.zip", config=False), _quiet)
    replace_data(layout, "restore")
    assert (path / "secrets/secrets.textproto").read_text() == "# two"  # it had none


def test_a_full_disk_is_found_before(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """A backup that could not be finished is not begun."""
    free = shutil.disk_usage(tmp_path).free
    require_space(tmp_path, free // 2)
    with pytest.raises(BackupError, match="bytes free"):
        require_space(tmp_path, free)


def test_what_a_crash_left_is_removed(
    loaded: tuple[ClusterProcess, set[str]], tmp_path: Path
) -> None:
    """By the next job; a backup that was half made never has a name."""
    cluster, _ = loaded
    backups = DepotLayout(cluster.depot).backups
    left = backups / ".draft-half.zip"
    left.mkdir()
    (left / "half.zip").write_text("half")
    assert {entry.name for entry in list_backups(DepotLayout(cluster.depot))} >= {"under.zip"}
    assert verify(Task("verify", str(cluster.depot), "under.zip"), _quiet)["faults"] == []
    assert not left.exists()

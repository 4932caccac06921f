"""Backups of a depot with several databases: made under writes to two, and restored after changes.

Tests `worker.backups.create`, `worker.backups.restore` and `worker.backups.verify` from outside.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.depot.databases import read_slots
from shared.messages.commands import Status
from shared.sql.plan import Plan, run
from shared.status_page import StatusPage
from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.submitting import run_directory_of
from tests.waiting import until
from worker.engine.writer_link import WriterLink

_TABLE = "CREATE TABLE items(id INTEGER PRIMARY KEY, text TEXT) STRICT;"
_API = '{{ name: "{name}" table_name: "{table}" acl_world: [READ] {more} }}'
_PATHS = {"main": "/api/records/v1/items", "shop": "/api/records/v1/wares"}
_BEFORE = 100


def _configure(depot: Path, database: str) -> None:
    """Main's table and that of one database are served."""
    wares = _API.format(
        name="wares", table=f"{database}.items", more=f'attached_databases: ["{database}"]'
    )
    items = _API.format(name="items", table="items", more="")
    text = f'databases: [{{ name: "{database}" }}]\nrecord_apis: [{items}, {wares}]\n'
    (depot / "config.textproto").write_text(text)


def _backup(depot: Path, *words: str) -> str:
    """Run `quillbase backup`, which must succeed; what it said."""
    done = subprocess.run(
        [QUILLBASE, "backup", *words, "--depot", str(depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def _back_up_under_writes(depot: Path) -> dict[str, set[int]]:
    """Make `under.zip`; what was acknowledged in each database before it began."""
    links = {name: _Writing(depot, name) for name in _PATHS}
    writers = [asyncio.create_task(one.go_on()) for one in links.values()]
    while any(len(one.acknowledged) < _BEFORE for one in links.values()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    before = {name: set(one.acknowledged) for name, one in links.items()}
    words = ("backup", "create", "--name=under", f"--depot={depot}")
    made = await asyncio.create_subprocess_exec(QUILLBASE, *words)
    assert await made.wait() == 0
    for name, one in links.items():
        assert len(one.acknowledged) > len(before[name]), "nothing was written meanwhile"
        one.ends = True
    await asyncio.gather(*writers)
    return before


class _Writing:
    """One row after the other into one database."""

    def __init__(self, depot: Path, database: str) -> None:
        self._run, self._database = run_directory_of(depot), database
        self.acknowledged: list[int] = []
        self.ends = False

    async def go_on(self) -> None:
        slot = 0 if self._database == "main" else read_slots(self._run.databases)[self._database]
        version = StatusPage.open(self._run.status_page).database(slot).catalog_version
        link = WriterLink(self._run.writer, secrets.randbits(63))
        link.start()
        try:
            while not self.ends:
                number = len(self.acknowledged)
                text = f"{self._database} {number} " + "x" * 1000
                step = run("INSERT INTO items VALUES (?, ?)", (number, text))
                plan = Plan(version, (step,), database=self._database)
                result = await link.submit(plan, request_id="test")
                assert result.status is Status.OK, result
                self.acknowledged.append(number)
        finally:
            link.close()


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ClusterProcess, dict[str, set[int]]]]:
    """A server with `main` and `shop`, and a backup that was made under writes to both."""
    depot = tmp_path_factory.mktemp("several") / "depot"
    for name in _PATHS:
        (depot / "migrations" / name).mkdir(parents=True)
        (depot / "migrations" / name / "U1__items.sql").write_text(_TABLE)
    _configure(depot, "shop")
    with ClusterProcess(depot, workers=1) as running:
        yield running, asyncio.run(_back_up_under_writes(depot))


def _answers(url: str) -> dict[str, Any]:
    """Some rows of each, and how many there are."""
    query = "order=-id&limit=50&count=true"
    found = {}
    for name, path in _PATHS.items():
        reply = httpx.get(f"{url}{path}", params=query, timeout=30)
        assert reply.status_code == 200, (name, reply.status_code, reply.text)
        found[name] = {key: reply.json()[key] for key in ("records", "total_count")}
    return found


def test_both_hold_what_was_acknowledged(
    loaded: tuple[ClusterProcess, dict[str, set[int]]], tmp_path: Path
) -> None:
    """It verifies, names both, and in another depot each row that was acknowledged is there."""
    running, before = loaded
    said = _backup(running.depot, "verify", "under.zip")
    assert "under.zip is good." in said
    assert "main at " in said
    assert "shop at " in said
    other = tmp_path / "other"
    _backup(other, "restore", str(running.depot / "backups" / "under.zip"))
    with ClusterProcess(other, workers=1) as restored:
        for name, found in _answers(restored.url).items():
            highest = found["records"][0]["id"]
            assert found["total_count"] == highest + 1, "a gap"
            assert highest >= max(before[name])


def test_a_restore_brings_back_what_was_removed(
    loaded: tuple[ClusterProcess, dict[str, set[int]]],
) -> None:
    """One database is gone and another has come meanwhile; the same queries, the same answers."""
    running, _ = loaded
    depot = running.depot
    answers = _answers(running.url)
    _backup(depot, "create", "--name=quiet")
    (depot / "migrations" / "other").mkdir()
    (depot / "migrations" / "other" / "U1__items.sql").write_text(_TABLE)
    _configure(depot, "other")
    running.process.send_signal(signal.SIGHUP)
    wares = f"{running.url}{_PATHS['shop']}?count=true"

    def has_come() -> bool:
        reply = httpx.get(wares, timeout=30)
        return reply.status_code == 200 and reply.json()["total_count"] == 0

    until(has_come, what="the other one")
    for path in (depot / "data").glob("shop.db*"):
        path.unlink()
    _backup(depot, "restore", "quiet.zip", "--with-config")
    until(running.ready, what="the server")
    assert _answers(running.url) == answers
    assert {path.name for path in (depot / "data").glob("*.db")} >= {"main.db", "shop.db"}
    assert not (depot / "data" / "other.db").exists()
    assert len(list((depot / "replaced").glob("*/data/other.db"))) == 1

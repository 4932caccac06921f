"""Writes to record APIs while the world moves: a rule's rows, the settings, and the writer's death."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.load import Connection
from tests.waiting import until, until_async
from tests.worker.apis.test_write import create, user_of
from tests.worker.apis.writing import CONFIG, RECORDS, add_user, logged_in, stored, write_depot

CLIENTS = 8
CREATES = 40


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file is made, the writer waits before its next operation."""
    return tmp_path_factory.mktemp("races") / "hold"


@pytest.fixture(scope="module")
def cluster(gate: Path) -> Iterator[ClusterProcess]:
    """One whose writer can be held."""
    depot = gate.parent / "depot"
    write_depot(depot)
    env = {"QUILL_FAILPOINT": f"writer.before_operation=hold:{gate}"}
    with ClusterProcess(depot, workers=1, env=env) as running:
        yield running


def test_a_rule_is_judged_in_the_writes_own_transaction(
    cluster: ClusterProcess, guest: httpx.Client, gate: Path
) -> None:
    """A member who is no longer one when the writer comes to it writes nothing."""
    add_user(cluster, "ann@example.com")
    ann = logged_in(cluster, "ann@example.com")
    member = create(guest, "member", {"user": user_of(ann), "room": 1})
    create(ann, "message", {"room": 1, "data": "a member"})
    statuses: dict[str, int] = {}

    def leave() -> None:
        statuses["leave"] = guest.delete(f"{RECORDS}/member/{member}").status_code

    def write() -> None:
        reply = ann.post(f"{RECORDS}/message", json={"room": 1, "data": "too late"})
        statuses["write"] = reply.status_code

    gate.touch()
    held = gate.with_name(f"{gate.name}.held")
    threads = [threading.Thread(target=leave), threading.Thread(target=write)]
    threads[0].start()
    until(held.exists, what="the writer holds")
    until(lambda: _in_flight(cluster) == 1, what="the first write is sent")
    threads[1].start()  # judged on a snapshot in which she still is a member
    until(lambda: _in_flight(cluster) == 2, what="the second write is sent")
    held.unlink()
    for thread in threads:
        thread.join(20)
    assert statuses == {"leave": 200, "write": 403}


def _in_flight(cluster: ClusterProcess) -> float:
    text = httpx.get(f"{cluster.ops_url}/metrics", timeout=10).text
    found = [line for line in text.splitlines() if line.startswith("quill_writes_in_flight")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def test_settings_that_move_meanwhile(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A create that is shut is refused as soon as a read of the settings shows it."""
    create(guest, "plain", {"id": "open"})
    shut = CONFIG.replace(
        'name: "plain" table_name: "word" acl_world: [CREATE, READ',
        'name: "plain" table_name: "word" acl_world: [READ',
    )
    (cluster.depot / "config.textproto").write_text(shut)

    def tried() -> bool:
        return guest.post(f"{RECORDS}/plain", json={"id": f"x{id(object())}"}).status_code == 403

    until(tried, what="the settings are in force")
    (cluster.depot / "config.textproto").write_text(CONFIG)
    until(lambda: not tried(), what="the settings are as they were")


def test_a_rule_that_never_ends_is_kept_from_the_writer(guest: httpx.Client) -> None:
    """The worker gives it up, and nobody waits for it."""
    found: list[httpx.Response] = []

    def write() -> None:
        found.append(guest.post(f"{RECORDS}/slow", json={"id": "slow", "kept": str([1] * 500)}))

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(5):
        create(guest, "thing", {"text": "meanwhile"})
    assert not found
    thread.join(20)
    assert found[0].status_code == 503
    assert found[0].headers["quill-outcome"] == "not-applied"


async def _creates(url: str, name: str, acknowledged: list[str]) -> None:
    connection = Connection(url)
    for number in range(CREATES):
        text = f"{name}-{number}"
        answer = await connection.request("POST", f"{RECORDS}/thing", {"text": text})
        assert answer.status == 200
        acknowledged.append(text)
    await connection.close()


def test_the_writer_dies_under_creates(cluster: ClusterProcess) -> None:
    """No client sees an error; what was answered is there, and nothing is there twice."""
    acknowledged: list[str] = []

    async def load() -> None:
        clients = [_creates(cluster.url, f"c{one}", acknowledged) for one in range(CLIENTS)]
        running = asyncio.gather(*clients)
        await until_async(lambda: len(acknowledged) > CLIENTS * CREATES // 4, what="creates")
        cluster.kill("writer")
        await running

    asyncio.run(load())
    rows = stored(cluster.depot, "SELECT text FROM thing WHERE text LIKE 'c%' ORDER BY text")
    assert [text for (text,) in rows] == sorted(acknowledged)

"""The shipped nginx.conf in front of a real cluster: rolls, kills and live events through it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.deploy.nginx_process import NginxProcess, require_nginx
from tests.load import Connection
from tests.sse import EventStream
from tests.waiting import until

_CLIENTS = 16
_RECORDS = "/api/collections/posts/records"
_FIELDS = [{"name": "title", "type": "text"}]


@dataclass
class Site:
    """nginx and the cluster behind it."""

    cluster: ClusterProcess
    nginx: NginxProcess
    record_id: str


@dataclass
class Tally:
    """What the clients saw."""

    answers: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    stopping: bool = False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two workers on unix sockets, nginx in front, one collection with one record.

    All tests share it: each waits until the workers that it harmed are back.
    """
    require_nginx()
    folder = tmp_path_factory.mktemp("site")
    uds = folder / "sockets"
    home = folder / "nginx"
    home.mkdir()
    with (
        ClusterProcess(folder / "depot", arguments=[f"--uds-dir={uds}"]) as cluster,
        NginxProcess(home, uds) as nginx,
    ):
        cluster.collection("posts", _FIELDS)
        created = httpx.post(nginx.url + _RECORDS, json={"title": "first"}, timeout=10)
        assert created.status_code == 200, created.text
        yield Site(cluster, nginx, created.json()["id"])


async def _under_load(
    site: Site, tally: Tally, methods: tuple[str, ...], disturb: Callable[[], Awaitable[None]]
) -> None:
    """Run clients that never pause while `disturb` does its work, and a little longer."""
    clients = [
        asyncio.create_task(_client(site, tally, methods[number % len(methods)], number))
        for number in range(_CLIENTS)
    ]
    try:
        await _answers(tally, 200)
        await disturb()
        await _answers(tally, 200)
    finally:
        tally.stopping = True
        await asyncio.gather(*clients)


async def _client(site: Site, tally: Tally, method: str, number: int) -> None:
    """One keep-alive connection; every answer but 200 is a failure."""
    connection = Connection(site.nginx.url)
    count = 0
    while not tally.stopping:
        count += 1
        title = f"{number}-{count}"
        path, body = (
            (f"{_RECORDS}/{site.record_id}", None)
            if method == "GET"
            else (_RECORDS, {"title": title})
        )
        try:
            answer = await connection.request(method, path, body)
        except ConnectionError as error:
            tally.failures.append((time.monotonic(), repr(error)))
            continue
        tally.answers += 1
        if answer.status != 200:
            tally.failures.append((time.monotonic(), f"{method} {answer.status} {answer.body!r}"))
        elif method == "POST":
            tally.acknowledged.append(title)
    await connection.close()


async def _answers(tally: Tally, count: int) -> None:
    await _until(lambda: tally.answers >= goal, goal := tally.answers + count)


async def _until(condition: Callable[[], Any], what: object, seconds: float = 60.0) -> None:
    """`until` in a thread, so that the clients go on."""
    await asyncio.to_thread(until, condition, seconds=seconds, what=str(what))


def _workers(cluster: ClusterProcess) -> dict[str, int]:
    return {name: pid for name, pid in cluster.children().items() if name.startswith("worker")}


def _stored_titles(site: Site) -> set[str]:
    titles: set[str] = set()
    page = 1
    while True:
        query = f"?page={page}&perPage=1000&fields=title&skipTotal=1"
        items = httpx.get(site.nginx.url + _RECORDS + query, timeout=30).json()["items"]
        titles.update(item["title"] for item in items)
        if len(items) < 1000:
            return titles
        page += 1


def test_a_roll_through_nginx_fails_no_request(site: Site) -> None:
    """SIGHUP replaces both workers under mixed load: every answer is 200, every write is there."""
    before = _workers(site.cluster)

    async def roll() -> None:
        os.kill(site.cluster.pid, signal.SIGHUP)

        def rolled() -> bool:
            now = _workers(site.cluster)
            old = set(before.values())
            return len(now) == 2 and not old & set(now.values()) and _pids_gone(old)

        await _until(rolled, "both workers replaced")

    tally = Tally()
    asyncio.run(_under_load(site, tally, ("GET", "POST"), roll))
    assert tally.failures == [], site.nginx.errors()[-2000:]
    assert set(tally.acknowledged) <= _stored_titles(site)


def _pids_gone(pids: set[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_reads_survive_killed_workers(site: Site) -> None:
    """`kill -9` of each worker in turn: nginx repeats the reads that were in flight."""

    async def kill() -> None:
        for name in ("worker 0", "worker 1"):
            await _kill_and_wait(site.cluster, name)

    tally = Tally()
    asyncio.run(_under_load(site, tally, ("GET",), kill))
    assert tally.failures == [], site.nginx.errors()[-2000:]


def test_a_killed_worker_fails_only_writes_in_flight(site: Site) -> None:
    """A POST may not be repeated by nginx: at most those in flight fail, as 502, and only then."""
    killed_at: list[float] = []

    async def kill() -> None:
        for name in ("worker 0", "worker 1"):
            killed_at.append(time.monotonic())
            await _kill_and_wait(site.cluster, name)

    tally = Tally()
    asyncio.run(_under_load(site, tally, ("POST",), kill))
    assert len(tally.failures) <= _CLIENTS * len(killed_at)
    for at, what in tally.failures:
        assert "POST 502" in what, what
        assert min(abs(at - moment) for moment in killed_at) < 1.0, what
    assert set(tally.acknowledged) <= _stored_titles(site)


async def _kill_and_wait(cluster: ClusterProcess, name: str) -> None:
    old = cluster.kill(name)
    await _until(lambda: cluster.children().get(name, old) != old, f"{name} is started again")
    await _until(cluster.ready, "the cluster is ready again")


def test_an_event_passes_through_nginx_at_once(site: Site) -> None:
    """A subscriber behind nginx sees a write of another client, unbuffered."""

    async def follow() -> None:
        async with await EventStream.open(site.nginx.port) as stream:
            assert await stream.subscribe("posts/*") == 204
            connection = Connection(site.nginx.url)
            answer = await connection.request("POST", _RECORDS, {"title": "news"})
            await connection.close()
            event = await stream.next(seconds=5)
            assert answer.status == 200
            assert event.name == "posts/*"
            assert event.data["record"]["id"] == answer.json()["id"]

    asyncio.run(follow())


def test_a_client_cannot_choose_its_address(site: Site) -> None:
    """The setup form trusts loopback callers: through nginx it is not served at all."""
    answer = httpx.get(
        f"{site.nginx.url}/_/setup", headers={"X-Forwarded-For": "127.0.0.1"}, timeout=10
    )
    assert answer.status_code == 404


def test_a_body_above_the_limit_is_refused(site: Site) -> None:
    """32 MiB and a little pass nginx and get Quillbase's own 413; far more is nginx's."""
    slightly = b'{"title": "' + b"x" * (32 * 1024 * 1024) + b'"}'
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=site.nginx.url, headers=headers, timeout=30) as client:
        ours = client.post(_RECORDS, content=slightly)
        assert ours.status_code == 413
        assert ours.json()["status"] == 413
        assert client.post(_RECORDS, content=slightly + b" " * 4_000_000).status_code == 413

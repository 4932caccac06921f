"""Clients that create records without pause and write down every acknowledgement."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cluster_process import ClusterProcess
from tests.load import Connection
from tests.waiting import until_async

FIELDS = [{"name": "marker", "type": "text"}]
PATH = "/api/collections/ledger/records"
RETRY_SECONDS = 0.05


@dataclass
class Ledger:
    """What the clients were told."""

    acknowledged: set[str] = field(default_factory=set)
    attempted: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    longest_seconds: float = 0.0
    unknown_without_header: int = 0
    stopping: bool = False

    def applied(self, cluster: ClusterProcess) -> Counter[str]:
        """Every marker in the database with how often it is there, read through the API."""
        found: Counter[str] = Counter()
        with httpx.Client(base_url=cluster.url, timeout=30) as client:
            page = 0
            items: list[dict[str, str]] = [{}]
            while items:
                page += 1
                reply = client.get(
                    PATH,
                    params={
                        "page": page,
                        "perPage": 1000,
                        "skipTotal": 1,
                        "fields": "marker",
                        "sort": "id",
                    },
                )
                items = reply.json()["items"]
                found.update(item["marker"] for item in items)
        return found

    def verify(self, cluster: ClusterProcess) -> None:
        """Nothing acknowledged is missing, nothing is there twice, nothing was invented."""
        applied = self.applied(cluster)
        assert not self.acknowledged - set(applied), "acknowledged and missing"
        assert not [marker for marker, times in applied.items() if times > 1], "applied twice"
        assert not set(applied) - self.attempted, "never sent"


async def create_until_stopped(ledger: Ledger, url: str, name: str) -> None:
    """One client that takes no care: each create is sent once."""
    connection = Connection(url)
    for number in itertools.count():
        if ledger.stopping:
            break
        marker = f"{name}-{number}"
        ledger.attempted.add(marker)
        started = time.monotonic()
        try:
            answer = await connection.request("POST", PATH, {"marker": marker})
        except ConnectionError:
            ledger.broken += 1
            continue
        ledger.longest_seconds = max(ledger.longest_seconds, time.monotonic() - started)
        ledger.statuses[answer.status] += 1
        if answer.status == 200:
            ledger.acknowledged.add(marker)
    await connection.close()


async def create_with_keys(ledger: Ledger, url: str, name: str) -> None:
    """One careful client: an Idempotency-Key on each create, sent again until it is answered."""
    connection = Connection(url)
    for number in itertools.count():
        if ledger.stopping:
            break
        marker = f"{name}-{number}"
        ledger.attempted.add(marker)
        while True:
            try:
                answer = await connection.request(
                    "POST",
                    PATH,
                    {"marker": marker},
                    {"Idempotency-Key": f"ledger-key-{marker}-0123456789"},
                )
            except ConnectionError:
                ledger.broken += 1
                continue
            ledger.statuses[answer.status] += 1
            if answer.status != 503:
                break
            if answer.headers.get("quill-outcome") != "unknown":
                ledger.unknown_without_header += 1
            await asyncio.sleep(RETRY_SECONDS)
        if answer.status == 200:
            ledger.acknowledged.add(marker)
    await connection.close()


async def under_load(
    cluster: ClusterProcess,
    fault: Callable[[Ledger], Awaitable[None]],
    *,
    clients: int = 64,
    creator: Callable[[Ledger, str, str], Coroutine[Any, Any, None]] = create_until_stopped,
) -> Ledger:
    """Run `clients` creators, let `fault` happen meanwhile, stop them, and return what they saw."""
    ledger = Ledger()
    tasks = [
        asyncio.create_task(creator(ledger, cluster.url, f"c{number}")) for number in range(clients)
    ]
    try:
        await fault(ledger)
    finally:
        ledger.stopping = True
        await asyncio.gather(*tasks)
    return ledger


async def until_acknowledged(ledger: Ledger, more: int, seconds: float = 20.0) -> None:
    """Wait for `more` acknowledgements after now: the load runs."""
    goal = len(ledger.acknowledged) + more
    await until_async(
        lambda: len(ledger.acknowledged) >= goal, seconds=seconds, what="acknowledgements"
    )

"""kill -9 of the writer in the middle of a batch, before and after its COMMIT: all of it or none."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from shared.limits import RESTART_EARLY_SECONDS
from tests.cluster_process import ClusterProcess
from tests.waiting import until
from tests.worker.records.batching import creating, path, send

REQUESTS = 20
SETTLED_SECONDS = RESTART_EARLY_SECONDS * 1.2
"""A writer that dies earlier is in a crash loop, whose next one is not started at once."""


@pytest.mark.parametrize("point", ["before_operation", "before_commit", "after_commit"])
def test_a_batch_survives_the_writer_whole(tmp_path: Path, point: str) -> None:
    """The client sees one answer; every record is there once, with and without a key."""
    trigger = tmp_path / "now"
    env = {"QUILL_FAILPOINT": f"writer.{point}=kill:{trigger}"}
    with ClusterProcess(tmp_path / "depot", env=env) as cluster:
        cluster.collection("ledger", [{"name": "marker", "type": "text"}])
        started = time.monotonic()
        guest = cluster.client(superuser=False)
        for headers in ({}, {"idempotency_key": "batch-of-the-dead"}):
            writer = cluster.children()["writer"]
            _wait_until_settled(started)
            trigger.touch()
            markers = [f"{bool(headers)} {number}" for number in range(REQUESTS)]
            reply = send(guest, *[creating("ledger", marker=one) for one in markers], **headers)
            assert reply.status_code == 200, reply.text
            assert not trigger.exists()
            assert cluster.children()["writer"] != writer
            assert [one["body"]["marker"] for one in reply.json()] == markers
            started = time.monotonic()
            assert sorted(_markers(guest, bool(headers))) == sorted(markers)


def _wait_until_settled(since: float) -> None:
    until(lambda: time.monotonic() - since > SETTLED_SECONDS, what="a writer of age")


def _markers(client: httpx.Client, keyed: bool) -> list[str]:
    query: dict[str, str | int] = {"perPage": 500, "filter": f"marker ~ '{keyed} %'"}
    return [item["marker"] for item in client.get(path("ledger"), params=query).json()["items"]]

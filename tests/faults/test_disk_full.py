"""A full disk: clear refusals, no corruption, and service again when space returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_process import ClusterProcess
from tests.small_disk import small_disk
from tests.waiting import until

BLOCK = b"\0" * (1 << 16)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 64 MiB."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        yield disk


def _fill(file: Path) -> None:
    with file.open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(BLOCK)
        except OSError:
            return


def test_a_full_disk_refuses_clearly_and_recovers(disk: Path) -> None:
    """Everything acknowledged is there, refusals are 507 or 503, reads go on, and writes come back."""
    filler = disk / "filler"
    with ClusterProcess(disk / "depot") as cluster:
        cluster.collection("papers", [{"name": "body", "type": "text", "max": 100_000}])
        client = cluster.client()
        path = "/api/collections/papers/records"
        written = []

        def write() -> int:
            reply = client.post(path, json={"body": "x" * 50_000})
            assert reply.status_code in {200, 503, 507}, reply.text
            assert set(reply.json()) >= {"id"} or set(reply.json()) == {"data", "message", "status"}
            if reply.status_code == 200:
                written.append(reply.json()["id"])
            return reply.status_code

        def refused() -> bool:
            _fill(filler)
            return write() != 200

        assert write() == 200
        until(refused, seconds=60, what="the disk is full")
        assert client.get(path, params={"perPage": 1}).status_code == 200, "reads go on"
        filler.unlink()
        until(lambda: write() == 200, seconds=20, what="writes come back")
        for identity in written:
            found = client.get(f"{path}/{identity}", params={"fields": "id"})
            assert found.status_code == 200, f"{identity} was acknowledged and is missing"
        total = client.get(path, params={"perPage": 1}).json()["totalItems"]
        assert total == len(written), "a refused write was applied"

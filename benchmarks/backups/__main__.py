"""`make bench-backups`: creates before, during and after a backup, and the gap of a restore.

A real cluster over a temporary depot with some 200 MB of records and uploads; the creators run in this
process, on the same cores, so compare the columns with each other and not with other machines.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from benchmarks.__main__ import RESULTS
from benchmarks.backups.load import Load, loaded

_PROGRAM: Final = str(Path(sys.executable).with_name("quillbase"))
_IDENTITY: Final = ("bench@example.com", "a password for the bench")
_RECORD_BYTES: Final = 20_000
_UPLOAD_BYTES: Final = 100_000
_MB: Final = 1_000_000


def main(
    *,
    megabytes: Annotated[int, typer.Option(help="Size of the database.")] = 200,
    uploads: Annotated[int, typer.Option(help="Files of 100 kB.")] = 200,
    creators: Annotated[int, typer.Option(help="Concurrent creates.")] = 64,
    seconds: Annotated[float, typer.Option(help="Before and after the backup.")] = 8.0,
    workers: Annotated[int, typer.Option(help="Of the cluster.")] = 2,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure, print a table and write the results."""
    with tempfile.TemporaryDirectory(prefix="bench-backups-") as folder:
        depot = Path(folder) / "depot"
        with _cluster(depot, workers) as url:
            _fill(url, depot, megabytes, uploads)
            found = asyncio.run(_measure(url, depot, creators, seconds))
    lines = [f"| {name} | {value} |" for name, value in found.items()]
    page = "\n".join(["| what | value |", "|---|---|", *lines])
    print(page)
    name = f"backups-{workers}-workers"
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    title = f"# Backups under load, {today}, {os.cpu_count()} cores, {megabytes} MB\n\n"
    (output / f"{name}.md").write_text(title + page + "\n")
    (output / f"{today}-{name}.json").write_text(json.dumps(found, indent=1) + "\n")


async def _measure(url: str, depot: Path, creators: int, seconds: float) -> dict[str, str]:
    load = Load(url, creators)
    found: dict[str, str] = {}

    def period(name: str, begin: float, end: float) -> None:
        rate, middle, late = load.between(begin, end)
        found[f"creates/s {name}"] = f"{rate:.0f}"
        found[f"p50, p99 {name}"] = f"{middle:.0f}, {late:.0f} ms"

    async with loaded(load):
        await asyncio.sleep(2)
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        backup_began = time.monotonic()
        peak = await _watched_backup(depot)
        backup_ended = time.monotonic()
        await asyncio.sleep(seconds)
        end = time.monotonic()
        period("before", begin, backup_began)
        period("during", backup_began, backup_ended)
        period("after", backup_ended, end)
        found["longest silence before, during"] = (
            f"{load.longest_silence(begin, backup_began) * 1000:.0f},"
            f" {load.longest_silence(backup_began, backup_ended) * 1000:.0f} ms"
        )
        failures = len(load.failures)
        found["backup takes"] = f"{backup_ended - backup_began:.1f} s"
        found["WAL at most"] = f"{peak / _MB:.0f} MB"
        size = (depot / "backups/bench.zip").stat().st_size
        found["database, zip"] = (
            f"{(depot / 'data/main.db').stat().st_size / _MB:.0f}, {size / _MB:.0f} MB"
        )
        restore_began = time.monotonic()
        await _command(depot, "restore", "bench.zip")
        restored = time.monotonic()
        await asyncio.sleep(5)
        found["restore takes"] = f"{restored - restore_began:.1f} s"
        silence = load.longest_silence(restore_began, time.monotonic())
        found["longest silence of a restore"] = f"{silence:.1f} s"
    found["failures before the restore"] = str(failures)
    verified = time.monotonic()
    await _command(depot, "verify", "bench.zip")
    found["verify takes"] = f"{time.monotonic() - verified:.1f} s"
    return found


async def _watched_backup(depot: Path) -> int:
    """Make one; the greatest size of the WAL meanwhile."""
    wal, peak = depot / "data/main.db-wal", 0
    making = asyncio.create_task(_command(depot, "create", "--name=bench"))
    while not making.done():
        peak = max(peak, wal.stat().st_size)
        await asyncio.sleep(0.01)
    await making
    return peak


async def _command(depot: Path, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        _PROGRAM, "backup", *words, "--depot", str(depot), stdout=subprocess.DEVNULL
    )
    if await process.wait() != 0:
        raise SystemExit(f"quillbase backup {words[0]} failed")


@contextmanager
def _cluster(depot: Path, workers: int) -> Iterator[str]:
    upsert = [_PROGRAM, "superuser", "upsert", *_IDENTITY, "--depot", str(depot)]
    subprocess.run(upsert, check=True, stdout=subprocess.DEVNULL)
    words = ["run", f"--depot={depot}", f"--workers={workers}", "--port=0", "--ops-port=0"]
    process = subprocess.Popen(
        [_PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(60)


def _fill(url: str, depot: Path, megabytes: int, uploads: int) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        identity, password = _IDENTITY
        login = client.post(
            "/api/collections/_superusers/auth-with-password",
            json={"identity": identity, "password": password},
        )
        headers = {"Authorization": login.raise_for_status().json()["token"]}
        text = {"name": "text", "type": "text", "max": 1_000_000}
        rules = dict.fromkeys(("listRule", "viewRule", "createRule"), "")
        body = {"name": "notes", "type": "base", "fields": [text], **rules}
        client.post("/api/collections", json=body, headers=headers).raise_for_status()
        path = "/api/collections/notes/records"
        for _ in range(megabytes * _MB // (_RECORD_BYTES * 50)):
            requests = [
                {"method": "POST", "url": path, "body": {"text": _noise(_RECORD_BYTES)}}
                for _ in range(50)
            ]
            client.post("/api/batch", json={"requests": requests}).raise_for_status()
    folder = depot / "uploads" / "notes"
    folder.mkdir(parents=True)
    for number in range(uploads):
        (folder / f"{number}.bin").write_bytes(os.urandom(_UPLOAD_BYTES))


def _noise(size: int) -> str:
    """Text that compresses to half its size, as hex of random bytes does."""
    return os.urandom(size // 2).hex()


if __name__ == "__main__":
    typer.run(main)

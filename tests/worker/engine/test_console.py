"""Texts of the console on a worker: bounded, and in nobody's way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw
import pytest

from shared.errors import QuillError
from shared.limits import CONSOLE_MEMORY_BYTES, CONSOLE_WAITING_MAX
from shared.messages.console import Scope
from shared.sqlite.connect import open_writer
from worker.engine.console import ConsoleReader, Place

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty database."""
    made = tmp_path / "a.db"
    open_writer(made).close()
    return made


def _ask(path: Path, sql: str, *beside: Place) -> str:
    """Why it is refused."""
    reader = ConsoleReader()
    try:
        asyncio.run(reader.run(path, beside, [sql], Scope()))
    except QuillError as error:
        return error.message
    finally:
        reader.close()
    return ""


def test_a_text_that_hoards_takes_no_memory_from_others(path: Path) -> None:
    """It is ended itself, also where it is somebody else who takes more."""
    told: list[str] = []
    query = f"{ENDLESS} SELECT count(*) FROM c"
    asking = threading.Thread(target=lambda: told.append(_ask(path, query)))
    asking.start()
    size, rows = 1 << 20, (CONSOLE_MEMORY_BYTES >> 20) + 20
    other = apsw.Connection(":memory:")
    other.execute("PRAGMA temp_store = MEMORY; CREATE TABLE t (a)")
    insert = "INSERT INTO t VALUES (randomblob(?))"
    taken = 0
    while asking.is_alive() and taken < rows * 4:
        other.execute(insert, (size,))
        taken += 1
    asking.join()
    assert other.execute("SELECT count(*) FROM t").get == taken
    other.close()
    assert told == ["it needs more than 256 MiB of memory"]
    hoard = f"{ENDLESS} SELECT randomblob(1000000) AS r FROM c ORDER BY r"
    assert "memory" in _ask(path, hoard)


def test_one_text_at_a_time_is_written() -> None:
    """Others' writes wait for each of them, and come in between; some may wait, the rest is told."""

    async def all_at_once() -> tuple[int, list[BaseException | None]]:
        reader, inside, most = ConsoleReader(), 0, 0

        async def write() -> None:
            nonlocal inside, most
            async with reader.writing():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        told = await asyncio.gather(
            *(write() for _ in range(CONSOLE_WAITING_MAX + 2)), return_exceptions=True
        )
        await write()
        reader.close()
        return most, told

    most, told = asyncio.run(all_at_once())
    assert most == 1
    refused = [one for one in told if one is not None]
    assert [type(one) for one in refused] == [QuillError] * 2


def test_a_file_that_is_none_is_told(path: Path, tmp_path: Path) -> None:
    """A database beside may be damaged."""
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"x" * 8192)
    assert "cannot be opened" in _ask(path, "SELECT 1", Place("bad", bad))

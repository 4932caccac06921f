"""A job of backups as a worker has it done: it ends with its seconds, and with its caller."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.depot.backups import backups_busy, list_backups
from shared.depot.layout import DepotLayout
from shared.errors import Kind, QuillError
from tests.waiting import until
from worker.backups.jobs import run
from worker.backups.task import Task


@pytest.fixture
def depot(tmp_path: Path) -> DepotLayout:
    """With a main.db of nothing much."""
    layout = DepotLayout(tmp_path / "depot")
    layout.data.mkdir(parents=True)
    with closing(sqlite3.connect(layout.database())) as connection:
        connection.execute("CREATE TABLE t(x)")
    return layout


def test_its_result_and_its_refusal(depot: DepotLayout) -> None:
    """What its process tells, as a result or in a sentence."""
    task = Task("create", str(depot.path), "one.zip")
    assert asyncio.run(run(task))["name"] == "one.zip"
    with pytest.raises(QuillError, match=r"There is a backup one\.zip already") as caught:
        asyncio.run(run(task))
    assert caught.value.kind is Kind.INVALID


def test_one_that_takes_too_long_is_given_up(
    depot: DepotLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process ends, and nothing has the backup's name."""
    flag = tmp_path / "flag"
    flag.touch()
    monkeypatch.setenv("QUILL_FAILPOINT", f"backup.held=hold:{flag}")

    async def given_up() -> QuillError:
        job = asyncio.create_task(run(Task("create", str(depot.path), "late.zip"), seconds=1.5))
        with pytest.raises(QuillError, match="given up after") as caught:
            await job
        return caught.value

    assert asyncio.run(given_up()).kind is Kind.UNAVAILABLE
    until(lambda: not backups_busy(depot), what="the end of its process")
    assert list_backups(depot) == []
    monkeypatch.delenv("QUILL_FAILPOINT")
    asyncio.run(run(Task("create", str(depot.path), "late.zip")))
    assert [entry.name for entry in list_backups(depot)] == ["late.zip"]

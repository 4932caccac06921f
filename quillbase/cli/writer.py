"""How a command has a plan executed: by the writer of the running server, or by one of its own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cluster.depot import read_holder
from cluster.lone_writer import lone_writer
from cluster.refusal import Refusal
from shared.limits import REPLANS_MAX
from shared.messages.commands import Result, Status
from shared.run_directory import RunDirectory
from shared.settings import load
from shared.status_page import StatusPage

if TYPE_CHECKING:
    from shared.schema.catalog import Catalog
    from shared.sql.plan import Plan


class Writer(NamedTuple):
    """`run`: where it listens.  `alone`: it was started for this command, and no server runs."""

    run: RunDirectory
    alone: bool


@contextlib.contextmanager
def writer_of(depot: Path) -> Iterator[Writer]:
    """A writer of this depot: its own first, else the running one. Raises Refusal."""
    with contextlib.ExitStack() as stack:
        try:
            writer = Writer(stack.enter_context(lone_writer(depot)), alone=True)
        except Refusal:
            holder = read_holder(depot)
            if holder is None or not Path(holder.run_directory).is_dir():
                raise
            writer = Writer(RunDirectory(Path(holder.run_directory)), alone=False)
        yield writer


async def submit(run: RunDirectory, make: Callable[[Catalog], Plan]) -> None:
    """Plan → submit, again when the catalog moved. Raises what `make` raises, QuillError, Refusal."""
    from worker.engine.reader import Reader  # noqa: PLC0415 - other commands need no engine
    from worker.engine.writer_link import WriterLink  # noqa: PLC0415

    database = Path(load(run.settings).depot) / "data" / "main.db"
    reader = Reader(database, StatusPage.open(run.status_page).database())
    link = WriterLink(run.writer, secrets.randbits(63))
    try:
        link.start()
        for _ in range(REPLANS_MAX + 1):
            result = await link.submit(make(reader.catalog.current()), request_id="cli")
            if result.status is not Status.STALE:
                break
        _judge(result)
    finally:
        link.close()
        reader.close()


def _judge(result: Result) -> None:
    from worker.records.outcome import refused  # noqa: PLC0415

    if result.status is Status.OK:
        return
    if result.status is Status.REFUSED:
        raise refused(result.payload)
    detail = msgspec.json.encode(result.payload).decode()
    raise Refusal(f"The writer answered {result.status.name.lower()}: {detail}.")

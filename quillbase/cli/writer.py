"""How a command has a plan executed: by the writer of the running server, or by one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cluster.depot import read_holder
from cluster.lone_writer import lone_writer
from cluster.refusal import Refusal
from shared.depot.layout import MAIN, DepotLayout
from shared.errors import Kind, QuillError
from shared.limits import (
    REPLANS_MAX,
    WRITE_DEADLINE_SECONDS,
    WRITER_BEAT_SECONDS,
    WRITER_SILENT_SECONDS,
)
from shared.messages.commands import Result, Status
from shared.run_directory import RunDirectory
from shared.settings import load
from shared.status_page import DatabaseWords, StatusPage

if TYPE_CHECKING:
    from shared.schema.catalog import Catalog
    from shared.schema.collection import Collection
    from shared.sql.plan import Plan, Value
    from worker.engine.reader import Reader
    from worker.engine.writer_link import WriterLink


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


def existing_depot(depot: Path) -> DepotLayout:
    """The layout of a depot that has data. Raises Refusal: a command must not make one by mistake."""
    layout = DepotLayout(depot)
    if not layout.database().exists():
        raise Refusal(f"There is no depot at {depot}.")
    return layout


class Submitter:
    """A link to the writer that several plans in turn go through."""

    def __init__(self, reader: Reader, link: WriterLink, page: StatusPage) -> None:
        self._reader = reader
        self._link = link
        self._page = page

    async def submit(
        self,
        make: Callable[[Catalog], Plan],
        *,
        deadline_seconds: float = WRITE_DEADLINE_SECONDS,
        waiting: str = "",
        request_id: str = "cli",
        collection: Collection | None = None,
    ) -> Value:
        """As the function `submit`."""
        with _shown(waiting):
            for _ in range(REPLANS_MAX + 1):
                answer = self._link.submit(
                    make(self._reader.catalog.current()),
                    request_id=request_id,
                    deadline_seconds=deadline_seconds,
                )
                result = await self._answered(asyncio.ensure_future(answer))
                if result.status is not Status.STALE:
                    break
        return _judged(result, collection)

    async def _answered(self, answer: asyncio.Future[Result]) -> Result:
        """The answer, for as long as there is a writer. One that died alone has no successor."""
        while True:
            done, _ = await asyncio.wait([answer], timeout=WRITER_BEAT_SECONDS)
            if done:
                return answer.result()
            if self._page.silent_seconds() > WRITER_SILENT_SECONDS:
                answer.cancel()
                raise QuillError(Kind.UNKNOWN_OUTCOME, "The writer died; what it did is unknown.")


@contextlib.contextmanager
def submitter(run: RunDirectory, database: str = MAIN) -> Iterator[Submitter]:
    """A link to the writer of `run`; to be opened on a running event loop. Raises Refusal."""
    from worker.engine.reader import Reader  # noqa: PLC0415 - other commands need no engine
    from worker.engine.writer_link import WriterLink  # noqa: PLC0415

    layout = DepotLayout(Path(load(run.settings).depot))
    page = StatusPage.open(run.status_page)
    reader = Reader(layout.database(database), _words(run, page, database))
    link = WriterLink(run.writer, secrets.randbits(63))
    try:
        link.start()
        yield Submitter(reader, link, page)
    finally:
        link.close()
        reader.close()


async def submit(
    run: RunDirectory,
    make: Callable[[Catalog], Plan],
    *,
    deadline_seconds: float = WRITE_DEADLINE_SECONDS,
    database: str = MAIN,
    waiting: str = "",
    request_id: str = "cli",
    collection: Collection | None = None,
) -> Value:
    """Plan → submit, again when the catalog moved; the plan's result.

    `make` is given the catalog of `database`.  `deadline_seconds`: how long its outcome is waited
    for; longer than the seconds of a bulk plan.  `waiting`: what is shown on a terminal meanwhile.
    `collection`: whose fields a broken constraint is told about.
    Raises what `make` raises, QuillError (UNKNOWN_OUTCOME: no answer came in time), Refusal.
    """
    with submitter(run, database) as link:
        return await link.submit(
            make,
            deadline_seconds=deadline_seconds,
            waiting=waiting,
            request_id=request_id,
            collection=collection,
        )


def _words(run: RunDirectory, page: StatusPage, database: str) -> DatabaseWords:
    """The status page's words of one database. Raises Refusal where the writer has no such one."""
    if database == MAIN:
        return page.database()
    try:
        slots = msgspec.json.decode((run.path / "databases.json").read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        slots = {}
    if database not in slots:
        raise Refusal(f"There is no database {database}.")
    return page.database(slots[database])


@contextlib.contextmanager
def _shown(text: str) -> Iterator[None]:
    """A spinner with how long it has taken, where a person looks at the error stream."""
    if not text or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - most commands are done before it is loaded
    from rich.progress import (  # noqa: PLC0415
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(text, total=None)
        yield


def _judged(result: Result, collection: Collection | None) -> Value:
    from worker.records.outcome import failed, refused  # noqa: PLC0415

    if result.status is Status.OK:
        payload = result.payload
        return None if isinstance(payload, tuple | list) else payload
    if result.status is Status.REFUSED:
        raise refused(result.payload, collection)
    if result.status is Status.FAILED and collection is not None:
        raise failed(result.payload, collection)
    detail = msgspec.json.encode(result.payload).decode()
    raise Refusal(f"The writer answered {result.status.name.lower()}: {detail}.")

"""Statements of the SQL console on a worker: on a connection, and in a thread, of their own.

Nothing that serves requests waits for them. The connection is opened for one text and closed after
it; what SQLite allocates meanwhile is bounded, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from shared.errors import Kind, QuillError, invalid
from shared.limits import (
    CONSOLE_ANSWER_BYTES_MAX,
    CONSOLE_READ_PROGRESS_STEPS,
    CONSOLE_READ_SECONDS,
    CONSOLE_ROWS_MAX,
    CONSOLE_WAITING_MAX,
)
from shared.messages.console import Answer, Scope
from shared.sqlite.attach import attach_for_reading
from shared.sqlite.connect import open_reader
from shared.sqlite.console.judge import ConsoleJudge, Secrets
from shared.sqlite.console.memory import NO_MEMORY, MemoryWatch
from shared.sqlite.console.run import Bounds, StatementError, defended, fetch, look
from shared.sqlite.console.syntax import fault_of_expression, fault_of_statement
from shared.sqlite.driver import Connection, Error

__all__ = ["ConsoleReader", "Place", "Writes", "fault_of_expression", "fault_of_statement"]

_BOUNDS: Final = Bounds(CONSOLE_ROWS_MAX, CONSOLE_ANSWER_BYTES_MAX)
_TOO_LONG: Final = f"The query took longer than {CONSOLE_READ_SECONDS:g} seconds."
_MAIN: Final = "main"


class Place(NamedTuple):
    """A database file; `name`: by which it is attached."""

    name: str
    path: Path


class Writes(NamedTuple):
    """The text is no reading. `defines`: it changes the schema. `places`: databases it writes to."""

    defines: bool
    places: frozenset[str]


class ConsoleReader:
    """Looks at texts, and runs those that read. Use it from the event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="console")
        self._waiting = 0
        self._lock = asyncio.Lock()

    def close(self) -> None:
        """After what runs."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def run(
        self, path: Path, beside: Sequence[Place], statements: Sequence[str], scope: Scope
    ) -> Answer | Writes:
        """What a reading text gives; of another one, what it would do. None of it is done.

        `path`: the database that is `main` to it. `beside`: others that it may read.
        Raises INVALID with SQLite's reason, UNAVAILABLE.
        """
        try:
            with self._place():
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, _run, path, beside, statements, scope
                )
        except StatementError as error:
            raise invalid(_TOO_LONG if error.interrupted else str(error)) from None
        except Error as error:  # of the files; what a statement brings about is a StatementError
            raise QuillError(
                Kind.UNAVAILABLE, "The database cannot be opened now.", retry_after_seconds=1
            ) from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Around a text's way through the writer: one at a time, since others' writes wait for it.

        Raises UNAVAILABLE.
        """
        with self._place():
            async with self._lock:
                yield

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Among those that wait. Raises UNAVAILABLE."""
        if self._waiting >= CONSOLE_WAITING_MAX:
            raise QuillError(
                Kind.UNAVAILABLE, "Too many queries are waiting.", retry_after_seconds=1
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


def _run(
    path: Path, beside: Iterable[Place], statements: Sequence[str], scope: Scope
) -> Answer | Writes:
    with closing(open_reader(path, like_is_case_sensitive=True)) as connection:
        for place in beside:
            attach_for_reading(connection, place.path, place.name)
        with _bounded(connection), defended(connection):
            connection.execute("BEGIN")
            return _look_and_run(connection, statements, ConsoleJudge(scope, Secrets.NULL))


def _look_and_run(
    connection: Connection, statements: Sequence[str], judge: ConsoleJudge
) -> Answer | Writes:
    """Until one changes the schema each of them must fit; those after it may need what it makes."""
    shown, places, defines = "", set[str](), False
    for statement in statements:
        looked = look(connection, statement, judge)
        if looked.gives:
            shown = statement
        if looked.writes or looked.defines:
            places |= judge.places
        if looked.defines:
            defines = True
            break
    if places:
        return Writes(defines, frozenset(places))
    return fetch(connection, shown, judge, _BOUNDS) if shown else Answer()


@contextmanager
def _bounded(connection: Connection) -> Iterator[None]:
    """In time and memory. Raises StatementError, interrupted where it is the time."""
    until = time.monotonic() + CONSOLE_READ_SECONDS
    memory = MemoryWatch()

    def over() -> bool:
        return memory.is_over() or time.monotonic() > until

    connection.set_progress_handler(over, CONSOLE_READ_PROGRESS_STEPS)
    try:
        yield
    except StatementError:
        if memory.spent:
            raise StatementError(NO_MEMORY) from None
        raise

"""The writer's log of outcomes, read by a worker whose operation got no answer in time."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from shared.depot.layout import MAIN
from shared.messages.commands import BatchLog, Result
from shared.quote import quote_identifier
from shared.sql.plan import Value
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot

_SQL = "SELECT at, entries FROM {}._batch ORDER BY seq DESC"
_decode = msgspec.msgpack.Decoder(BatchLog).decode


class OutcomeLog:
    """Finds outcomes of this process's operations. Called rarely, and in a thread."""

    def __init__(self, reader: Reader, incarnation: int) -> None:
        self._reader = reader
        self._incarnation = incarnation

    async def look_up(self, database: str, seqs: Iterable[int], since_ns: int) -> dict[int, Result]:
        """Outcomes of `seqs` in a database's batches since CLOCK_MONOTONIC `since_ns`.

        Raises QuillError UNAVAILABLE, as every slow read.
        """
        wanted = frozenset(seqs)
        other = None if database == MAIN else self._reader.other(database)

        def find(snapshot: Snapshot) -> dict[int, Result]:
            if other is not None:
                snapshot.attach(other)
            return self._find(snapshot, _SQL.format(quote_identifier(database)), wanted, since_ns)

        return await self._reader.run_in_thread(find)

    def _find(
        self, snapshot: Snapshot, sql: str, wanted: frozenset[int], since_ns: int
    ) -> dict[int, Result]:
        def older(row: tuple[Value, ...]) -> bool:
            return not isinstance(row[0], int) or row[0] < since_ns

        found: dict[int, Result] = {}
        for _at, entries in snapshot.rows_until(sql, (), older):
            assert isinstance(entries, bytes)
            for logged in _decode(entries).results:
                if logged.incarnation == self._incarnation and logged.seq in wanted:
                    found[logged.seq] = Result(
                        logged.seq, logged.status, logged.payload, logged.step
                    )
        return found

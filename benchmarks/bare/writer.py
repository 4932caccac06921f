"""The bare writer: drain what waits, one transaction, one fsync, one reply a worker, one notice.

A COMMIT that fails ends the process, so answers may be remembered before it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import apsw
import msgspec
import zmq

from benchmarks.bare.database import COLUMNS, GUARD, INSERTS, open_writer
from benchmarks.bare.messages import Notice, Operation, Operations, Result, Results

_BATCH_MAX: Final = 512
_KEPT_NS: Final = 60_000_000_000
_INTERNAL: Final = frozenset(("_change", "_commit", "_batch", "_head"))
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Operations).decode
Captured = tuple[str, int, str, bytes]


class Writer:
    """Owns the only read-write connection."""

    def __init__(self, folder: Path) -> None:
        self._database = open_writer(folder / "main.db")
        self._database.preupdate_hook(self._capture)
        self._mark = self._database.cursor().execute  # one cursor for what returns nothing
        self._captured: list[Captured] = []
        self._answers: dict[int, dict[int, str | None]] = {}
        self._head = int(self._database.execute("SELECT n FROM _head").get)
        self._batches = 0
        context = zmq.Context()
        self._publisher = context.socket(zmq.PUB)
        self._publisher.bind(f"ipc://{folder}/changes.ipc")
        self._router = context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.SNDHWM, 100_000)
        self._router.setsockopt(zmq.RCVHWM, 100_000)
        self._router.bind(f"ipc://{folder}/writer.ipc")

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self._commit(self._receive())

    def _receive(self) -> list[tuple[bytes, Operations]]:
        """Wait for a message, then take all that are there."""
        batch: list[tuple[bytes, Operations]] = []
        count = flags = 0
        try:
            while count < _BATCH_MAX:
                peer, body = self._router.recv_multipart(flags)
                message = _decode(body)
                batch.append((peer, message))
                count += len(message.operations)
                flags = zmq.NOBLOCK
        except zmq.Again:
            pass
        return batch

    def _commit(self, batch: list[tuple[bytes, Operations]]) -> None:
        before = self._head
        self._mark("BEGIN IMMEDIATE")
        seq = self._database.execute("UPDATE _head SET seq=seq+1 WHERE epoch=1 RETURNING seq").get
        replies: dict[bytes, list[Result]] = {}
        log: list[tuple[int, int, str | None]] = []
        for peer, message in batch:
            incarnation = message.incarnation
            known = self._answers.setdefault(incarnation, {})
            while known and (oldest := next(iter(known))) <= message.acked:
                del known[oldest]
            answers = replies.setdefault(peer, [])
            for operation in message.operations:
                if operation.seq in known:
                    record = known[operation.seq]
                else:
                    record = known[operation.seq] = self._apply(operation)
                    log.append((incarnation, operation.seq, record))
                answers.append(Result(operation.seq, record))
        self._write_log(seq, before, log)
        self._mark("COMMIT")
        for peer, answers in replies.items():
            self._router.send_multipart((peer, _encode(Results(answers))), zmq.NOBLOCK)
        if self._head > before:
            self._publisher.send(_encode(Notice(before, self._head)), zmq.NOBLOCK)

    def _apply(self, operation: Operation) -> str | None:
        """One insert in a savepoint of its own, behind its guard."""
        execute, mark = self._database.execute, self._mark
        captured = len(self._captured)
        mark("SAVEPOINT o")
        record: str | None = None
        try:
            if execute(GUARD, operation.guard).get is not None:
                record = execute(INSERTS[operation.insert], operation.values).get
        except apsw.Error:
            mark("ROLLBACK TO o")
            del self._captured[captured:]
        mark("RELEASE o")
        return record

    def _capture(self, update: apsw.PreUpdate) -> None:
        if update.table_name in _INTERNAL:
            return
        new = update.new
        if new is not None:
            values = dict(zip(COLUMNS, new[1:], strict=True))
            self._captured.append((update.table_name, 1, str(new[1]), _encode(values)))

    def _write_log(self, seq: int, before: int, log: list[tuple[int, int, str | None]]) -> None:
        execute = self._mark
        numbered = [
            (before + place, table, act, key, new)
            for place, (table, act, key, new) in enumerate(self._captured, 1)
        ]
        self._captured.clear()
        if numbered:
            self._database.executemany(
                "INSERT INTO _change(n, tbl, act, key, new) VALUES (?,?,?,?,?)", numbered
            )
            self._head = before + len(numbered)
            execute("UPDATE _head SET n=?", (self._head,))
            commit = (seq, time.time_ns() // 1_000_000, before, self._head)
            execute("INSERT INTO _commit VALUES (?,?,?,?)", commit)
        now = time.monotonic_ns()
        execute("INSERT INTO _batch VALUES (?,?,?)", (seq, now, _encode(log)))
        self._batches += 1
        if self._batches % 64 == 0:
            execute("DELETE FROM _batch WHERE at < ?", (now - _KEPT_NS,))


if __name__ == "__main__":
    Writer(Path(sys.argv[1])).run()

"""A fake supervisor and fake workers, so that the writer is tested from outside, as a process.

`Depot` makes what a supervisor would: run directory, status page, settings, the held lock. `Link`
is a worker's connection: a real DEALER that speaks the real messages.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import zmq

from shared.depot.databases import read_slots
from shared.messages.changes import CommitNotice
from shared.messages.commands import (
    PROTOCOL,
    Hello,
    Operation,
    Operations,
    Result,
    Results,
    Status,
    ToWorker,
    Welcome,
)
from shared.run_directory import RunDirectory
from shared.settings import Settings
from shared.sql.plan import Bulk, Plan, Step, Value, run
from shared.sqlite.connect import open_reader
from shared.status_page import DatabaseWords, StatusPage

PATIENCE_SECONDS = 15.0
_FAREWELL_SECONDS = 10.0
_decode = msgspec.msgpack.Decoder(ToWorker).decode


class Depot:
    """A depot and a run directory with at most one running writer."""

    def __init__(self, folder: Path, log_level: str = "debug") -> None:
        self.folder = folder / "depot"
        self.data = self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        run_path = folder / "run"
        run_path.mkdir(mode=0o700)
        self.run_directory = RunDirectory(run_path)
        self.run_directory.metrics.mkdir()
        settings = Settings(depot=str(self.folder), log_level=log_level)
        self.run_directory.settings.write_bytes(msgspec.json.encode(settings))
        self.page = StatusPage.create(self.run_directory.status_page)
        self.lock = os.open(self.data / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.log = folder / "writer.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.sockets: list[zmq.Socket[bytes]] = []

    @property
    def database(self) -> Path:
        """The file of main."""
        return self.data / "main.db"

    def path(self, name: str) -> Path:
        """The file of one database."""
        return self.data / f"{name}.db"

    def words(self, name: str) -> DatabaseWords:
        """What the status page says of one database."""
        slot = 0 if name == "main" else read_slots(self.run_directory.databases)[name]
        return self.page.database(slot)

    def start(self, **environment: str) -> dict[str, Any]:
        """Start a writer; returns its ready line."""
        self.process, line = self.spawn(lock=True, **environment)
        return line

    def spawn(
        self, *, lock: bool = True, **environment: str
    ) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        """Start a writer process and wait for its line."""
        reading, writing = os.pipe()
        handed = (writing, self.lock) if lock else (writing,)
        variables = dict(os.environ, QUILL_READY_FD=str(writing), **environment)
        variables["PROMETHEUS_MULTIPROC_DIR"] = str(self.run_directory.metrics)
        if lock:
            variables["QUILL_LOCK_FD"] = str(self.lock)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "writer", str(self.run_directory.path)],
                pass_fds=handed,
                env=variables,
                stderr=log,
            )
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], PATIENCE_SECONDS)
        assert ready, "the writer said nothing"
        line = os.read(reading, 4096)
        os.close(reading)
        assert line, f"the writer died: {self.log.read_text()}"
        found: dict[str, Any] = json.loads(line)
        return process, found

    def kill(self) -> None:
        """SIGKILL the writer."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        """The exit code of a writer that ends by itself."""
        assert self.process is not None
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """SIGTERM the writer; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_FAREWELL_SECONDS)

    def close(self) -> None:
        """End everything."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for socket in self.sockets:
            socket.close()
        os.close(self.lock)

    def reader(self, name: str = "main") -> apsw.Connection:
        """A worker's read-only connection."""
        return open_reader(self.path(name))

    def rows(
        self, sql: str, params: tuple[Value, ...] = (), *, of: str = "main"
    ) -> list[tuple[Any, ...]]:
        """What a worker would read now."""
        connection = self.reader(of)
        found: list[tuple[Any, ...]] = connection.execute(sql, params).fetchall()
        connection.close()
        return found

    def value(self, sql: str, params: tuple[Value, ...] = (), *, of: str = "main") -> Any:
        """The first value of the first row."""
        return self.rows(sql, params, of=of)[0][0]

    def events(self, after: int = 0, *, of: str = "main") -> list[tuple[Any, ...]]:
        """Rows of `_change`: (table, act, key, old, new), maps decoded."""
        return [
            (table, act, key, _unpack(old), _unpack(new))
            for table, act, key, old, new in self.rows(
                "SELECT tbl, act, key, old, new FROM _change WHERE n > ? ORDER BY n",
                (after,),
                of=of,
            )
        ]

    def operations_of_last_commit(self) -> Any:
        """[[request id, actor, last n], …]."""
        return _unpack(self.value("SELECT operations FROM _commit ORDER BY seq DESC LIMIT 1"))


def _unpack(blob: bytes | None) -> Any:
    return None if blob is None else msgspec.msgpack.decode(blob)


class Link:
    """One connection of a worker incarnation."""

    def __init__(self, depot: Depot, incarnation: int | None = None) -> None:
        self.depot = depot
        self.incarnation = incarnation or secrets.randbits(63)
        self.numbers = itertools.count(1)
        self.acked = 0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        depot.sockets.append(self._socket)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 5)
        self._socket.setsockopt(zmq.RCVTIMEO, int(PATIENCE_SECONDS * 1000))
        self._socket.setsockopt(zmq.SNDTIMEO, int(PATIENCE_SECONDS * 1000))
        self._socket.connect(depot.run_directory.writer)

    def hello(self) -> Welcome:
        """Introduce this connection."""
        self._send(Hello(PROTOCOL, self.incarnation))
        message = self.receive()
        assert isinstance(message, Welcome)
        return message

    def operation(
        self,
        steps: Iterable[Step],
        *,
        seq: int | None = None,
        catalog_version: int | None = None,
        changes_catalog: bool = False,
        seconds: float = 5.0,
        request_id: str = "",
        returns_all: bool = False,
        bulk: Bulk | None = None,
        database: str = "main",
        main_version: int = 0,
    ) -> Operation:
        """A plan for the version in force, under the next seq."""
        if catalog_version is None:
            catalog_version = self.depot.words(database).catalog_version
        plan = Plan(
            catalog_version,
            tuple(steps),
            changes_catalog,
            database,
            returns_all=returns_all,
            bulk=bulk,
            main_version=main_version,
        )
        deadline = time.monotonic_ns() + int(seconds * 1e9)
        return Operation(seq or next(self.numbers), plan, deadline, request_id, "")

    def send(self, operations: list[Operation]) -> None:
        """One message."""
        self._send(Operations(self.acked, operations))

    def is_silent(self, seconds: float) -> bool:
        """Nothing comes for so long."""
        return not self._socket.poll(int(seconds * 1000))

    def receive(self) -> Welcome | Results:
        """The next message from the writer. Raises zmq.Again when none comes."""
        message: Welcome | Results = _decode(self._socket.recv())
        return message

    def results(self, count: int) -> dict[int, Result]:
        """The next `count` results by seq."""
        found: dict[int, Result] = {}
        while len(found) < count:
            message = self.receive()
            assert isinstance(message, Results)
            for result in message.results:
                assert result.seq not in found, "answered twice"
                found[result.seq] = result
        return found

    def submit(self, operations: list[Operation]) -> list[Result]:
        """Send and wait; results in the order of the operations."""
        self.send(operations)
        found = self.results(len(operations))
        return [found[operation.seq] for operation in operations]

    def run(
        self,
        *steps: Step,
        changes_catalog: bool = False,
        seconds: float = 5.0,
        database: str = "main",
    ) -> Result:
        """One operation by itself."""
        operation = self.operation(
            steps, changes_catalog=changes_catalog, seconds=seconds, database=database
        )
        return self.submit([operation])[0]

    def define(self, *statements: str, database: str = "main") -> Result:
        """One catalog change made of DDL."""
        steps = [Step(2, sql) for sql in statements]  # type: ignore[arg-type]
        result = self.run(*steps, changes_catalog=True, seconds=60.0, database=database)
        assert result.status is Status.OK, result
        return result

    def name_databases(self, *names: str) -> Result:
        """Store main's setting of what other databases there are."""
        put = "INSERT OR REPLACE INTO _settings VALUES ('databases', ?)"
        result = self.run(run(put, (json.dumps(names),)), changes_catalog=True, seconds=60.0)
        assert result.status is Status.OK, result
        return result

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()

    def send_raw(self, message: bytes) -> None:
        """Bytes as they are."""
        self._socket.send(message)

    def _send(self, message: Hello | Operations) -> None:
        self._socket.send(msgspec.msgpack.encode(message))


class Notices:
    """A subscriber of commit notices."""

    def __init__(self, depot: Depot) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        depot.sockets.append(self._socket)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.RCVTIMEO, int(PATIENCE_SECONDS * 1000))
        self._socket.connect(depot.run_directory.changes)

    def next(self) -> CommitNotice:
        """Wait for one."""
        return msgspec.msgpack.decode(self._socket.recv(), type=CommitNotice)

    def has_one(self) -> bool:
        """Take one if it is there."""
        if not self._socket.poll(50):
            return False
        self.next()
        return True

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()

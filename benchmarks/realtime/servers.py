"""The servers under load: a cluster with the collections of the benchmark, and the bare one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
import orjson

from benchmarks import quill_target
from benchmarks.processes import cpu_microseconds, pss_bytes
from benchmarks.realtime.marks import FIELD
from benchmarks.realtime.messages import Transport
from benchmarks.realtime.writers import BareWriter, RecordWriter
from benchmarks.target import TargetError, stop

POSTS: Final = "posts"
NOTES: Final = "notes"
TEXT_BYTES: Final = 100
TEXT_BYTES_MAX: Final = 16_384
_ROOT: Final = Path(__file__).resolve().parents[2]
_SECOND_PORT: Final = "--realtime-port=0"
_SECONDS: Final = 30.0
_PAGE: Final = 1_000


class Writer(Protocol):
    """What makes the events."""

    def write(
        self, marks: Sequence[str], fields: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """Write them all at once; when each was sent, in monotonic nanoseconds."""

    def position(self) -> str:
        """Where the log stands after the last write; empty where there is none."""

    def close(self) -> None:
        """Hang up."""


class Server(Protocol):
    """A running server."""

    def port(self, transport: Transport) -> int:
        """Where clients of this kind connect."""

    def pids(self) -> list[int]:
        """All its processes."""

    def writer(self, connections: int, text_bytes: int = TEXT_BYTES) -> Writer:
        """Something that writes to the posts."""

    def order(self, marks: Sequence[str]) -> list[str]:
        """The marks in the order in which they were committed."""


class QuillServer:
    """Our own cluster."""

    def __init__(self, target: quill_target.QuillTarget) -> None:
        self.base_url = target.base_url
        self._ports = {
            "sse": urlsplit(target.base_url).port,
            "ws": urlsplit(target.base_url).port,
            "second": urlsplit(target.realtime_url).port if target.realtime_url else None,
        }
        self.pids = target.pids

    def port(self, transport: Transport) -> int:
        """Raises TargetError for the second port of a cluster that has none."""
        port = self._ports.get(transport)
        if port is None:
            raise TargetError(f"no port for {transport}")
        return port

    def writer(
        self, connections: int, text_bytes: int = TEXT_BYTES, collection: str = POSTS
    ) -> RecordWriter:
        """Keep-alive connections that create records."""
        return RecordWriter(self.port("sse"), collection, "x" * text_bytes, connections)

    def order(self, marks: Sequence[str], collection: str = POSTS) -> list[str]:
        """As the table has them: rows get their numbers in the order of their commits."""
        found: list[str] = []
        with httpx.Client(base_url=self.base_url, timeout=_SECONDS) as client:
            for page in range(1, len(marks) // _PAGE + 2):
                asked: dict[str, str | int] = {
                    "filter": f"{FIELD} >= '{min(marks)}'", "sort": "@rowid", "fields": FIELD,
                    "skipTotal": 1, "perPage": _PAGE, "page": page,
                }  # fmt: skip
                answer = client.get(f"/api/collections/{collection}/records", params=asked)
                if not answer.is_success:
                    raise TargetError(f"no list: {answer.status_code} {answer.text[:300]}")
                found += [str(item[FIELD]) for item in orjson.loads(answer.content)["items"]]
        return found


class BareServer:
    """The yardstick."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, control: int) -> None:
        self._process = process
        self._port = port
        self._control = control

    def port(self, transport: Transport) -> int:
        """It has only one."""
        assert transport == "bare"
        return self._port

    def pids(self) -> list[int]:
        """It has only one."""
        return [self._process.pid]

    def writer(self, connections: int, text_bytes: int = TEXT_BYTES) -> BareWriter:
        """One control connection is enough."""
        assert connections
        return BareWriter(self._control, "x" * text_bytes)

    def order(self, marks: Sequence[str]) -> list[str]:
        """Whatever comes first is first."""
        return list(marks)


def make_depot(folder: Path, *definitions: Mapping[str, Any]) -> Path:
    """A depot with the benchmark's two public collections, and these."""
    depot = folder / "depot"
    quill_target.make_superuser(depot)
    with quill_target.cluster(depot, 1) as target:
        headers = {"Authorization": quill_target.login(target.base_url)}
        with httpx.Client(base_url=target.base_url, headers=headers, timeout=_SECONDS) as client:
            for definition in (_public(POSTS), _public(NOTES), *definitions):
                answer = client.post("/api/collections", json=definition)
                if not answer.is_success:
                    raise TargetError(f"no collection: {answer.status_code} {answer.text}")
    return depot


def _public(name: str) -> dict[str, object]:
    return {
        "name": name,
        "type": "base",
        "fields": [
            {"name": FIELD, "type": "text"},
            {"name": "text", "type": "text", "max": TEXT_BYTES_MAX},
        ],
        "listRule": "",
        "viewRule": "",
        "createRule": "",
    }


@contextmanager
def quill(depot: Path, workers: int, *, second_port: bool) -> Iterator[QuillServer]:
    """A cluster on the depot until the block ends."""
    flags = (_SECOND_PORT,) if second_port else ()
    with quill_target.cluster(depot, workers, *flags) as target:
        yield QuillServer(target)


@contextmanager
def bare() -> Iterator[BareServer]:
    """The bare server until the block ends."""
    command = [sys.executable, "-m", "benchmarks.realtime.bare_server"]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        ports = process.stdout.readline().split()
        if len(ports) != 2:
            raise TargetError("the bare server did not start")
        yield BareServer(process, *map(int, ports))
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def running(transport: Transport, depot: Path, workers: int) -> Iterator[Server]:
    """The server that clients of this kind need."""
    if transport == "bare":
        with bare() as server:
            yield server
    else:
        with quill(depot, workers, second_port=transport == "second") as server:
            yield server


class Cost:
    """CPU and memory of a server from here on."""

    def __init__(self, server: Server) -> None:
        self._pids = server.pids()
        self._cpu = cpu_microseconds(self._pids)
        self._pss = pss_bytes(self._pids)

    def cpu_us(self) -> float:
        """User and system time of all its processes, in microseconds."""
        return cpu_microseconds(self._pids) - self._cpu

    def grown_bytes(self) -> int:
        """How much more proportional memory they have."""
        return pss_bytes(self._pids) - self._pss

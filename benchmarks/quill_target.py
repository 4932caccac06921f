"""Our own server as users run it: `quillbase run` on free ports over a temporary depot."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from benchmarks.dataset import (
    OWNED_COLLECTION,
    OWNERS_COLLECTION,
    READ_COLLECTION,
    collections,
    notes,
    owned_collections,
    owners,
    owners_collection,
    rows,
)
from benchmarks.loader import load
from benchmarks.processes import command_line, descendants, pss_bytes
from benchmarks.scenario import SCENARIOS, Scenario
from benchmarks.target import Idle, TargetError, stop, stop_pids, wait_until_answers

_PROGRAM: Final = str(Path(sys.executable).with_name("quillbase"))
_IDENTITY: Final = ("bench@example.com", "a password for the bench")
_SETTLE_SECONDS: Final = 2.0


class QuillTarget:
    """A running cluster with the benchmark's data."""

    name = "quillbase"

    def __init__(self, process: subprocess.Popen[bytes], base_url: str) -> None:
        self.base_url = base_url
        self.headers: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.scenarios: tuple[Scenario, ...] = SCENARIOS
        self.idle = Idle()
        self.realtime_url = ""
        """Of the second port, where the flags ask for one."""
        self._process = process

    def pids(self) -> list[int]:
        """Supervisor, writer and workers."""
        return descendants(self._process.pid)


@contextmanager
def running(folder: Path, workers: int) -> Iterator[QuillTarget]:
    """A cluster started on a depot that exists and is full, with what it cost to start it."""
    depot = folder / "depot"
    _fill(depot, workers)
    with cluster(depot, workers) as target:
        time.sleep(_SETTLE_SECONDS)
        _measure_idle(target)
        owner = ("owner0@example.com", _IDENTITY[1])
        target.owner = {"Authorization": login(target.base_url, OWNERS_COLLECTION, owner)}
        yield target


def _fill(depot: Path, workers: int) -> None:
    make_superuser(depot)
    with cluster(depot, workers) as target:
        token = login(target.base_url)
        for definition in collections():
            _define(target.base_url, token, definition)
        owners_id = _define(target.base_url, token, owners_collection())
        for definition in owned_collections(owners_id):
            _define(target.base_url, token, definition)
        for name, records in (
            (READ_COLLECTION, rows()),
            (OWNERS_COLLECTION, owners(_IDENTITY[1])),
            (OWNED_COLLECTION, notes()),
        ):
            path = f"/api/collections/{name}/records"
            load(target.base_url, path, records, {"Authorization": token})


def _define(base_url: str, token: str, definition: dict[str, object]) -> str:
    """Create a collection; its id."""
    answer = httpx.post(
        f"{base_url}/api/collections",
        json=definition,
        headers={"Authorization": token},
        timeout=30,
    )
    if not answer.is_success:
        raise TargetError(f"no collection: {answer.status_code} {answer.text}")
    return str(answer.json()["id"])


def make_superuser(depot: Path) -> None:
    """The one whom `login` logs in, on a depot that need not exist yet."""
    arguments = [_PROGRAM, "superuser", "upsert", *_IDENTITY, "--depot", str(depot)]
    subprocess.run(arguments, check=True, capture_output=True, timeout=60)


def login(
    base_url: str, collection: str = "_superusers", identity: tuple[str, str] = _IDENTITY
) -> str:
    """A token, the superuser's unless told otherwise. Raises TargetError."""
    answer = httpx.post(
        f"{base_url}/api/collections/{collection}/auth-with-password",
        json={"identity": identity[0], "password": identity[1]},
        timeout=30,
    )
    if not answer.is_success:
        raise TargetError(f"no login: {answer.status_code} {answer.text}")
    return str(answer.json()["token"])


@contextmanager
def cluster(depot: Path, workers: int, *more: str) -> Iterator[QuillTarget]:
    """`quillbase run` until the block ends; whatever it leaves behind is killed by its pid."""
    flags = [f"--depot={depot}", f"--workers={workers}", "--port=0", "--ops-port=0", *more]
    started = time.monotonic()
    log = depot.with_suffix(".log").open("ab")
    process = subprocess.Popen([_PROGRAM, "run", *flags], stdout=subprocess.PIPE, stderr=log)
    family: list[int] = []
    try:
        base_url = _announced_url(process)
        second = any(flag.startswith("--realtime-port") for flag in more)
        realtime_url = _announced_url(process, rb"ws://[\d.:]+") if second else ""
        wait_until_answers(f"{base_url}/api/health", process)
        target = QuillTarget(process, base_url)
        target.realtime_url = realtime_url
        target.idle.first_answer_seconds = time.monotonic() - started
        family = target.pids()
        yield target
        family = target.pids()
    except TargetError as error:
        log.flush()
        raise TargetError(f"{error}\n{depot.with_suffix('.log').read_text()[-2000:]}") from error
    finally:
        stop(process)
        stop_pids([pid for pid in family if pid != process.pid and _is_ours(pid)])
        log.close()


def _announced_url(process: subprocess.Popen[bytes], pattern: bytes = rb"http://[\d.:]+") -> str:
    """The address in the next line that names one."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found[0].decode()
    raise TargetError(f"`quillbase run` ended with {process.wait()} and said no address")


def _is_ours(pid: int) -> bool:
    """A pid may have been used again meanwhile."""
    return bool(re.search(r"-m (writer|worker) ", command_line(pid)))


def _measure_idle(target: QuillTarget) -> None:
    for pid in target.pids():
        found = re.search(r"-m (?:cluster )?(supervisor|writer|worker \d+)", command_line(pid))
        name = found[1] if found else command_line(pid)[:40]
        target.idle.processes[name] = pss_bytes([pid])
    target.idle.pss_bytes = sum(target.idle.processes.values())

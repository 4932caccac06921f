"""A real cluster for tests: `quillbase run` on free ports over a temporary depot."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.waiting import until

QUILLBASE = str(Path(sys.executable).with_name("quillbase"))
EMAIL, PASSWORD = "root@example.com", "correct horse battery"


class ClusterProcess:
    """One `quillbase run`. Use as a context manager; every process it started is gone after it."""

    def __init__(
        self,
        depot: Path,
        *,
        workers: int = 2,
        env: Mapping[str, str] | None = None,
        arguments: Iterable[str] = (),
        port: int = 0,
        command: Sequence[str] = (QUILLBASE, "run"),
    ) -> None:
        self.depot = depot
        self.workers = workers
        self.banner: list[str] = []
        self.log: list[str] = []
        flags = [
            f"--depot={depot}",
            f"--workers={workers}",
            f"--port={port}",
            "--ops-port=0",
        ]
        self.process = subprocess.Popen(
            [*command, *flags, *arguments],
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self.banner.extend, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self.log.extend, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._clients: list[httpx.Client] = []
        self._token = ""

    def __enter__(self) -> Self:
        try:
            until(self._announced, seconds=30, what=f"cluster start; log: {self.log[-5:]}")
        except AssertionError:
            self.stop()
            raise AssertionError("no start; log:\n" + "".join(self.log[-20:])) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _announced(self) -> bool:
        assert self.process.poll() is None, "".join(self.log[-20:])
        return len(self._addresses()) >= 2

    def _addresses(self) -> list[str]:
        return re.findall(r"http://127\.0\.0\.1:\d+", "".join(self.banner))

    @property
    def url(self) -> str:
        """Base URL of the HTTP API."""
        return self._addresses()[0]

    @property
    def port(self) -> int:
        """TCP port of the HTTP API."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def realtime_port(self) -> int:
        """TCP port of its own for WebSockets; start with `--realtime-port=0` to have one."""
        found = re.search(r"ws://127\.0\.0\.1:(\d+)/", "".join(self.banner))
        assert found is not None, "the cluster has no second port"
        return int(found[1])

    @property
    def ops_url(self) -> str:
        """Base URL of the ops port."""
        return next(address for address in self._addresses() if address != self.url)

    @property
    def pid(self) -> int:
        """The supervisor's pid: `quillbase run` re-execs in place."""
        return self.process.pid

    def children(self) -> dict[str, int]:
        """Living children: `{"writer": pid, "worker 0": pid, …}`."""
        found = {}
        for pid in child_pids(self.pid):
            words = command_line(pid)
            if "writer" in words:
                found["writer"] = pid
            elif "worker" in words:
                found[f"worker {words[words.index('worker') + 1]}"] = pid
        return found

    def kill(self, child: str, number: int = signal.SIGKILL) -> int:
        """Signal one child by name and return its pid."""
        pid = self.children()[child]
        os.kill(pid, number)
        return pid

    def ready(self) -> bool:
        """The ops port's verdict."""
        try:
            return httpx.get(f"{self.ops_url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def client(self, *, superuser: bool = True, **options: Any) -> httpx.Client:
        """A client of the API; a superuser's unless told otherwise."""
        headers = {"Authorization": self.superuser_token()} if superuser else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)
        self._clients.append(client)
        return client

    def superuser_token(self) -> str:
        """Token of the test superuser, made through the command line at first use."""
        if not self._token:
            upsert_superuser(self.depot)
            reply = httpx.post(
                f"{self.url}/api/collections/_superusers/auth-with-password",
                json={"identity": EMAIL, "password": PASSWORD},
                timeout=30,
            )
            assert reply.status_code == 200, reply.text
            self._token = str(reply.json()["token"])
        return self._token

    def collection(self, name: str, fields: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Create a collection whose rules are all public unless `more` says otherwise."""
        rules = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
        body = {"name": name, "type": "base", "fields": fields, **dict.fromkeys(rules, ""), **more}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            reply = client.post(
                "/api/collections", json=body, headers={"Authorization": self.superuser_token()}
            )
        assert reply.status_code == 200, reply.text
        created: dict[str, Any] = reply.json()
        return created

    def stop(self) -> int:
        """SIGTERM, wait for the drain, and return the exit code."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait(10)
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def events(self) -> list[dict[str, Any]]:
        """The structured log so far, one dict an event."""
        return [json.loads(line) for line in list(self.log) if line.startswith("{")]


def upsert_superuser(depot: Path, email: str = EMAIL, password: str = PASSWORD) -> None:
    """Run `quillbase superuser upsert`."""
    done = subprocess.run(
        [QUILLBASE, "superuser", "upsert", email, password, "--depot", str(depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def child_pids(parent: int) -> list[int]:
    """Pids whose parent this is, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def command_line(pid: int) -> list[str]:
    """Words of a process's command line; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []

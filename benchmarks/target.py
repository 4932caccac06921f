"""A server under test: where it listens, which processes it is, which scenarios it serves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

from benchmarks.scenario import Scenario

START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 40.0
_POLL_SECONDS: Final = 0.005


class TargetError(Exception):
    """A server did not start, or does not answer as a scenario expects."""


@dataclass
class Idle:
    """What a server costs before its first request of a run."""

    first_answer_seconds: float | None = None
    pss_bytes: int = 0
    processes: dict[str, int] = field(default_factory=dict)
    """PSS in bytes by process."""


class Target(Protocol):
    """Something that can be put under load."""

    name: str
    base_url: str
    headers: dict[str, str]
    owner: dict[str, str]
    """Headers of the first owner, for scenarios under a rule."""
    scenarios: tuple[Scenario, ...]
    idle: Idle

    def pids(self) -> list[int]:
        """All processes that serve, now."""


def headers_for(target: Target, scenario: Scenario) -> dict[str, str]:
    """What the target wants with each request of the scenario."""
    return {**target.headers, **(target.owner if scenario.owned else {})}


def check(target: Target, scenario: Scenario) -> None:
    """Send one request and judge the answer. Raises TargetError when it is not the real thing."""
    path, body = scenario.sample()
    try:
        answer = httpx.request(
            scenario.method,
            target.base_url + path,
            content=body or None,
            headers={**headers_for(target, scenario), **scenario.headers},
            timeout=10,
        )
    except httpx.HTTPError as error:
        raise TargetError(f"{target.name}, {scenario.name}: {error!r}") from error
    if not answer.is_success:
        text = answer.text[:300]
        raise TargetError(f"{target.name}, {scenario.name}: {answer.status_code} {text}")
    complaint = scenario.check(answer.content)
    if complaint:
        raise TargetError(f"{target.name}, {scenario.name}: {complaint}")


def wait_until_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    """Poll until `url` answers 200. Raises TargetError when the process ends or time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TargetError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(_POLL_SECONDS)
    raise TargetError(f"{url} did not answer within {START_SECONDS} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL, to a process that we started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stop_pids(pids: list[int]) -> None:
    """SIGKILL to children of a process that we started and that died before them."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

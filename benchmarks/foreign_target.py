"""Any other server, described by a TOML file: benchmarks/targets/example.toml documents its keys."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.dataset import rows
from benchmarks.loader import load
from benchmarks.processes import named, pss_bytes
from benchmarks.scenario import SCENARIOS, Scenario, contains
from benchmarks.target import Idle, TargetError


class ScenarioFile(msgspec.Struct, forbid_unknown_fields=True):
    """`[scenarios.<name>]`: what to send, and strings that a true answer holds."""

    path: str
    method: str = "GET"
    body: str = ""
    headers: dict[str, str] = {}
    contains: list[str] = []


class LoadFile(msgspec.Struct, forbid_unknown_fields=True):
    """`[load]`: where the 10,000 rows are POSTed before the run; absent when they are there."""

    path: str


class TargetFile(msgspec.Struct, forbid_unknown_fields=True):
    """A whole target file."""

    name: str
    base_url: str
    headers: dict[str, str] = {}
    pids: list[int] = []
    processes: list[str] = []
    load: LoadFile | None = None
    scenarios: dict[str, ScenarioFile] = {}


class ForeignTarget:
    """A server that somebody else started; we never stop it."""

    def __init__(self, file: TargetFile) -> None:
        self.name = file.name
        self.base_url = file.base_url.rstrip("/")
        self.headers = file.headers
        self.owner: dict[str, str] = {}  # the file's scenarios name their own headers
        self.scenarios = tuple(
            _scenario(each, file.scenarios[each.name])
            for each in SCENARIOS
            if each.name in file.scenarios
        )
        self.idle = Idle()
        self._pids = file.pids
        self._patterns = file.processes

    def pids(self) -> list[int]:
        """The processes that the file names, by number or by command line."""
        return sorted({*self._pids, *named(self._patterns)})


def _scenario(ours: Scenario, file: ScenarioFile) -> Scenario:
    return Scenario(
        ours.name,
        ours.title,
        file.path,
        file.method,
        file.body,
        file.headers,
        contains(*file.contains),
    )


def read(text: str) -> TargetFile:
    """Parse a target file. Raises TargetError with the reason."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        file = msgspec.convert(raw, TargetFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TargetError(f"target file: {error}") from error
    unknown = set(file.scenarios) - {each.name for each in SCENARIOS}
    if unknown:
        raise TargetError(f"target file: unknown scenarios {sorted(unknown)}")
    return file


def connect(path: Path) -> ForeignTarget:
    """The target of a file, filled when the file says so. Raises TargetError."""
    file = read(path.read_text())
    target = ForeignTarget(file)
    if not target.pids():
        raise TargetError(f"{path}: no process of `pids` or `processes` is running")
    target.idle.pss_bytes = pss_bytes(target.pids())
    if file.load is not None:
        load(target.base_url, file.load.path, rows(), file.headers)
    return target

"""Runs Debian's wrk with a Lua script made from a scenario, and reads its figures."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.dataset import ID_FORMAT, ROWS
from benchmarks.scenario import Scenario

_MARK: Final = "QUILL "
_GRACE_SECONDS: Final = 15.0

_REQUEST: Final = """
local number = 0
local slot = 0
local slots = 0
function setup(thread) thread:set("slot", slots); slots = slots + 1 end
function init(arguments) math.randomseed(os.time() * 8 + slot) end
function request()
  number = number + 1
  local id = string.format("%(id)s", math.random(0, %(last)d))
  local n = string.format("%%d", slot * 100000000 + number)
  local path = path_template:gsub("{id}", id):gsub("{n}", n)
  local body = body_template:gsub("{id}", id):gsub("{n}", n)
  return wrk.format(nil, path, nil, body)
end
"""

_DONE: Final = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'QUILL {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


class WrkError(Exception):
    """wrk is not there, or did not print its figures."""


@dataclass(frozen=True)
class Load:
    """What wrk saw in one round. Latencies in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    status_errors: int
    socket_errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def errors(self) -> int:
        """Answers of 400 and above, and broken or late connections."""
        return self.status_errors + self.socket_errors


def script(scenario: Scenario, headers: dict[str, str]) -> str:
    """The Lua script of one scenario. A request that never changes is formatted only once."""
    lines = [f"wrk.method = {_lua(scenario.method)}"]
    for name, value in {**headers, **scenario.headers}.items():
        lines.append(f"wrk.headers[{_lua(name)}] = {_lua(value)}")
    if any(hole in scenario.path + scenario.body for hole in ("{id}", "{n}")):
        lines.append(f"local path_template = {_lua(scenario.path)}")
        lines.append(f"local body_template = {_lua(scenario.body)}")
        lines.append(_REQUEST % {"id": ID_FORMAT, "last": ROWS - 1})
    else:
        lines.append(f"wrk.path = {_lua(scenario.path)}")
        if scenario.body:
            lines.append(f"wrk.body = {_lua(scenario.body)}")
    return "\n".join([*lines, _DONE])


def _lua(text: str) -> str:
    """A Lua string literal; escapes by decimal byte are exact for any text."""
    plain = {ord('"'), ord("\\")}
    return (
        '"'
        + "".join(
            chr(byte) if 32 <= byte < 127 and byte not in plain else f"\\{byte:03d}"
            for byte in text.encode()
        )
        + '"'
    )


def command() -> str:
    """Path of the wrk program. Raises WrkError when it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise WrkError("wrk is not installed: apt-get install wrk")
    return found


def run(
    base_url: str,
    scenario: Scenario,
    headers: dict[str, str],
    *,
    seconds: int,
    connections: int,
    threads: int,
    folder: Path,
) -> Load:
    """One round of load. Raises WrkError."""
    lua = folder / f"{scenario.name}.lua"
    lua.write_text(script(scenario, headers))
    arguments = [command(), f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
    ended = subprocess.run(
        [*arguments, "-s", str(lua), base_url],
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
        check=False,
    )
    return read(ended.stdout, ended.stderr)


def read(output: str, complaint: str = "") -> Load:
    """The figures that the script printed. Raises WrkError when there are none."""
    for line in output.splitlines():
        if line.startswith(_MARK):
            figures = json.loads(line.removeprefix(_MARK))
            return Load(
                requests=figures["requests"],
                seconds=figures["microseconds"] / 1e6,
                p50_ms=figures["p50"] / 1e3,
                p99_ms=figures["p99"] / 1e3,
                status_errors=figures["status"],
                socket_errors=figures["socket"],
            )
    raise WrkError(f"wrk printed no figures: {output} {complaint}")

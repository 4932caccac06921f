"""Rounds of a fixed number of requests by wrk, and what they cost a server.

wrk runs for a time and knows no number. Each of its threads says when its share has been sent, and
when all have, SIGINT ends the run, which is how wrk is broken off early with all its figures.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import wrk
from benchmarks.processes import cpu_microseconds, pss_bytes

_MARK: Final = "QUILL "
_SECONDS_MAX: Final = 900
_ENOUGH: Final = "ENOUGH\n"

_HEAD: Final = """
local slots = 0
function setup(thread) thread:set("slot", slots); slots = slots + 1 end
local number = 0
local ended = false
function enough()
  wrk.thread:stop()
  if not ended then io.write("ENOUGH\\n"); io.flush() end
  ended = true
end
"""
_INSERT: Final = """
local text = wrk.format("POST", %(path)s, nil, %(body)s)
function request()
  number = number + 1
  if number > %(share)d then enough() end
  return text
end
"""
_READ: Final = """
local texts = {}
function init(arguments)
  local path = %(path)s .. "/"
  for line in io.lines(%(ids)s) do texts[#texts + 1] = wrk.format("GET", path .. line) end
  number = slot * %(share)d
end
function request()
  number = number + 1
  if number > (slot + 1) * %(share)d then enough() end
  return texts[number %% #texts + 1]
end
"""
_DONE: Final = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'QUILL {"requests":%d,"microseconds":%d,"p50":%d,"p75":%d,"p90":%d,"p95":%d,"p99":%d,'
    .. '"errors":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(75),
    latency:percentile(90), latency:percentile(95), latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Round:
    """What wrk saw of some requests, and what the server spent. Latencies in milliseconds.

    `cpu_us`: by request, over all processes of the server. `pss_bytes`: of all of them, after it.
    """

    what: str
    requests: int
    seconds: float
    p50: float
    p75: float
    p90: float
    p95: float
    p99: float
    errors: int
    cpu_us: float
    pss_bytes: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Load:
    """How wrk is run: so many requests at once, over so many threads, each with its share.

    `pids` tells the processes of the server that is asked.
    """

    base_url: str
    headers: dict[str, str]
    pids: Callable[[], list[int]]
    folder: Path
    connections: int = 64
    threads: int = 2

    def insert(self, what: str, path: str, body: str, count: int) -> Round:
        """POST `body` so many times. Raises WrkError."""
        values = {"path": quoted(path), "body": quoted(body), "share": count // self.threads}
        return self._round(what, _INSERT % values, count)

    def read(self, what: str, path: str, ids: Sequence[str], count: int) -> Round:
        """GET records below `path` by their ids in turn. Raises WrkError."""
        file = self.folder / "ids.txt"
        file.write_text("\n".join(ids) + "\n")
        values = {
            "path": quoted(path), "ids": quoted(str(file)), "share": count // self.threads,
        }  # fmt: skip
        return self._round(what, _READ % values, count)

    def _round(self, what: str, work: str, count: int) -> Round:
        script = self.folder / f"{what}.lua"
        script.write_text("\n".join([*self._header_lines(), _HEAD, work, _DONE]))
        arguments = [
            wrk.command(), f"-t{self.threads}", f"-c{self.connections}", f"-d{_SECONDS_MAX}s",
            "--latency", "-s", str(script), self.base_url,
        ]  # fmt: skip
        family = self.pids()
        before = cpu_microseconds(family)
        output = _run(arguments, self.threads)
        spent = cpu_microseconds(family) - before
        figures = _figures(output)
        if figures["requests"] < count - 2 * self.connections:
            raise wrk.WrkError(f"{what}: only {figures['requests']} of {count} were answered")
        times = {name: figures[name] / 1e3 for name in ("p50", "p75", "p90", "p95", "p99")}
        return Round(
            what,
            figures["requests"],
            figures["microseconds"] / 1e6,
            **times,
            errors=figures["errors"],
            cpu_us=spent / figures["requests"],
            pss_bytes=pss_bytes(family),
        )

    def _header_lines(self) -> list[str]:
        headers = {**self.headers, "Content-Type": "application/json"}
        return [f"wrk.headers[{quoted(name)}] = {quoted(text)}" for name, text in headers.items()]


def quoted(text: str) -> str:
    """A Lua string literal of plain text."""
    return json.dumps(text)


def _run(arguments: list[str], threads: int) -> str:
    """What wrk prints until each thread has had enough, and after that."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed, enough = [], 0
        for line in process.stdout:
            printed.append(line)
            enough += line == _ENOUGH
            if line == _ENOUGH and enough == threads:
                process.send_signal(signal.SIGINT)
        return "".join(printed)


def _figures(output: str) -> dict[str, int]:
    for line in output.splitlines():
        if line.startswith(_MARK):
            figures: dict[str, int] = json.loads(line.removeprefix(_MARK))
            return figures
    raise wrk.WrkError(f"wrk printed no figures: {output}")

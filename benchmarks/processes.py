"""What processes cost, read from /proc: CPU time and proportional memory of a whole tree."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICK_US: Final = 1_000_000 / os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM = 1, 11, 12  # fields of /proc/<pid>/stat, counted after the name


def descendants(root: int) -> list[int]:
    """The process and everything below it, sorted."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[_PARENT]), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return sorted(found)


def named(patterns: list[str]) -> list[int]:
    """Processes of others whose command line matches one of the regular expressions."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return [
        pid
        for pid in _all()
        if pid != os.getpid() and any(each.search(command_line(pid)) for each in compiled)
    ]


def command_line(pid: int) -> str:
    """The arguments with blanks between; empty when the process is gone."""
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def cpu_microseconds(pids: list[int]) -> float:
    """User and system time of the processes with all their threads, ended threads included.

    Linux scales these counters to the scheduler's exact run time, so only a tick is lost.
    """
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            ticks += int(fields[_USER]) + int(fields[_SYSTEM])
    return ticks * _TICK_US


def pss_bytes(pids: list[int]) -> int:
    """Proportional set size: shared pages are counted once over all sharers."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 1 :].split()

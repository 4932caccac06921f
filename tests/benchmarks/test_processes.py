"""CPU time and memory of processes, checked on processes of known habits."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks import processes
from tests.waiting import until


def test_own_cpu_time_is_seen() -> None:
    """Work done here is counted, in microseconds of the same size as the kernel's own clock."""
    before, clock = processes.cpu_microseconds([os.getpid()]), time.process_time()
    while time.process_time() < clock + 0.2:
        pass
    spent = processes.cpu_microseconds([os.getpid()]) - before
    assert spent >= 150_000


def test_memory_of_a_process_is_seen() -> None:
    """A Python process holds between 1 MB and 4 GB."""
    assert 1 << 20 < processes.pss_bytes([os.getpid()]) < 1 << 32


def test_a_gone_process_costs_nothing() -> None:
    """A pid that does not exist is no error."""
    assert processes.cpu_microseconds([2**22 + 1]) == 0
    assert processes.pss_bytes([2**22 + 1]) == 0
    assert processes.command_line(2**22 + 1) == ""


def test_descendants_and_names_are_found() -> None:
    """A grandchild is below us, and is found by its command line."""
    script = "import subprocess,sys; subprocess.run([sys.executable, '-c', 'input()', 'needle-77'])"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    try:
        found = until(lambda: processes.named(["input\\(\\) needle-77"]), what="grandchild")
        assert set(found) <= set(processes.descendants(os.getpid()))
        assert child.pid in processes.descendants(os.getpid())
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait(10)

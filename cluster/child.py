"""One incarnation of one child process, from its start to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

READY_FD: Final = "QUILL_READY_FD"
LISTEN_FDS: Final = "QUILL_LISTEN_FDS"
LOCK_FD: Final = "QUILL_LOCK_FD"
PARENT_PID: Final = "QUILL_PARENT_PID"  # shared.parent_death, which costs an import of ctypes
_REPORT_BYTES_MAX = 64 * 1024
# systemd talks to the supervisor only: a child that inherited these could speak in its name.
_SUPERVISOR_ONLY = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID")
# Ctrl-C and a lost terminal reach the whole process group; only the supervisor may act on them.
_BLOCKED = {signal.SIGINT, signal.SIGHUP}

Command = Callable[[str, Path], Sequence[str]]
"""Name of a child (`writer`, `worker-<slot>`, `prepare`) and run directory → what to execute."""
_MODULES: Final = {"prepare": "worker.prepare"}


class Report(msgspec.Struct, frozen=True):
    """The one JSON line that a child writes when it is ready, or refuses to start.

    Of the writer alone come `superusers`, how many there are, and `pending`: why the depot has to
    be prepared before workers may serve it.
    """

    ready: bool = False
    error: str = ""
    superusers: int | None = None
    pending: tuple[str, ...] = ()


class Child:
    """A started process. It is ready when it said so through its pipe."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start it. Must be called in the main thread: PR_SET_PDEATHSIG follows the thread.

        Raises OSError when the system cannot start one more process.
        """
        self.name = name
        self.started_at = time.monotonic()
        self.ready_at: float | None = None
        self.report: Report | None = None
        self.settled = False
        """Nothing more will come through the pipe."""
        self._said = b""
        self.pipe, theirs = os.pipe()
        os.set_blocking(self.pipe, False)
        inherited = {key: value for key, value in os.environ.items() if key not in _SUPERVISOR_ONLY}
        try:
            with _signals_blocked():
                self.process = subprocess.Popen(
                    command,
                    env={
                        **inherited,
                        **environment,
                        READY_FD: str(theirs),
                        PARENT_PID: str(os.getpid()),
                    },
                    pass_fds=(*descriptors, theirs),
                    stdin=subprocess.DEVNULL,
                )
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def refusal(self) -> str:
        """Why it would not start, in its own words."""
        return self.report.error if self.report else ""

    def alive(self) -> bool:
        """Not ended yet; reaps it when it has."""
        return self.process.poll() is None

    def listen(self) -> bool:
        """Read its pipe; True at the moment it became ready."""
        if self.settled:
            return False
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.pipe, 4096):
                self._said += chunk
            self.settled = True
        line, newline, _ = self._said.partition(b"\n")
        if not newline and len(self._said) < _REPORT_BYTES_MAX:
            return False
        self.settled = True
        try:
            self.report = msgspec.json.decode(line, type=Report)
        except msgspec.MsgspecError:
            self.report = Report(error="its readiness line could not be read")
        if self.report.ready:
            self.ready_at = time.monotonic()
        return self.report.ready

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def close(self) -> None:
        """Give up the pipe of an ended child."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1


def default_command(name: str, run_directory: Path) -> list[str]:
    """`python -P -m writer RUN_DIR`, `… worker SLOT RUN_DIR` and `… worker.prepare RUN_DIR`."""
    program, _, slot = name.partition("-")
    module = _MODULES.get(program, program)
    return [sys.executable, "-P", "-m", module, *([slot] if slot else []), str(run_directory)]


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block what the child must not act on: it inherits the mask, we get ours back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

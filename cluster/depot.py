"""The depot as the supervisor sees it: a folder, its lock, and the run directory it names.

It never opens a database. The lock is an flock(2) on `data/writer.lock`, held by the supervisor and,
through inheritance, by the writer: whoever has it may start a writer, and nobody else can.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from cluster import VERSION
from cluster.banner import complain
from cluster.refusal import Refusal
from shared.depot.layout import DepotLayout
from shared.depot.replace import ReplacementError, finish_replacement
from shared.depot.version import NewerDepotError, bring_up_to_date
from shared.run_directory import RunDirectory
from shared.settings import Settings

_PREFIX = "quill-"
_COMMAND_SECONDS = 10.0
_UNNAMED_SECONDS = 1.0
_POLL_SECONDS = 0.02
_SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un(7), less the final NUL
_LONGEST_NAME = f"/{_PREFIX}12345678/worker-255.ipc"


class LockHolder(msgspec.Struct, frozen=True):
    """What `data/writer.lock` says: who holds the depot, and where it can be met.

    `brief`: a command holds it for a moment; it is worth waiting.
    """

    pid: int
    run_directory: str
    brief: bool = False


class Depot:
    """One depot that this process has locked. Close it to give it back."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.lock = lock
        self._run: RunDirectory | None = None

    @classmethod
    def take(cls, path: Path) -> Depot:
        """Make the folders that are missing, take the lock, and end what was interrupted.

        A replacement of the data that a crash cut off is finished or discarded, and told.
        Raises Refusal when it is taken, naming the holder, or when the folder cannot be used.
        """
        try:
            (path / "data").mkdir(parents=True, exist_ok=True)
            lock = os.open(lock_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Refusal(f"The depot {path} cannot be used: {error.strerror}.") from error
        if not _locked(path, lock):
            os.close(lock)
            raise Refusal(f"The depot {path} is in use{_by_whom(path)}.")
        depot = cls(path, lock)
        try:
            # Whoever died with the lock: nobody may take them for us, and send them a signal.
            depot._remove_stale()
            os.ftruncate(lock, 0)
            depot.settle()
        except BaseException:
            depot.close()
            raise
        return depot

    def settle(self) -> None:
        """End an interrupted replacement of the data, and see that the depot is of this version.

        Both are told. Raises Refusal, also for a depot that a newer version has written.
        """
        layout = DepotLayout(self.path)
        try:
            for told in (
                finish_replacement(layout),
                bring_up_to_date(layout, VERSION, self._snapshot),
            ):
                if told is not None:
                    complain(told)
        except NewerDepotError as error:
            raise Refusal(str(error)) from error
        except (ReplacementError, OSError) as error:
            raise Refusal(f"The depot {self.path} cannot be used: {error}") from error

    def _snapshot(self, name: str) -> None:
        """A backup before an upgrade, made by a process of its own. Raises Refusal."""
        task = {"verb": "create", "depot": str(self.path.resolve()), "name": name}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "worker.backups", msgspec.json.encode(task).decode()],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise Refusal(f"The depot {self.path} needs an upgrade, and no backup could be made.")

    def make_run_directory(self, settings: Settings, *, brief: bool = False) -> RunDirectory:
        """A fresh run directory, with the settings inside and its name in the lock file.

        Raises Refusal where the disk has no room for them.
        """
        self._remove_stale()
        try:
            run = RunDirectory(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_run_parent())))
            self._run = run
            run.metrics.mkdir(mode=0o700)
            run.settings.write_bytes(msgspec.json.encode(settings))
            holder = msgspec.json.encode(LockHolder(os.getpid(), str(run.path), brief))
            os.ftruncate(self.lock, 0)
            os.pwrite(self.lock, holder, 0)
        except OSError as error:
            raise Refusal(f"The depot {self.path} cannot be used: {error.strerror}.") from error
        return run

    def close(self) -> None:
        """Remove the run directory and let go of the depot."""
        if self._run is not None:
            shutil.rmtree(self._run.path, ignore_errors=True)
            os.ftruncate(self.lock, 0)
        os.close(self.lock)

    def _remove_stale(self) -> None:
        """A killed supervisor left its run directory; its name is still in the lock file."""
        holder = read_holder(self.path)
        if holder is None:
            return
        path = Path(holder.run_directory)
        with contextlib.suppress(OSError):
            ours = path.stat().st_uid == os.getuid() and not path.is_symlink()
            if ours and path.name.startswith(_PREFIX):
                shutil.rmtree(path, ignore_errors=True)


def lock_file(depot: Path) -> Path:
    """The file that is locked."""
    return depot / "data" / "writer.lock"


def read_holder(depot: Path) -> LockHolder | None:
    """What the lock file says; it may be stale when nobody holds the lock."""
    try:
        return msgspec.json.decode(lock_file(depot).read_bytes(), type=LockHolder)
    except (OSError, msgspec.MsgspecError):
        return None


def _locked(path: Path, lock: int) -> bool:
    """Take the lock now, or soon when whoever holds it will not hold it for long."""
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - began >= _patience(read_holder(path)):
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True


def _patience(holder: LockHolder | None) -> float:
    """Seconds worth waiting. A holder without a name is about to write it, or to let go."""
    if holder is None:
        return _UNNAMED_SECONDS
    return _COMMAND_SECONDS if holder.brief else 0.0


def _by_whom(path: Path) -> str:
    holder = read_holder(path)
    if holder is None:
        return " by another process"
    return f" by process {holder.pid}, whose run directory is {holder.run_directory}"


def _run_parent() -> str:
    """A folder short enough for socket paths: systemd's RuntimeDirectory=, else the temporary one."""
    for parent in (os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0], tempfile.gettempdir()):
        if parent and len(os.fsencode(parent + _LONGEST_NAME)) <= _SOCKET_PATH_BYTES_MAX:
            return parent
    return "/tmp"  # noqa: S108 - mkdtemp makes it private

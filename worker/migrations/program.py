"""A Python migration's way through its child process: started, bounded, and its outcome read."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from shared.limits import MIGRATION_PROGRAM_GRACE_SECONDS
from shared.parent_death import PARENT_VARIABLE
from worker.migrations.exchange import Answer, Request
from worker.migrations.refusal import MigrationError, at

_STDERR: Final = 2


def run_program(request: Request) -> Answer:
    """What the program asks for. Blocks. Raises MigrationError where it did not come to its end."""
    path = Path(request.label)
    with tempfile.TemporaryDirectory(prefix="quill-migration-") as folder:
        asked, answered = Path(folder, "request"), Path(folder, "answer")
        asked.write_bytes(msgspec.msgpack.encode(request))
        seconds = request.seconds + MIGRATION_PROGRAM_GRACE_SECONDS
        code = _wait(_start(asked, answered), seconds, path)
        if not answered.exists():
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise at(path, 0, f"Its process ended with {how} before it was done.")
        answer = msgspec.msgpack.decode(answered.read_bytes(), type=Answer)
    if answer.error:
        raise at(path, answer.line, answer.error)
    return answer


def can_undo(source: str) -> bool:
    """Whether a program has a function `down`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == "down" for node in tree.body)


def _start(asked: Path, answered: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that it can be killed with all that it started."""
    environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
    command = [sys.executable, "-P", "-m", "worker.migrations.child", str(asked), str(answered)]
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], seconds: float, path: Path) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise MigrationError(f"{path}: It took too long, and did not heed the signal.") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what the program left running
        process.wait()

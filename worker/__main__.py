"""`python -P -m worker SLOT RUN_DIR`: start, say that we are ready, serve until SIGTERM, drain.

The listening sockets are inherited (QUILL_LISTEN_FDS); readiness is one JSON line to
QUILL_READY_FD. It must hold no logic of requests: that begins in http/server.py.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from shared import logs, settings
from shared.limits import GARBAGE_OBJECTS
from shared.parent_death import die_with_parent
from shared.run_directory import RunDirectory
from worker.readiness import report

_LISTEN_FDS = "QUILL_LISTEN_FDS"


def main(words: Sequence[str]) -> int:
    """Run a worker to its end and return the exit code."""
    if len(words) != 2 or not words[0].isdigit():
        sys.stderr.write("Usage: python -P -m worker SLOT RUN_DIR\n")
        return 2
    die_with_parent()
    slot, run_path = int(words[0]), Path(words[1])
    configured = settings.load(RunDirectory(run_path).settings)
    logs.configure("worker", configured.log_level, slot=slot)
    try:
        uvloop.run(_run(slot, run_path))
    except Exception as error:  # noqa: BLE001 - the outermost loop of a process
        logs.get_logger().error("worker failed", exc_info=True)
        report({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


async def _run(slot: int, run_path: Path) -> None:
    # Imported late: a refusal above needs none of it.
    from worker.app import Worker  # noqa: PLC0415

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = await Worker.build(slot, run_path)
    worker.start(_inherited())
    report({"ready": True})
    # What stands by now stays. The collector went through its 55,000 objects again and again, which
    # cost 7 to 12 µs a request (m); now it sees only what requests make.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    await worker.serve_until(stop)
    await worker.drain()


def _inherited() -> list[int]:
    return [int(text) for text in os.environ.pop(_LISTEN_FDS, "").split(",") if text]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Everything is closed and flushed. The interpreter's own end would wait for threads of
    # libraries, and cost 50 ms in which a successor's start is slowed down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

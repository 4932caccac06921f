"""`python -P -m worker.prepare RUN_DIR`: bring the depot up to its config and its migrations.

The supervisor runs it before the first workers serve, when the writer says that something is due,
and before each reload. It goes through the writer like everybody else, and says in one line how it
went: {"ready": true}, or {"error": why}.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from shared import logs, settings
from shared.depot.layout import DepotLayout
from shared.errors import QuillError
from shared.parent_death import die_with_parent
from shared.run_directory import RunDirectory
from worker.readiness import report


def main(words: Sequence[str]) -> int:
    """Do it and return the exit code."""
    if len(words) != 1:
        sys.stderr.write("Usage: python -P -m worker.prepare RUN_DIR\n")
        return 2
    die_with_parent()
    run = RunDirectory(Path(words[0]))
    configured = settings.load(run.settings)
    logs.configure("prepare", configured.log_level)
    from worker.prepare.stages import prepare  # noqa: PLC0415 - not before there is a log

    try:
        asyncio.run(prepare(DepotLayout(Path(configured.depot)), run))
    except QuillError as error:
        report({"error": error.message})
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost loop of a process
        logs.get_logger().error("preparation failed", exc_info=True)
        report({"error": f"{type(error).__name__}: {error}"})
        return 1
    report({"ready": True})
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

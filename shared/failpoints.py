"""Named places at which a test can kill or hold a process; inert when QUILL_FAILPOINT is unset.

`QUILL_FAILPOINT="writer.after_commit=kill"` or, several, separated by commas:
- `name=kill`: SIGKILL this process at the first pass.
- `name=kill:FILE`: the same, only while FILE exists, which is removed first.
- `name=hold:FILE`: the first pass that finds FILE renames it to FILE.held and waits until
  FILE.held is removed.

Call sites write `if failpoints.ACTIVE: failpoints.reach("name")`, one global read when unset.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

_POLL_SECONDS = 0.005


def _parse(text: str) -> dict[str, tuple[str, Path | None]]:
    points = {}
    for item in filter(None, text.split(",")):
        name, _, action = item.partition("=")
        verb, _, file = action.partition(":")
        if verb not in ("kill", "hold") or (verb == "hold" and not file):
            raise ValueError(f"QUILL_FAILPOINT: cannot read {item!r}")
        points[name] = (verb, Path(file) if file else None)
    return points


_POINTS = _parse(os.environ.get("QUILL_FAILPOINT", ""))
ACTIVE = bool(_POINTS)


def _enter(name: str) -> Path | None:
    """Die if told to; return the file to wait for, if any."""
    verb, file = _POINTS.get(name, ("", None))
    if verb == "kill":
        if file is None or _taken(file):
            os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "hold" and file is not None and _taken(file):
        return file.with_name(file.name + ".held")
    return None


def _taken(file: Path) -> bool:
    """Exactly one pass, over all processes, gets the file."""
    try:
        file.rename(file.with_name(file.name + ".held"))
    except FileNotFoundError:
        return False
    return True


def reach(name: str) -> None:
    """Pass a failpoint in a thread that may block."""
    held = _enter(name)
    while held is not None and held.exists():
        time.sleep(_POLL_SECONDS)


async def reach_async(name: str) -> None:
    """Pass a failpoint on an event loop, which goes on serving others."""
    held = _enter(name)
    while held is not None and held.exists():  # noqa: ASYNC110 - a file is waited for
        await asyncio.sleep(_POLL_SECONDS)

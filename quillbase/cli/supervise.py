"""Turning this process into the supervisor: the same pid, another command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def become_supervisor(words: Sequence[str]) -> NoReturn:
    """Execute `python -P -m cluster supervisor WORDS…` in place of this process."""
    command = [sys.executable, "-P", "-m", "cluster", "supervisor", *words]
    os.execv(sys.executable, command)  # noqa: S606 - no shell wanted

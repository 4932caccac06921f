"""Turning this process into the supervisor: the same pid, another command line."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cluster.arguments import to_words
from shared.settings import Settings


def become_supervisor(settings: Settings) -> NoReturn:
    """Execute `python -P -m cluster supervisor …` in place of this process."""
    sys.stdout.flush()
    words = [sys.executable, "-P", "-m", "cluster", "supervisor", *to_words(settings)]
    os.execv(sys.executable, words)  # noqa: S606 - no shell wanted

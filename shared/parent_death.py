"""Children die with their parent: no orphan may keep a port, a socket path or the writer's lock.

Linux only (prctl(2), PR_SET_PDEATHSIG); elsewhere the parent's death is not noticed here.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
PARENT_VARIABLE = "QUILL_PARENT_PID"
"""Environment variable in which a parent may hand its pid to a child, so that a death before the
child came this far is seen, too."""


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends; exit at once if it already has.

    SIGKILL, because nobody is left to drain for, and the next cluster must not wait. The signal
    follows the parent's *thread* that forked: start children from a thread that lasts.
    Call it first thing in a child. Raises OSError when prctl fails.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)  # it died before the kernel was asked: nobody will ever tell us

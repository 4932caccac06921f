"""The one line by which a worker program tells the supervisor that it is ready, or why it is not."""

from __future__ import annotations

import os
from typing import Final

import msgspec

_READY_FD: Final = "QUILL_READY_FD"


def report(line: dict[str, object]) -> None:
    """Tell whoever started us, once: a second call, or one that nobody waits for, does nothing."""
    descriptor = os.environ.pop(_READY_FD, "")
    if descriptor:
        os.write(int(descriptor), msgspec.json.encode(line) + b"\n")
        os.close(int(descriptor))

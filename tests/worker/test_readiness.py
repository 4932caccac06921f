"""The line that tells the supervisor how a start went."""

from __future__ import annotations

import os

import pytest

from worker.readiness import report


def test_it_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One JSON line, and the end of the pipe; a second call has nobody to tell."""
    reading, writing = os.pipe()
    monkeypatch.setenv("QUILL_READY_FD", str(writing))
    report({"ready": True})
    report({"error": "too late"})
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b'{"ready":true}\n'

"""A small run of `make bench-chat`, from its depot to its report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.chat_room.rounds import Round, quoted


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed: make tools")
def test_a_small_run(tmp_path: Path) -> None:
    """All that is sent is answered without an error, and the report names every round."""
    words = "--inserts 1000 --reads 1000 --workers 1 --connections 8 --without-limits --output"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.chat_room", *words.split(), str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    text = (tmp_path / "chat-room-1-workers.md").read_text()
    assert text.count("| insert 1,000 |") == 2
    assert "| read 1,000 |" in text
    (kept,) = tmp_path.glob("*.json")
    rounds = json.loads(kept.read_text())["rounds"]
    assert [one["errors"] for one in rounds] == [0, 0, 0]
    assert all(one["cpu_us"] > 0 for one in rounds)


def test_rate() -> None:
    """Requests a second."""
    one = Round("read", 500, 2.0, 1, 1, 1, 1, 1, 0, 1.0, 1)
    assert one.rate == 250


def test_lua_text() -> None:
    """A body of JSON is a literal."""
    assert quoted('{"a": 1}') == '"{\\"a\\": 1}"'

"""A small run of `make bench-chat`, from its depot to its report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed: make tools")
def test_a_small_run(tmp_path: Path) -> None:
    """All that is sent is answered without an error, by both, and the report names every round."""
    words = "--inserts 2000 --reads 2500 --workers 1 --connections 8 --without-limits --output"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.chat_room", *words.split(), str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    text = (tmp_path / "chat-room-1-workers.md").read_text()
    assert text.count("| insert 2,000 | quillbase |") == 2
    assert text.count("| create 2,000 | bare |") == 2
    assert "| read 2,500 | quillbase |" in text
    assert "| get 2,500 | bare |" in text
    (kept,) = tmp_path.glob("*.json")
    rounds = json.loads(kept.read_text())["rounds"]
    assert [len(one["slices"]) for one in rounds] == [1, 5, 5]
    for one in rounds:
        assert one["ours"]["errors"] == one["bare"]["errors"] == 0
        assert one["ours"]["cpu_us"] > 0
        assert one["times_bare"] is not None

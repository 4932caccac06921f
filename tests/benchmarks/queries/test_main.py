"""`python -m benchmarks.queries` from end to end: a real cluster, few posts, short rounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.queries.scenarios import NAMES

ROOT = Path(__file__).resolve().parents[3]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.queries", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )


@pytest.mark.long
def test_every_query_is_asked_and_answered_truly(tmp_path: Path) -> None:
    """Each answer is compared with what is counted in Python; speed is not judged here."""
    flags = ("--posts", "500", "--seconds", "0.2", "--growth-rows", "20000", "--without-limits")
    done = _bench(*flags, "--output", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*.json")
    found = orjson.loads(path.read_bytes())
    assert [row["name"] for row in found["rows"]] == list(NAMES)
    assert all(row["p50_ms"] > 0 and row["rate"] > 0 for row in found["rows"])
    assert [row["large_rows"] for row in found["growth"]] == [20_000, 20_000]


def test_an_unknown_query_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    done = _bench("--only", "dance", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "dance" in done.stderr
    assert not list(tmp_path.iterdir())

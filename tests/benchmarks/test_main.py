"""`make bench` from end to end on two scenarios: real servers, real load, written results."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.mark.long
def test_a_run_measures_both_servers(tmp_path: Path) -> None:
    """Every row has answers and no error, and the ratio is there."""
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed: run `make tools`")
    flags = ("--rounds", "1", "--seconds", "1", "--only", "get", "--only", "create")
    done = _bench(*flags, "--output", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*.json")
    found = orjson.loads(path.read_bytes())
    names = [(row["scenario"], row["target"]) for row in found["rows"]]
    assert names == [(s, t) for s in ("get", "create") for t in ("quillbase", "bare")]
    assert all(row["rate"] > 0 and row["errors"] == 0 for row in found["rows"])
    assert all(row["ratio"] for row in found["rows"] if row["target"] == "quillbase")
    assert len(found["idle"]["quillbase"]["processes"]) == 4


def test_an_unknown_scenario_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    done = _bench("--only", "dance", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "dance" in done.stderr
    assert not list(tmp_path.iterdir())

"""A small run of `make bench-transfer`, from its file to its report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.transfer.__main__ import write_rows
from benchmarks.transfer.bystanders import percentile


def test_a_small_run(tmp_path: Path) -> None:
    """Nobody's request fails, and the report names every command."""
    words = "--rows 1000 --workers 1 --chunk 200 --per-second 20 --before 0.5 --output"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.transfer", *words.split(), str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    text = (tmp_path / "transfer-1-workers.md").read_text()
    for what in ("nothing", "import", "import --chunk 200", "export"):
        assert what in text


def test_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    """So that two runs compare."""
    for name in ("a", "b"):
        write_rows(tmp_path / name, 10)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len((tmp_path / "a").read_text().splitlines()) == 11


def test_percentiles() -> None:
    """In milliseconds, of seconds."""
    assert round(percentile([0.001 * n for n in range(1, 101)], 0.5)) == 51
    assert percentile([0.004], 0.99) == 4
    assert percentile([], 0.99) == 0

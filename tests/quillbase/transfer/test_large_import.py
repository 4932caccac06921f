"""Two hundred thousand records in and out: what a command takes does not grow with its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.quillbase.transfer.commands import csv_file

COUNT = 200_000
RESIDENT_KIB_MAX = 200 * 1024


_MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""A program is born with the memory of the one that starts it, so that has to be a small one."""


def _run(depot: Path, *words: str) -> tuple[int, int]:
    """Exit code, and the most memory that the command had resident, in KiB."""
    command = [QUILLBASE, *words, f"--depot={depot}"]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command], stdout=subprocess.PIPE, check=False
    )
    return done.returncode, int(done.stdout.split()[-1])


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "sql"])
def test_memory_is_bounded(cluster: ClusterProcess, tmp_path: Path, form: str) -> None:
    """In each format; and a fault in the last line is found, and keeps all the others out."""
    name = f"large_{form}"
    rows = [[f"title {n}", n, "yes"] for n in range(COUNT)]
    file = csv_file(tmp_path / "f.csv", ["title", "n", "ok"], [*rows, ["", "many", ""]])
    into = ("import", "csv", name, file, "--create")
    code, resident = _run(cluster.depot, *into)
    assert (code, resident < RESIDENT_KIB_MAX) == (1, True), resident
    csv_file(tmp_path / "f.csv", ["title", "n", "ok"], rows)
    code, resident = _run(cluster.depot, *into)
    assert (code, resident < RESIDENT_KIB_MAX) == (0, True), resident
    out = str(tmp_path / "out")
    code, resident = _run(cluster.depot, "export", form, name, "-o", out)
    assert (code, resident < RESIDENT_KIB_MAX) == (0, True), resident
    code, resident = _run(cluster.depot, "import", form, name, out, "--mode", "replace")
    assert (code, resident < RESIDENT_KIB_MAX) == (0, True), resident
    with cluster.client() as client:
        reply = client.get(f"/api/collections/{name}/records", params={"sort": "-@rowid"}).json()
    assert (reply["totalItems"], reply["items"][0]["title"]) == (COUNT, f"title {COUNT - 1}")

"""Two hundred thousand records in and out: what a command takes does not grow with its file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.quillbase.transfer.commands import csv_file

COUNT = 200_000
RESIDENT_KIB_MAX = 200 * 1024


def _run(depot: Path, *words: str) -> tuple[int, int]:
    """Exit code, and the most memory that the command had resident, in KiB."""
    with subprocess.Popen([QUILLBASE, *words, f"--depot={depot}"]) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss


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

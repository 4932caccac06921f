"""What people see of an import: bars while it works, tables at the end.

Tests `quillbase.cli.import_pocketbase.progress`, `quillbase.cli.import_pocketbase.told`,
`worker.pb_data.reading`.
"""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from cluster.refusal import Refusal
from quillbase.cli.import_pocketbase.told import tell, write_report
from tests.cluster_process import QUILLBASE
from tests.quillbase.import_pocketbase.folder import PB_DATA
from worker.pb_data.report import CollectionCount, FileCount, Kind, Notes, Report


def test_bars_are_shown_to_a_terminal(tmp_path: Path) -> None:
    """Records and files are counted on the error stream."""
    master, slave = pty.openpty()
    command = [QUILLBASE, "import", "pocketbase", str(PB_DATA), "--depot", str(tmp_path / "depot")]
    env = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen(
        [*command, "--dry-run"], stdout=subprocess.PIPE, stderr=slave, env=env, text=True
    ) as running:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65_536)
            except OSError:  # the other side has gone
                break
            shown += part
        out, _ = running.communicate(timeout=60)
    os.close(master)
    assert running.returncode == 0
    assert b"Reading records" in shown
    assert b"35/35" in shown
    assert b"Copying files" in shown
    assert b"30/30" in shown
    assert "demo1" in out


def test_the_report_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, then each note with how often and for which records; brackets are no markup."""
    notes = Notes()
    notes.add(Kind.TOLD, "a.b", "odd [red]text[/red]", "one")
    notes.add(Kind.TOLD, "a.b", "odd [red]text[/red]", "two")
    notes.add(Kind.LEFT_OUT, "view2", "its query is refused")
    collections = [CollectionCount("posts", "pbc_1", "base", 12, 3)]
    tell(
        Report("pb_data", "depot", collections, FileCount(2, 99, 1), [], notes.all(), True, "Done.")
    )
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "posts pbc_1 base 12 (and 3 left out)" in lines
    assert "left out view2 its query is refused." in lines
    assert "told a.b odd [red]text[/red] (2 times). Records: one, two" in lines
    assert lines.index("left out view2 its query is refused.") < len(lines) - 2
    assert lines[-1] == "Done."


def test_a_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """In a sentence."""
    report = Report("pb_data", "depot", [], FileCount(), [], [])
    with pytest.raises(Refusal, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "report.json", report)

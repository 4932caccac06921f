"""The chat room's table, page and limits, and how the program ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.chat_room import __main__ as program
from benchmarks.chat_room import report
from benchmarks.chat_room.pairs import Contest
from benchmarks.chat_room.report import Run
from tests.benchmarks.chat_room.figures import contest

_RUN = Run("2026-11-22 07:00 UTC", {"cores": 2, "cpu": "a CPU", "load_1m": "0.10"}, {}, 2, 64)


def _contests() -> list[Contest]:
    return [
        contest("insert 100", 160.0, [150], [100]),
        contest("read 200", 90.0, [60, 100], [30, 50]),
    ]


def test_the_page_has_ours_above_bare() -> None:
    """The ratio stands with ours only, and percentiles are said to be medians."""
    page = report.page(_RUN, _contests())
    ours = "| read 200 | quillbase | 200 | 2.0 | 100 | 1.00 | 2.00 | 3.00 | 4.00 | 5.00 | 0 |"
    bare = "| bare read 200 | bare | 200 | 2.0 | 100 | 1.00 | 2.00 | 3.00 | 4.00 | 5.00 | 0 |"
    assert f"{ours} 80.0 | 2.00 | 100 |\n{bare} 40.0 |  | 50 |" in page
    assert "| 150.0 | 1.50 | 150 |" in page
    assert "in 2 slices" in page
    assert "medians of the slices" in page
    head = next(line for line in page.splitlines() if line.startswith("| what"))
    assert head.count("|") == ours.count("|") + 3 == page.splitlines()[-2].count("|")


def test_the_table_is_printed_whole() -> None:
    """At the width that the program prints with, nothing is cut off."""
    out = io.StringIO()
    Console(file=out, width=program._WIDTH).print(report.table(_contests()))
    for text in ("CPU µs a request", "x bare", "bare insert 100", "1.50", "PSS MB"):
        assert text in out.getvalue()


def test_the_figures_hold_every_slice() -> None:
    """Sums and ratio, and both rounds of each pair."""
    kept = json.loads(json.dumps(report.figures(_RUN, _contests())))
    assert (kept["workers"], kept["connections"]) == (2, 64)
    insert, read = kept["rounds"]
    assert insert["times_bare"] == pytest.approx(1.5)
    assert read["ours"]["requests"] == 200
    assert [each["bare"]["cpu_us"] for each in read["slices"]] == [30, 50]


def test_limits_are_of_ours_and_errors_of_both() -> None:
    """What bare costs breaks no limit; an answer of its that failed makes the ratio worthless."""
    assert report.broken(_contests()) == []
    slow = contest("insert 100", 160.0, [150, 180], [500, 500], errors=2)
    assert report.broken([slow]) == [
        "bare insert 100: 4 errors",
        "insert 100: 165 µs, and 160 are the limit",
    ]


@pytest.mark.parametrize(
    ("cpu_us", "words", "code"), [(161, [], 1), (161, ["--without-limits"], 0), (159, [], 0)]
)
def test_a_broken_limit_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu_us: float, words: list[str], code: int
) -> None:
    """Whatever the ratio is; the results are written all the same."""
    found = [contest("insert 100", 160.0, [cpu_us], [200])]
    monkeypatch.setattr(program, "_measure", lambda *_: found)
    app = typer.Typer()
    app.command()(program.main)
    ended = CliRunner().invoke(app, [*words, "--output", str(tmp_path)])
    assert ended.exit_code == code
    assert ("161 µs, and 160 are the limit" in ended.output) == (cpu_us > 160)
    assert (tmp_path / "chat-room-2-workers.md").exists()

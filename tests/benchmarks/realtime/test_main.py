"""`python -m benchmarks.realtime` from end to end with five clients: every event is counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[3]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.realtime", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )


def _run(folder: Path, *scenarios: str) -> dict[str, Any]:
    """Speed is not judged here; a missed or doubled event is."""
    only = [flag for name in scenarios for flag in ("--only", name)]
    few = ("--quick", "--clients", "5", "--without-limits", "--output", str(folder))
    done = _bench(*few, *only)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*-realtime-1-workers.json")
    assert (folder / "realtime-1-workers.md").read_text().startswith("# Realtime\n")
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    assert found["failed"] == []
    return found


def test_every_transport_tells_everything(tmp_path: Path) -> None:
    """Fan-out on all ports beside the bare server."""
    found = _run(tmp_path, "fanout")
    rows = {row["transport"]: row for row in found["fanout"]}
    assert list(rows) == ["sse", "ws", "second", "bare"]
    assert all(row["clients"] == 5 for row in rows.values())
    assert all(row["ratio"] and row["paced_ratio"] for name, row in rows.items() if name != "bare")
    sizes = {name: row["rounds"][0]["event_bytes"] for name, row in rows.items()}
    assert sizes["second"] == pytest.approx(sizes["bare"], rel=0.1)


@pytest.mark.long
def test_who_comes_back_misses_nothing(tmp_path: Path) -> None:
    """Five clients on each transport resume after a hundred events."""
    found = _run(tmp_path, "storm")
    assert [row["transport"] for row in found["storm"]] == ["sse", "ws", "second"]
    assert all(row["missed"] == 100 and row["seconds"] > 0 for row in found["storm"])


@pytest.mark.long
def test_writes_are_told_to_whom_they_concern(tmp_path: Path) -> None:
    """One owner, or all five of an organization; nobody, where others are watched."""
    found = _run(tmp_path, "others", "members")
    heard = [(row["watchers"], row["heard_by"]) for row in found["watched"]]
    assert heard == [(0, 0), (1, 0), (5, 0), (5, 0), (0, 0), (5, 1), (0, 0), (5, 5)]


@pytest.mark.long
def test_slow_clients_keep_nobody_from_reading(tmp_path: Path) -> None:
    """Five quick ones and five slow ones on each transport."""
    found = _run(tmp_path, "slow")
    assert [(row["transport"], row["clients"]) for row in found["slow"]] == [
        ("sse", 5),
        ("ws", 5),
        ("second", 5),
    ]


def test_an_unknown_scenario_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    done = _bench("--only", "dance", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "dance" in done.stderr
    assert not list(tmp_path.iterdir())

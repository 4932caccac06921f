"""A writer without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.depot import read_holder
from cluster.lone_writer import lone_writer
from cluster.refusal import Refusal
from shared.status_page import StatusPage
from tests.cluster.standin_cluster import command


@pytest.fixture
def wishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in writer looks."""
    folder = tmp_path / "wishes"
    folder.mkdir()
    monkeypatch.setenv("STANDIN_DIR", str(folder))
    return folder


def test_it_runs_within_the_block(tmp_path: Path, wishes: Path) -> None:
    """Its lock says that it is brief; nothing is left after it."""
    depot = tmp_path / "depot"
    with lone_writer(depot, command) as run:
        holder = read_holder(depot)
        assert holder is not None
        assert holder.brief
        assert StatusPage.open(run.status_page).silent_seconds() < 60
    assert read_holder(depot) is None
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("wish", "reason"), [("writer.refuse", "the test said so"), ("writer.crash", "see its log")]
)
def test_a_writer_that_does_not_start_is_told(
    tmp_path: Path, wishes: Path, wish: str, reason: str
) -> None:
    """In its own words if it had any; the depot is free again."""
    (wishes / wish).touch()
    depot = tmp_path / "depot"
    with pytest.raises(Refusal, match=reason), lone_writer(depot, command):
        pytest.fail("it ran")
    assert read_holder(depot) is None
    (wishes / wish).unlink()
    with lone_writer(depot, command):
        pass

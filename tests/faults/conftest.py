"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_process import ClusterProcess


@pytest.fixture
def live_cluster(tmp_path: Path) -> Iterator[ClusterProcess]:
    """Two workers for one test that will harm them, with a second port for WebSockets."""
    with ClusterProcess(tmp_path / "depot", arguments=["--realtime-port=0"]) as running:
        yield running

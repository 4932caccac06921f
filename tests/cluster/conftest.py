"""Fixture: a supervisor over stand-ins, one a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.running import StandinCluster


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[StandinCluster]:
    """A ready cluster of two stand-in workers."""
    with StandinCluster(tmp_path) as running:
        assert isinstance(running, StandinCluster)
        yield running

"""Fixtures of the tests of events: one cluster for a module."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.apis.events.depot import write_depot


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """Two workers over the depot."""
    depot = tmp_path_factory.mktemp("events") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="package")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """Nobody."""
    return cluster.client(superuser=False)

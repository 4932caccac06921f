"""Fixtures: real clusters, one a module for tests that only need one to talk to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess

logging.getLogger("httpx").setLevel(logging.WARNING)  # its line a request drowns the figures


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster of two workers that the tests of one module share and do not harm."""
    with ClusterProcess(tmp_path_factory.mktemp("cluster") / "depot") as running:
        yield running


@pytest.fixture(scope="module")
def superuser(cluster: ClusterProcess) -> httpx.Client:
    """A superuser's client of the module's cluster."""
    return cluster.client()


@pytest.fixture(scope="module")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """A client of the module's cluster that is not logged in."""
    return cluster.client(superuser=False)


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[ClusterProcess]:
    """A cluster of two workers for one test that will harm it."""
    with ClusterProcess(tmp_path / "depot") as running:
        yield running

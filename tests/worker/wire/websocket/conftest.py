"""A cluster with both ports, and each test of the protocol run over each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster_process import ClusterProcess

BOTH_PORTS = ["--realtime-port=0"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster of two workers with a second port, and a public collection `posts`."""
    depot = tmp_path_factory.mktemp("live") / "depot"
    with ClusterProcess(depot, arguments=BOTH_PORTS) as running:
        running.collection("posts", [{"name": "title", "type": "text"}])
        yield running


@pytest.fixture(params=["main", "second"])
def port(request: pytest.FixtureRequest, both: ClusterProcess) -> int:
    """One of the two ports of the module's cluster."""
    return both.port if request.param == "main" else both.realtime_port

"""All cases are played once, side by side, on one cluster; the tests ask what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.cluster_process import ClusterProcess
from tests.visibility.case import Case
from tests.visibility.cases import CASES
from tests.visibility.scene import Scene
from tests.visibility.stage import Stage

_AT_ONCE = 16
Outcome = dict[str, list[str]]


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster of two workers with the collections of all cases."""
    with ClusterProcess(tmp_path_factory.mktemp("visibility") / "depot") as running:
        yield Stage(running, CASES)


@pytest.fixture(scope="package")
def outcome(stage: Stage) -> Outcome:
    """What is wrong, by the case's name."""
    return asyncio.run(_play(stage))


async def _play(stage: Stage) -> Outcome:
    places = asyncio.Semaphore(_AT_ONCE)

    async def play(case: Case) -> tuple[str, list[str]]:
        async with places:
            return case.name, await Scene(stage, case, sockets=True).play()

    return dict(await asyncio.gather(*map(play, CASES)))

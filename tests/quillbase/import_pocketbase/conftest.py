"""One imported depot, and one cluster that runs on it, for all tests that do not harm them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.quillbase.import_pocketbase.folder import PASSWORD, PB_DATA, Reading, import_well


@pytest.fixture(scope="package")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported depot that no server has run on; to be copied."""
    path = tmp_path_factory.mktemp("imported") / "depot"
    import_well(PB_DATA, path, "--report", str(path.with_name("report.json")))
    return path


@pytest.fixture(scope="package")
def source(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """What was imported."""
    return Reading(PB_DATA, tmp_path_factory.mktemp("source") / "data.db")


@pytest.fixture(scope="package")
def imported(depot: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster on a copy of it."""
    path = tmp_path_factory.mktemp("cluster") / "depot"
    shutil.copytree(depot, path)
    with ClusterProcess(path) as running:
        yield running


@pytest.fixture(scope="package")
def boss(imported: ClusterProcess) -> Iterator[httpx.Client]:
    """A superuser who came over with the password of before."""
    reply = httpx.post(
        f"{imported.url}/api/collections/_superusers/auth-with-password",
        json={"identity": "test@example.com", "password": PASSWORD},
        timeout=30,
    )
    assert reply.status_code == 200, reply.text
    headers = {"Authorization": str(reply.json()["token"])}
    with httpx.Client(base_url=imported.url, headers=headers, timeout=30) as client:
        yield client

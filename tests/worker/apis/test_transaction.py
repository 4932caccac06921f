"""Operations that are done one by one have a time all together: no further one is begun after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from shared.limits import API_OPERATIONS_SECONDS
from tests.cluster_process import ClusterProcess
from tests.worker.apis.writing import EXECUTE, RECORDS, write_depot
from worker.apis import transaction
from worker.apis.transaction import Operation, Verb, execute
from worker.records.caller import Origin
from worker.records.submit import Ask

# Read by each Python process before anything else: there the time is over from the beginning.
NO_TIME = "import shared.limits\nshared.limits.API_OPERATIONS_SECONDS = 0.0\n"
NOT_BEGUN = {"Error": "not begun in time"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One whose processes have another limit."""
    folder = tmp_path_factory.mktemp("limits")
    (folder / "sitecustomize.py").write_text(NO_TIME)
    write_depot(folder / "depot")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    with ClusterProcess(folder / "depot", env={"PYTHONPATH": path}) as running:
        yield running


def ask(client: httpx.Client, names: Sequence[str], *, atomic: bool) -> Any:
    """Create a record of each name."""
    operations = [{"Create": {"api_name": "plain", "value": {"id": one}}} for one in names]
    reply = client.post(EXECUTE, json={"operations": operations, "transaction": atomic})
    assert reply.status_code == 200, reply.text
    return reply.json()


def status(client: httpx.Client, name: str) -> int:
    """Of a read of a record."""
    return client.get(f"{RECORDS}/plain/{name}").status_code


def test_what_was_not_begun_is_told(guest: httpx.Client) -> None:
    """The first is always done; each of the others has a result, and is not there."""
    found = ask(guest, ["one", "two", "three"], atomic=False)
    assert found == {"ids": ["one", "", ""], "results": [{"Id": "one"}, NOT_BEGUN, NOT_BEGUN]}
    assert [status(guest, name) for name in ("one", "two", "three")] == [200, 404, 404]


def test_all_or_nothing_is_one_write(guest: httpx.Client) -> None:
    """It has the time of a write."""
    names = ["all-1", "all-2"]
    assert ask(guest, names, atomic=True)["ids"] == names
    assert [status(guest, name) for name in names] == [200, 200]


def test_those_before_the_end_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that jumps over the end after the second one."""
    times = iter([100.0, 101.0, 100.0 + API_OPERATIONS_SECONDS])

    async def passed(*_: object) -> None:
        """All operations are for one database."""

    async def done(_context: object, part: Sequence[Operation], *_: object) -> list[str]:
        return [one.record_id for one in part]

    monkeypatch.setattr(transaction, "monotonic", lambda: next(times))
    monkeypatch.setattr(transaction, "_check_database", passed)
    monkeypatch.setattr(transaction, "_submit", done)
    operations = [Operation(Verb.DELETE, "plain", name) for name in "abcd"]
    context: Any = None
    origin = Origin(None)
    found = asyncio.run(execute(context, operations, origin, Ask("x"), atomic=False))
    assert found == ["a", "b"]

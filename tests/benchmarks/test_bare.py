"""The bare app keeps the promises that its figures are compared under."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import httpx
import msgspec
import pytest

from benchmarks import bare_target
from benchmarks.bare_target import BareTarget
from benchmarks.dataset import draft, memo, owner_id
from benchmarks.target import check

_ROWS = 5_000
_DRAFTS = "/api/collections/drafts/records"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bare database is."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def bare(folder: Path) -> Iterator[BareTarget]:
    """The bare app with two workers."""
    with bare_target.running(folder, workers=2, count=_ROWS) as target:
        yield target


def _value(folder: Path, sql: str) -> int:
    database = apsw.Connection(str(folder / "bare" / "main.db"), flags=apsw.SQLITE_OPEN_READONLY)
    value: int = database.execute(sql).get
    database.close()
    return value


def test_bare_answers_every_scenario_truly(bare: BareTarget) -> None:
    """The same checks as for our own server hold."""
    names = {"health", "get", "list", "create", "list_owned", "create_owned"}
    assert {scenario.name for scenario in bare.scenarios} == names
    for scenario in bare.scenarios:
        check(bare, scenario)


def test_bare_answers_404_for_a_missing_record(bare: BareTarget) -> None:
    """It reads the database, whatever the id."""
    missing = httpx.get(f"{bare.base_url}/api/collections/posts/records/nobody")
    assert missing.status_code == 404


def test_a_create_is_logged_captured_and_deduplicated(bare: BareTarget, folder: Path) -> None:
    """200 concurrent creates leave 200 rows, 200 contiguous changes and 200 logged ids."""
    before = _value(folder, "SELECT count(*) FROM drafts")
    head = _value(folder, "SELECT n FROM _head")
    with httpx.Client(base_url=bare.base_url) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(_DRAFTS, json=draft()), range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 200
    assert _value(folder, "SELECT count(*) FROM drafts") == before + 200
    assert _value(folder, "SELECT n FROM _head") == head + 200
    assert _value(folder, f"SELECT count(*) FROM _change WHERE n > {head}") == 200
    assert _logged(folder) >= 200


def _logged(folder: Path) -> int:
    database = apsw.Connection(str(folder / "bare" / "main.db"), flags=apsw.SQLITE_OPEN_READONLY)
    blobs = [row[0] for row in database.execute("SELECT entries FROM _batch")]
    database.close()
    return sum(len(msgspec.msgpack.decode(blob)) for blob in blobs)


def test_a_refused_create_leaves_nothing(bare: BareTarget, folder: Path) -> None:
    """A second row with the same id is refused alone: no row, no change."""
    first = httpx.post(bare.base_url + _DRAFTS, json={**draft(), "id": "t00000000000001"})
    head = _value(folder, "SELECT n FROM _head")
    second = httpx.post(bare.base_url + _DRAFTS, json={**draft(), "id": "t00000000000001"})
    assert (first.status_code, second.status_code) == (200, 400)
    assert _value(folder, "SELECT n FROM _head") == head


def test_bare_lets_nobody_write_or_list_for_another(bare: BareTarget, folder: Path) -> None:
    """The rule `author = @request.auth.id` holds there, too, or the ratio would say nothing."""
    memos, notes = (
        f"{bare.base_url}/api/collections/{name}/records" for name in ("memos", "notes")
    )
    before = _value(folder, "SELECT count(*) FROM memos")
    for caller in ({}, {"Authorization": owner_id(1)}, {"Authorization": "nobody"}):
        assert httpx.post(memos, json=memo(), headers=caller).status_code == 400
    assert _value(folder, "SELECT count(*) FROM memos") == before
    assert httpx.get(notes, headers={"Authorization": "nobody"}).status_code == 401
    found = httpx.get(notes, headers={"Authorization": owner_id(1)}).json()["items"]
    assert {item["author"] for item in found} == {owner_id(1)}

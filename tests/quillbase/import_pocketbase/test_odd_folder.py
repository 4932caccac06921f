"""What cannot come over as it is stops nothing, opens nothing, and is told.

Tests `worker.pb_data.repair`, `worker.pb_data.uniqueness`, `worker.pb_data.leftovers`,
`worker.pb_data.report`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.quillbase.import_pocketbase.folder import PASSWORD, import_well
from tests.quillbase.import_pocketbase.odd_folder import DAMAGED_ROW, LONG_NUMBER, make_odd_folder


@pytest.fixture(scope="module")
def odd_depot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The odd folder, imported."""
    root = tmp_path_factory.mktemp("odd")
    folder = make_odd_folder(root / "pb_data")
    import_well(folder, root / "depot", "--report", str(root / "report.json"))
    return root / "depot"


@pytest.fixture(scope="module")
def notes(odd_depot: Path) -> dict[str, dict[str, Any]]:
    """The notes of the report, by kind and place."""
    report = json.loads(odd_depot.with_name("report.json").read_bytes())
    return {f"{note['kind']}: {note['where']}: {note['why']}": note for note in report["notes"]}


@pytest.fixture(scope="module")
def server(odd_depot: Path) -> Iterator[ClusterProcess]:
    """A cluster on it."""
    with ClusterProcess(odd_depot) as running:
        yield running


@pytest.fixture(scope="module")
def boss(server: ClusterProcess) -> httpx.Client:
    """A superuser."""
    return server.client()


@pytest.mark.parametrize(
    "begins",
    [
        "locked: demo2.listRule: ",
        "locked: demo2.viewRule: ",
        "locked: clients.manageRule: ",
        "changed: demo2.odd: the type 'hologram' is not known: kept as hidden JSON",
        "changed: demo4.self_rel_one: refers to a collection that is not there: kept as text",
        "changed: clients.fileToken.secret: has its default now",
        "changed: demo1.datetime: not a date",
        "changed: demo1.number: not a number",
        "changed: demo1.url: text that is not valid UTF-8",
        "changed: demo1.point: not a point",
        "left out: clients: the OAuth2 provider 'nobody'",
        "left out: clients: a record that has the same tokenKey as one before it",
        "left out: demo1: the index CREATE UNIQUE INDEX `same` ON `demo1` (`bool`): several",
        "left out: demo2: a record without an id",
        "left out: demo2: a record whose id is a path",
        "left out: demo2: the trigger tick",
        "left out: demo2.forgotten: a column that belongs to no field",
        "left out: demo3: the index CREATE INDEX r ON t (random())",
        "left out: view2: the view, whose query is refused",
        "left out: _user: the collection with all its records: name",
        "left out: bytes: its definition holds what is no text",
        "left out: endless: its records: the source has no such table",
        "left out: mine: a table that belongs to no collection, with 2 rows",
        "left out: settings: they are encrypted",
        "left out: storage/readme.txt: it is no file of a record",
        "left out: auxiliary.db: the log of requests",
        "left out: caf\\udce9\\x1b[31m: unknown to this import",
        "told: demo3.files: names a file that the source does not have",
    ],
)
def test_it_is_told(notes: dict[str, dict[str, Any]], begins: str) -> None:
    """Each thing with its place and its reason."""
    assert any(told.startswith(begins) for told in notes), "\n".join(notes)


def test_nothing_else_is_told(notes: dict[str, dict[str, Any]]) -> None:
    """The list above is complete, and names records by their ids."""
    assert len(notes) == 28, "\n".join(notes)
    examples = {note["where"]: note["examples"] for note in notes.values()}
    assert examples["demo1.number"] == [DAMAGED_ROW]
    assert examples["demo3.files"] == ["lcl9d87w22ml6jy", "7nwo8tuiatetxdm"]


def test_what_is_locked_admits_superusers_only(server: ClusterProcess, boss: httpx.Client) -> None:
    """Guests are refused where a rule was not understood, and nowhere else."""
    with server.client(superuser=False) as guest:
        assert guest.get("/api/collections/demo2/records").status_code == 403
        assert guest.get("/api/collections/demo2/records/llvuca81nly1qls").status_code == 403
        assert guest.get("/api/collections/demo4/records").status_code == 200
    assert boss.get("/api/collections/demo2").json()["listRule"] is None


def test_values_are_what_the_old_api_showed(boss: httpx.Client) -> None:
    """Invalid ones are kept where a field can hold them."""
    reply = boss.get(f"/api/collections/demo1/records/{DAMAGED_ROW}")
    record = reply.json()
    assert record["datetime"] == ""
    assert record["number"] == 0
    assert record["url"] == "\ufffdA"
    assert record["email"] == "no address"
    assert record["point"] == {"lon": 0, "lat": 0}
    assert record["select_many"] == ["optionA"]
    assert record["rel_many"] == ["gone", "bgs820n361vj1qd"]
    assert LONG_NUMBER in reply.text
    other = boss.get("/api/collections/demo1/records/al1h9ijdeojtsjy").json()
    assert other["json"] == "{broken"


def test_the_rest_is_there(server: ClusterProcess, boss: httpx.Client) -> None:
    """What was mended works: the kept field, the remaining login, the collections around."""
    record = boss.get("/api/collections/demo2/records/llvuca81nly1qls").json()
    assert (record["title"], record["odd"]) == ("test1", "shiny")
    assert boss.get("/api/collections/demo2/records").json()["totalItems"] == 3
    assert boss.get("/api/collections/view2").status_code == 404
    assert boss.get("/api/collections/numeric_id_view/records").json()["totalItems"] == 1
    url = f"{server.url}/api/collections/clients/auth-with-password"
    body = {"identity": "test@example.com", "password": PASSWORD}
    assert httpx.post(url, json=body, timeout=30).status_code == 200
    field = next(
        one for one in boss.get("/api/collections/demo2").json()["fields"] if one["name"] == "odd"
    )
    assert (field["id"], field["type"], field["hidden"]) == ("odd1234", "json", True)

"""Exports that our own import reads back as the same records, in each format.

Tests `quillbase.cli.export`, `worker.transfer.export`, `worker.transfer.write_out` and
`shared.sql.export`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.quillbase.transfer.commands import csv_file, run

FORMATS = ("csv", "json", "jsonl", "sql")
_FIELDS: list[dict[str, Any]] = [
    {"name": "t", "type": "text"},
    {"name": "e", "type": "editor"},
    {"name": "n", "type": "number"},
    {"name": "b", "type": "bool"},
    {"name": "d", "type": "date"},
    {"name": "j", "type": "json"},
    {"name": "s", "type": "select", "values": ["=a", "b,c", '"']},
    {"name": "m", "type": "select", "maxSelect": 3, "values": ["=a", "b,c", '"']},
    {"name": "g", "type": "geoPoint"},
    {"name": "hidden", "type": "text", "hidden": True},
    {"name": "created", "type": "autodate", "onCreate": True},
]
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_NUMBER = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT | st.just("123"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_RECORD = st.fixed_dictionaries(
    {
        "t": _TEXT | st.sampled_from(["=1+1", "null", "NULL", "\\N", " x ", "\r", "\n", "'", "''"]),
        "e": _TEXT,
        "n": _NUMBER,
        "b": st.booleans(),
        "d": st.datetimes().map(lambda at: at.isoformat()) | st.just(""),
        "j": _JSON,
        "s": st.sampled_from(["", "=a", "b,c", '"']),
        "m": st.lists(st.sampled_from(["=a", "b,c", '"']), unique=True),
        "g": st.fixed_dictionaries({"lon": st.floats(-180, 180), "lat": st.floats(-90, 90)}),
        "hidden": _TEXT,
    }
)


@pytest.fixture(scope="module")
def twins(cluster: ClusterProcess) -> httpx.Client:
    """A collection to export from, and one like it for each format. A superuser's client."""
    for name in ("source", *FORMATS):
        cluster.collection(f"{name}_twin", _FIELDS)
    return cluster.client()


def _records(client: httpx.Client, name: str) -> list[dict[str, Any]]:
    reply = client.get(f"/api/collections/{name}/records", params={"perPage": "1000"})
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    for record in found:
        del record["collectionId"], record["collectionName"]
    return found


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_RECORD, min_size=20, max_size=60))
def test_what_is_exported_is_imported_again(
    cluster: ClusterProcess,
    twins: httpx.Client,
    tmp_path_factory: pytest.TempPathFactory,
    records: list[dict[str, Any]],
) -> None:
    """Every record, field by field, as the API tells it; in the same order."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "made.json").write_text(json.dumps(records))
    words = ("--mode", "replace")
    done = run(cluster.depot, "import", "json", "source_twin", str(folder / "made.json"), *words)
    assert done.code == 0, done.err
    before = _records(twins, "source_twin")
    assert [one["t"] for one in before] == [one["t"] for one in records]
    assert [one["j"] for one in before] == [one["j"] for one in records]
    for form in FORMATS:
        file = str(folder / form)
        done = run(cluster.depot, "export", form, "source_twin", "--output", file)
        assert done.code == 0, done.err
        table = ("--table", "source_twin") if form == "sql" else ()
        done = run(cluster.depot, "import", form, f"{form}_twin", file, *words, *table)
        assert done.code == 0, done.err
        assert _records(twins, f"{form}_twin") == before


@pytest.fixture(scope="module")
def shop(cluster: ClusterProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A collection with three records."""
    file = csv_file(
        tmp_path_factory.mktemp("shop") / "f.csv",
        ["id", "name", "n"],
        [["a1", "=SUM(A1)", 3], ["a2", "-1", 1], ["a3", "plain", 2]],
    )
    assert run(cluster.depot, "import", "csv", "shop", file, "--create").code == 0
    return "shop"


def test_which_records_and_fields(cluster: ClusterProcess, shop: str) -> None:
    """Filter, sort and fields as the API knows them."""
    done = run(
        cluster.depot, "export", "csv", shop, "--filter", "n > 1", "--sort=-n", "--fields", "n,id"
    )
    assert done.out == "n,id\n3,a1\n2,a3\n"
    done = run(cluster.depot, "export", "jsonl", shop, "--fields=name", "--sort", "n")
    assert [json.loads(line)["name"] for line in done.out.splitlines()] == [
        "-1", "plain", "=SUM(A1)",
    ]  # fmt: skip
    done = run(cluster.depot, "export", "json", shop, "--filter", "n > 99")
    assert json.loads(done.out) == []


def test_formulas_can_be_disarmed(cluster: ClusterProcess, shop: str) -> None:
    """Only when asked for, since it changes what is exported."""
    done = run(cluster.depot, "export", "csv", shop, "--fields", "name,n")
    assert [row[0] for row in csv.reader(io.StringIO(done.out))][1:3] == ["=SUM(A1)", "-1"]
    done = run(cluster.depot, "export", "csv", shop, "--fields", "name,n", "--spreadsheet-safe")
    assert list(csv.reader(io.StringIO(done.out)))[1:] == [
        ["'=SUM(A1)", "3"], ["'-1", "1"], ["plain", "2"],
    ]  # fmt: skip


def test_secrets_are_exported_when_asked_for(cluster: ClusterProcess, tmp_path: Path) -> None:
    """And then an account moves with its password and its sessions."""
    made = cluster.collection("members", [], type="auth")
    with cluster.client() as client:
        account = {"email": "a@example.com", "password": "12345678", "passwordConfirm": "12345678"}
        reply = client.post(f"/api/collections/{made['name']}/records", json=account)
        assert reply.status_code == 200, reply.text
    done = run(cluster.depot, "export", "csv", "members")
    assert "password" not in done.out
    assert "tokenKey" not in done.out
    done = run(cluster.depot, "export", "csv", "members", "--fields", "tokenKey")
    assert (done.code, done.out) == (1, "")
    file = str(tmp_path / "f.csv")
    assert run(cluster.depot, "export", "csv", "members", "--secrets", "-o", file).code == 0
    assert run(cluster.depot, "import", "csv", "members", file, "--mode", "replace").code == 0
    with cluster.client(superuser=False) as guest:
        reply = guest.post(
            "/api/collections/members/auth-with-password",
            json={"identity": "a@example.com", "password": "12345678"},
        )
    assert reply.status_code == 200, reply.text


def test_views_are_exported_and_take_nothing(
    cluster: ClusterProcess, superuser: httpx.Client, shop: str, tmp_path: Path
) -> None:
    """Their rows, as the API shows them."""
    body = {"name": "v", "type": "view", "viewQuery": f"SELECT id, n, name FROM {shop}"}
    reply = superuser.post("/api/collections", json=body)
    assert reply.status_code == 200, reply.text
    done = run(cluster.depot, "export", "csv", "v", "--sort", "n", "--fields", "id,n")
    assert done.out == "id,n\na2,1\na3,2\na1,3\n"
    file = csv_file(tmp_path / "f.csv", ["n"], [[1]])
    done = run(cluster.depot, "import", "csv", "v", file)
    assert done.code == 1
    assert "view" in done.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nowhere",), "no collection"),
        (("shop", "--fields", "what"), "no field 'what'"),
        (("shop", "--filter", "n >"), "filter"),
        (("shop", "--sort", "what"), "sort"),
        (("shop", "-o", "/nowhere/at/all"), "cannot be written"),
    ],
)
def test_what_is_refused(
    cluster: ClusterProcess, shop: str, words: tuple[str, ...], reason: str
) -> None:
    """In a sentence, and nothing is written."""
    assert shop
    done = run(cluster.depot, "export", "csv", *words)
    assert (done.code, done.out) == (1, "")
    assert reason in done.err


def test_a_reader_that_goes_away(cluster: ClusterProcess, shop: str) -> None:
    """As `head` does: no traceback."""
    done = subprocess.run(
        f"{QUILLBASE} export csv {shop} --depot {cluster.depot} | true",
        shell=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""


def test_a_device_or_a_link_is_never_replaced(
    cluster: ClusterProcess, shop: str, tmp_path: Path
) -> None:
    """A pipe is written to, the file behind a link is; what cannot take it is told."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(file)
    words = ("export", "csv", shop, "--fields", "id", "--output")
    with ThreadPoolExecutor(1) as threads:
        read = threads.submit(pipe.read_text)
        assert run(cluster.depot, *words, str(pipe)).code == 0
        assert read.result().startswith("id\n")
    assert pipe.is_fifo()
    assert run(cluster.depot, *words, str(link)).code == 0
    assert link.is_symlink()
    assert file.read_text().startswith("id\n")


def test_standard_output_that_is_full(cluster: ClusterProcess, shop: str) -> None:
    """A sentence, not a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [QUILLBASE, "export", "csv", shop, f"--depot={cluster.depot}"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    told = "Standard output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, told)

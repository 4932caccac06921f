"""`/api/backups`: the official SDK's whole service of backups, and what guests and others may not.

Covers `worker.backups.jobs`, `worker.backups.incoming` and `worker.http.file_part`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.depot.backups import backups_locked
from shared.depot.layout import DepotLayout
from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess
from tests.examples.sdk_process import EXAMPLE, NODE
from tests.waiting import until

SCRIPT = Path(__file__).parents[2] / "backups" / "sdk_backups.js"
BUSY = "Try again later: another backup or restore is running."


def _message(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, str(reply.json()["message"])


def test_guests_and_users_may_nothing(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """401 without a token, 403 with somebody else's."""
    user = {"email": "u@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    assert superuser.post("/api/collections/users/records", json=user).status_code == 200
    path = "/api/collections/users/auth-with-password"
    found = guest.post(path, json={"identity": user["email"], "password": PASSWORD}).json()
    mine = {"Authorization": found["token"]}
    token = guest.post("/api/files/token", headers=mine).json()["token"]
    for method, path in (
        ("GET", "/api/backups"),
        ("POST", "/api/backups"),
        ("POST", "/api/backups/upload"),
        ("DELETE", "/api/backups/x.zip"),
        ("POST", "/api/backups/x.zip/restore"),
    ):
        assert guest.request(method, path).status_code == 401
        assert guest.request(method, path, headers=mine).status_code == 403
    assert guest.get("/api/backups/x.zip").status_code == 403
    assert guest.get(f"/api/backups/x.zip?token={token}").status_code == 403


def test_one_at_a_time(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """While one runs the others are 400, and health says so."""
    layout = DepotLayout(cluster.depot)
    assert superuser.post("/api/backups", json={"name": "one.zip"}).status_code == 204
    assert superuser.get("/api/health").json()["data"]["canBackup"] is True
    with backups_locked(layout):
        for reply in (
            superuser.post("/api/backups"),
            superuser.delete("/api/backups/one.zip"),
            superuser.post("/api/backups/one.zip/restore"),
        ):
            assert _message(reply) == (400, BUSY)
        assert superuser.get("/api/health").json()["data"]["canBackup"] is False
    assert superuser.delete("/api/backups/one.zip").status_code == 204


@pytest.mark.parametrize("body", [{"name": 7}, {"name": "UPPER.zip"}, {"name": "x"}])
def test_a_wrong_name_is_told(superuser: httpx.Client, body: dict[str, Any]) -> None:
    """As an error of the field."""
    reply = superuser.post("/api/backups", json=body)
    assert reply.status_code == 400
    assert set(reply.json()["data"]) == {"name"}


def test_what_does_not_exist_is_404(superuser: httpx.Client) -> None:
    """Also what is outside of the folder of backups."""
    token = superuser.post("/api/files/token").json()["token"]
    for key in ("missing.zip", "..%2F..%2Fdata%2Fmain.db", ".lock"):
        assert superuser.delete(f"/api/backups/{key}").status_code == 404
        assert superuser.post(f"/api/backups/{key}/restore").status_code == 404
        assert superuser.get(f"/api/backups/{key}?token={token}").status_code == 404


def test_bad_uploads_leave_nothing(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """No form, no file, two files, a form that breaks off, and a zip that is no backup."""
    before = set((cluster.depot / "backups").glob("*")) | {cluster.depot / "backups" / ".lock"}
    two = [("file", ("a.zip", b"1")), ("file", ("b.zip", b"2"))]
    kind = {"Content-Type": "multipart/form-data; boundary=xx"}
    part = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    for request in (
        {"json": {"file": "x"}},
        {"files": {"other": ("a.zip", b"x")}},
        {"files": two},
        {"files": {"file": ("a.zip", b"x" * 3_000_000)}},
        {"files": {"file": ("../a.zip", b"x")}},
        {"content": part + b"cut off", "headers": kind},
        {"content": b"no form", "headers": kind},
    ):
        reply = superuser.post("/api/backups/upload", **request)
        assert reply.status_code == 400, reply.text
        assert set(reply.json()) == {"data", "message", "status"}
    assert set((cluster.depot / "backups").glob("*")) <= before


def test_the_official_sdk(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """Create, list, download, upload, delete; and restore, after which the cluster is another."""
    pids = set(cluster.children().values())
    cluster.collection("things", [{"name": "text", "type": "text"}])
    done = subprocess.run(
        [str(NODE), str(SCRIPT), cluster.url, str(EXAMPLE), EMAIL, PASSWORD],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert out["guest"] == 401
    assert [out[name] for name in ("created", "unnamed", "uploaded", "deleted", "restored")] == [
        True
    ] * 5
    assert out["again"][0] == out["wrong"][0] == out["taken"][0] == out["noZip"][0] == 400
    assert "name" in out["again"][1]["data"]
    assert {"key", "size", "modified"} == set(out["list"][0])
    sizes = {one["key"]: one["size"] for one in out["list"]}
    assert len(sizes) == 2
    assert out["download"] == [200, sizes["sdk.zip"], "application/zip"]
    assert (out["badToken"], out["noToken"], out["gone"]) == (403, 403, 404)
    assert "uploaded.zip" in out["after"]
    until(lambda: pids.isdisjoint(cluster.children().values()), seconds=30, what="a restart")
    until(lambda: _ready(cluster), seconds=30, what="the restored cluster")
    found = superuser.get("/api/collections/things")
    assert found.status_code == 200, found.text


def _ready(cluster: ClusterProcess) -> bool:
    reply: dict[str, Any] = httpx.get(f"{cluster.ops_url}/readyz").json()
    return bool(reply["ready"])

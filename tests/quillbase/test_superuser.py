"""`quillbase superuser upsert` with and without a running server, and on a missing depot.

Tests `quillbase.cli.superuser`, `quillbase.cli.upsert`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx

from shared.limits import LOCKOUT_FAILURES
from tests.cluster_process import QUILLBASE, ClusterProcess

EMAIL = "boss@example.com"


def _upsert(depot: Path, password: str, email: str = EMAIL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [QUILLBASE, "superuser", "upsert", email, password, "--depot", str(depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _login(cluster: ClusterProcess, password: str) -> httpx.Response:
    return httpx.post(
        f"{cluster.url}/api/collections/_superusers/auth-with-password",
        json={"identity": EMAIL, "password": password},
        timeout=30,
    )


def test_before_and_during_a_run(tmp_path: Path) -> None:
    """Made on a missing depot, then changed through the running writer; old sessions end."""
    depot = tmp_path / "depot"
    done = _upsert(depot, "first password")
    assert (done.returncode, done.stdout) == (0, f"Superuser {EMAIL} is saved.\n"), done.stderr
    with ClusterProcess(depot) as cluster:
        assert "setup?token" not in "".join(cluster.banner)
        reply = _login(cluster, "first password")
        assert reply.status_code == 200, reply.text
        headers = {"Authorization": reply.json()["token"]}
        collections = f"{cluster.url}/api/collections"
        assert httpx.get(collections, headers=headers).status_code == 200
        writer = cluster.children()["writer"]
        assert _upsert(depot, "second password").returncode == 0
        assert cluster.children()["writer"] == writer
        assert httpx.get(collections, headers=headers).status_code in (401, 403)
        assert _login(cluster, "first password").status_code == 400
        assert _login(cluster, "second password").status_code == 200
    assert _upsert(depot, "third password").returncode == 0
    with ClusterProcess(depot) as cluster:
        assert _login(cluster, "third password").status_code == 200


def test_it_lets_a_locked_out_operator_in(tmp_path: Path) -> None:
    """Whatever strangers have guessed, under whatever capitals."""
    depot = tmp_path / "depot"
    assert _upsert(depot, "first password").returncode == 0
    with ClusterProcess(depot) as cluster:
        for _ in range(LOCKOUT_FAILURES):
            assert _login(cluster, "a guess").status_code == 400
        assert _login(cluster, "first password").status_code == 429
        assert _upsert(depot, "second password").returncode == 0
        assert _login(cluster, "second password").status_code == 200


def test_bad_credentials_are_told_in_a_sentence(tmp_path: Path) -> None:
    """No traceback, exit code 1, and nothing is left running."""
    for email, password, field in (
        ("no address", "long enough", "email"),
        (EMAIL, "short", "password"),
    ):
        done = _upsert(tmp_path / "depot", password, email)
        assert done.returncode == 1
        assert field in done.stderr
        assert "Traceback" not in done.stderr
    assert (tmp_path / "depot" / "data" / "writer.lock").read_bytes() == b""


def test_two_commands_at_once_both_succeed(tmp_path: Path) -> None:
    """The second waits for the first one's writer to end."""
    depot = tmp_path / "depot"
    words = [QUILLBASE, "superuser", "upsert"]
    started = [
        subprocess.Popen(
            [*words, f"u{n}@example.com", "long enough", "--depot", str(depot)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err

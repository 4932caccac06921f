"""`quillbase user …` on a depot that no server runs on.

Tests `quillbase.cli.user` and `quillbase.cli.user_job`; beside a running server they are tested
with the auth API.
"""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from shared.passwords import verify_password
from tests.cluster_process import QUILLBASE


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A depot that does not exist yet."""
    return tmp_path_factory.mktemp("user") / "depot"


def user(*arguments: str, depot: Path) -> tuple[int, str]:
    """Exit code and what was said."""
    command = [QUILLBASE, "user", *arguments, "--depot", str(depot)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_users_are_made_and_changed(depot: Path) -> None:
    """From nothing; by address and by id."""
    assert user("list", depot=depot)[0] == 1
    assert user("add", "Anna@example.com", "12345678", "--admin", depot=depot)[0] == 0
    code, told = user("list", depot=depot)
    uid, *rest = told.split()
    assert (code, rest) == (0, ["Anna@example.com", "admin"])
    for name, password in (("anna@example.com", "password one"), (uid, "password two")):
        assert user("change-password", name, password, depot=depot)[0] == 0
        with closing(sqlite3.connect(depot / "data" / "main.db")) as database:
            (stored,) = database.execute("SELECT password_hash FROM _user").fetchone()
        assert verify_password(stored, password)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add", "ANNA@example.com", "12345678"), "already"),
        (("add", "nonsense", "12345678"), "invalid email"),
        (("add", "new@example.com", "short"), "too short"),
        (("verify", "nobody@example.com"), "no user"),
        (("change-password", "AAAAAAAAAAAAAAAAAAAAAA==", "12345678"), "no user"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    depot: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """Without a traceback."""
    code, told = user(*arguments, depot=depot)
    assert code == 1
    assert reason in told
    assert "Traceback" not in told

"""`quillbase publish` with and without a running server, and whatever it refuses.

Tests `quillbase.cli.publish`, `quillbase.cli.writer` and `quillbase.cli.failure`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from shared.limits import MESSAGE_BYTES_MAX
from tests.cluster_process import QUILLBASE, ClusterProcess, upsert_superuser
from tests.messages import published


def _publish(
    depot: Path, *words: str | bytes, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [QUILLBASE, "publish", *words, "--depot", str(depot)],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A depot that no server runs on."""
    made = tmp_path_factory.mktemp("lone") / "depot"
    upsert_superuser(made)
    return made


def test_through_the_running_server(cluster: ClusterProcess) -> None:
    """By its writer, which is still the same afterwards."""
    writer = cluster.children()["writer"]
    before = published(cluster.depot)
    done = _publish(cluster.depot, "rooms/1", '{"a": [1, "ü"]}')
    assert (done.returncode, done.stdout) == (0, b"Published.\n"), done.stderr
    assert published(cluster.depot)[len(before) :] == [("rooms/1", {"a": [1, "ü"]})]
    assert cluster.children()["writer"] == writer


def test_all_ways_to_give_data(depot: Path) -> None:
    """JSON, plain text, none, and both from standard input."""
    large = json.dumps(["x" * 1_000] * 200, indent=4).encode()
    for words, stdin, data in (
        (('"text"',), b"", "text"),
        ((), b"", None),
        (("7", "--text"), b"", "7"),
        (("-",), b' {"a":\n 1}\n', {"a": 1}),
        (("-",), large, ["x" * 1_000] * 200),
        (("-", "--text"), "two\nlines ü".encode(), "two\nlines ü"),
    ):
        done = _publish(depot, "t", *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        assert published(depot)[-1] == ("t", data)


def test_without_a_server_it_is_stored(depot: Path) -> None:
    """And says so; a server that starts later finds it in the log, with the position behind it."""
    before = published(depot)
    done = _publish(depot, "later", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Stored.")
    with ClusterProcess(depot) as cluster:
        assert published(depot)[len(before) :] == [("later", 1)]
        assert _publish(depot, "now", "2").stdout == b"Published.\n"
        assert cluster.process.poll() is None
    assert published(depot)[len(before) :] == [("later", 1), ("now", 2)]


@pytest.mark.parametrize(
    ("words", "stdin", "reason"),
    [
        (("t", "{"), b"", "not JSON"),
        (("t", "plain"), b"", "--text"),
        (("t", "-"), b"", "not JSON"),
        (("t", "-"), b'"\xff"', "not JSON"),
        (("t", "-", "--text"), b"\xff", "UTF-8"),
        (("t", "-", "--text"), b"x" * (9 * MESSAGE_BYTES_MAX), "larger"),
        (("t", "-", "--text"), b"x" * MESSAGE_BYTES_MAX, "bytes"),
        (("", "1"), b"", "topic"),
        (("@t", "1"), b"", "topic"),
        (("a?b", "1"), b"", "topic"),
        (("a\nb", "1"), b"", "topic"),
        (("users/abc", "1"), b"", "collection"),
        (("_pb_users_auth_", "1"), b"", "collection"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(
    depot: Path, words: tuple[str | bytes, ...], stdin: bytes, reason: str
) -> None:
    """Exit code 1, no traceback, and nothing is published."""
    before = published(depot)
    done = _publish(depot, *words, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, b""), done.stderr
    assert reason in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert published(depot) == before


def test_a_missing_depot_is_refused_and_not_made(tmp_path: Path) -> None:
    """A typing error in the path must not make a depot that nobody will ever read."""
    done = _publish(tmp_path / "nowhere", "t", "1")
    assert done.returncode == 1
    assert "no depot" in done.stderr.decode()
    assert not (tmp_path / "nowhere").exists()

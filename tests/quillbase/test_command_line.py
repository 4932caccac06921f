"""The `quillbase` command: words, help and mistakes.

Tests `quillbase.cli.run`, `quillbase.cli.supervise`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import VERSION
from cluster.arguments import flag
from shared.settings import Settings
from tests.cluster_process import QUILLBASE


def _quillbase(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [QUILLBASE, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **env},
    )


def test_version() -> None:
    """One line on stdout."""
    done = _quillbase("version")
    assert (done.returncode, done.stdout) == (0, f"{VERSION}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--depot", b"d\xff"],
        ["backup", "list", "--depot", b"d\xff"],
        ["superuser", "upsert", b"a\xff@example.com", "long enough"],
    ],
)
def test_words_that_are_no_texts_are_refused(tmp_path: Path, words: list[str | bytes]) -> None:
    """A path of bytes can be told to nobody; nothing is made of it."""
    done = subprocess.run([QUILLBASE, *words], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Given by a variable, or the one that the command stands in."""
    depot = os.fsencode(tmp_path) + b"/d\xff"
    done = subprocess.run(
        [QUILLBASE, "migrate", "status"],
        env={**os.environb, b"QUILL_DEPOT": depot},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"is not UTF-8" in done.stderr) == (2, True)
    os.mkdir(depot)  # noqa: PTH102 - pathlib takes texts only
    done = subprocess.run(
        [QUILLBASE, "migrate", "status"], cwd=depot, capture_output=True, check=False
    )
    assert (done.returncode, b"is not UTF-8" in done.stderr) == (2, True)


def test_run_offers_every_setting() -> None:
    """Flags, help and environment variables come from the settings."""
    done = _quillbase("run", "--help")
    assert done.returncode == 0
    for name in Settings.__struct_fields__:
        assert flag(name) in done.stdout
        assert f"QUILL_{name.upper()}" in done.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["run", "--port", "x"], "--port"),
        (["run", "--port", "70000"], "--port"),
        (["run", "--nope", "1"], "--nope"),
        (["run", "--depot"], "--depot"),
        (["run", "--log-level", "loud"], "--log-level"),
        (["superuser", "upsert", "a@example.com"], "PASSWORD"),
        (["sing"], "sing"),
    ],
)
def test_mistakes_are_told_without_a_traceback(words: list[str], reason: str) -> None:
    """Exit code 2 and the word at fault."""
    done = _quillbase(*words)
    assert done.returncode == 2, done
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_in_the_environment_are_told() -> None:
    """QUILL_PORT is judged like --port."""
    done = _quillbase("run", QUILL_PORT="many")
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_an_unusable_depot_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    file = tmp_path / "file"
    file.touch()
    for words in (
        ["run", "--port", "0", "--ops-port", "0", "--depot", str(file)],
        ["superuser", "upsert", "a@example.com", "long enough", "--depot", str(file)],
    ):
        done = _quillbase(*words)
        assert done.returncode == 1, done
        assert f"The depot {file} cannot be used: Not a directory." in done.stderr
        assert "Traceback" not in done.stderr


def test_the_way_to_the_supervisor_imports_no_command_line_library() -> None:
    """typer and what it brings stay out of `quillbase run` and of the supervisor."""
    code = (
        "import sys, quillbase.__main__, quillbase.cli.supervise, cluster.__main__;"
        "print([name for name in ('typer', 'click', 'rich', 'granian', 'falcon', 'zmq', 'apsw',"
        " 'importlib.metadata') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""The two demonstrations of what SDKs hear, whole: they print the same lines, and these."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess
from tests.examples.sdk_process import EXAMPLE, NODE

_PROGRAMS = {"listen.js": str(NODE), "listen.py": sys.executable}
# The page shows what the JavaScript program prints; Python's prints the text instead of the JSON.
_HEARD = [
    ("every note", "update", "first, again"),
    ("expand: author", "update", "first, again"),
    ("one note", "update", "first, again"),
    ("every note", "update", "first, again"),
    ("filter: stars >= 4", "update", "first, again"),
    ("expand: author", "update", "first, again"),
    ("one note", "update", "first, again"),
    ("every note", "create", "second"),
    ("expand: author", "create", "second"),
    ("topic club/door", "", "it is open"),
    ("unsubscribed", "", "club_notes/*"),
    ("one note", "delete", "first, again"),
    ("unsubscribed", "", "everything"),
]


@pytest.mark.parametrize("program", sorted(_PROGRAMS))
def test_the_program_prints_what_it_hears(cluster: ClusterProcess, program: str) -> None:
    """Each line has its subscription, its action and its record, and the author where asked for."""
    cluster.superuser_token()
    done = subprocess.run(
        [_PROGRAMS[program], program, cluster.url, EMAIL, PASSWORD],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Which subscription is told first of one change is not promised.
    assert len(done.stdout.splitlines()) == len(_HEARD), done.stdout
    for group in (slice(0, 3), slice(3, 7), slice(7, 9), *(slice(n, n + 1) for n in range(9, 13))):
        lines = sorted(done.stdout.splitlines()[group])
        for line, (name, action, text) in zip(lines, sorted(_HEARD[group]), strict=True):
            assert line.startswith(f"{name:<28} {action}"), done.stdout
            assert text in line
            assert ("Ada" in line) == name.startswith("expand")


def test_the_page_shows_what_the_program_prints(cluster: ClusterProcess) -> None:
    """README.md holds the output of `listen.js`, line by line."""
    page = (EXAMPLE / "README.md").read_text()
    for name, action, text in _HEARD:
        assert any(
            line.startswith(f"{name:<28} {action}") and text in line for line in page.splitlines()
        ), (name, action, text)

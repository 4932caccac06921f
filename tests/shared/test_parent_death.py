"""A child ends with its parent, also when that died before the child could ask the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.child import PARENT_PID
from shared.parent_death import PARENT_VARIABLE
from tests.cluster_process import ClusterProcess

_CODE = "from shared.parent_death import die_with_parent; die_with_parent(); print('alive')"


@pytest.mark.parametrize(
    ("parent", "said"), [(os.getpid(), "alive\n"), (1 << 22, "")], ids=["alive", "gone"]
)
def test_a_parent_that_is_gone_already_is_noticed(parent: int, said: str) -> None:
    """Whoever is our parent now must be the one that started us."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        env={**os.environ, PARENT_VARIABLE: str(parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == said
    assert done.returncode == (0 if said else 1)


def test_the_supervisor_hands_its_pid_to_its_children(cluster: ClusterProcess) -> None:
    """Else a death during a child's first moments would leave an orphan on the port."""
    assert PARENT_PID == PARENT_VARIABLE
    for pid in cluster.children().values():
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert f"{PARENT_VARIABLE}={cluster.pid}".encode() in environment

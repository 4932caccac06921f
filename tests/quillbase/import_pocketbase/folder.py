"""The data folder that tests import, and what a plain reading of it says."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cluster_process import QUILLBASE

PB_DATA = Path(__file__).parents[2] / "fixtures/pocketbase/pb_data"
PASSWORD = "1234567890"


def run_import(
    folder: Path, depot: Path, *words: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """`quillbase import pocketbase`, to its end."""
    return subprocess.run(
        [QUILLBASE, "import", "pocketbase", str(folder), "--depot", str(depot), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **env},
    )


def import_well(folder: Path, depot: Path, *words: str) -> str:
    """The same, which must succeed; what it printed."""
    done = run_import(folder, depot, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Reading:
    """The source, read by Python's own driver from a copy."""

    def __init__(self, folder: Path, copied: Path) -> None:
        shutil.copy(folder / "data.db", copied)
        with contextlib.closing(sqlite3.connect(copied)) as database:
            database.row_factory = sqlite3.Row
            self.collections = {
                str(row["name"]): _definition(row)
                for row in database.execute("SELECT * FROM _collections")
            }
            self.rows = {
                name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
                for name in self.collections
            }

    def records(self, name: str) -> Iterator[dict[str, Any]]:
        """Records as PocketBase's API shows them to a superuser, secrets left out."""
        fields = self.collections[name]["fields"]
        for row in self.rows[name]:
            yield {
                field["name"]: _shown(field, row[field["name"]])
                for field in fields
                if field["type"] != "password" and field["name"] != "tokenKey"
            }


def _definition(row: sqlite3.Row) -> dict[str, Any]:
    read = dict(row)
    for key in ("fields", "indexes", "options"):
        read[key] = json.loads(read[key])
    return read


def _shown(field: dict[str, Any], value: Any) -> Any:
    kind = field["type"]
    if kind == "bool":
        return bool(value)
    if kind == "json":
        return None if value is None else json.loads(value)
    if kind == "geoPoint":
        return json.loads(value)
    if kind in ("select", "file", "relation") and field["maxSelect"] > 1:
        return json.loads(value or "[]")
    return value

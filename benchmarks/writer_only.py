"""CPU of the writer alone, in µs an operation: a real writer process, no HTTP, no product.

`python -m benchmarks.writer_only [OPERATIONS] [BATCH …]`: keeps BATCH plans in flight over one
link; each has one guard and one INSERT … RETURNING of seven columns. Prints user + system time of
the process by operation and by batch.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from shared.sql.plan import require, returning
from tests.writer.link import Depot, Link

_COLUMNS = ("title", "body", "author", "state", "created", "updated")
_TEXT = "a plain text of some thirty letters"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _make_tables(link: Link) -> None:
    columns = "".join(f", \"{name}\" TEXT NOT NULL DEFAULT ''" for name in _COLUMNS)
    link.define(
        f'CREATE TABLE "posts" (_rowid_ INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE{columns})',
        'CREATE TABLE "people" (_rowid_ INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE, "key" TEXT)',
        "INSERT INTO people(id, \"key\") VALUES ('p1', 'k1')",
    )


def _statement() -> str:
    names = ", ".join(f'"{name}"' for name in ("id", *_COLUMNS))
    marks = ", ".join("?" * (1 + len(_COLUMNS)))
    shape = ", ".join(f"'{name}', \"{name}\"" for name in ("id", *_COLUMNS))
    return f'INSERT INTO "posts" ({names}) VALUES ({marks}) RETURNING json_object({shape})'


def _measure(link: Link, pid: int, total: int, batch: int) -> None:
    insert = _statement()
    guard = require("SELECT 1 FROM people WHERE id = ? AND key = ?", ("p1", "k1"), refusal="auth")
    commits = link.depot.value("SELECT seq FROM _head")
    cpu, started = _cpu_seconds(pid), time.monotonic()
    for first in range(0, total, batch):
        operations = [
            link.operation([guard, returning(insert, (f"r{number:014}",) + (_TEXT,) * 6)])
            for number in range(first, first + batch)
        ]
        results = link.submit(operations)
        assert all(result.status == 0 for result in results), results[0]
        link.acked = operations[-1].seq
    cpu, seconds = _cpu_seconds(pid) - cpu, time.monotonic() - started
    commits = link.depot.value("SELECT seq FROM _head") - commits
    print(
        f"{total} operations, {total / commits:.0f} a batch: {cpu / total * 1e6:.1f} µs CPU each,"
        f" {cpu / commits * 1e6:.0f} µs a batch, {total / seconds:.0f} operations/s"
    )


def main() -> None:
    """Measure at the batch sizes asked for, or at 1, 8, 20 and 64."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    batches = [int(text) for text in sys.argv[2:]] or [1, 8, 20, 64]
    for batch in batches:
        folder = Path(tempfile.mkdtemp(prefix="quill-"))
        depot = Depot(folder, log_level="info")
        depot.start()
        link = Link(depot)
        link.hello()
        _make_tables(link)
        assert depot.process is not None
        _measure(link, depot.process.pid, min(total, 1_500 * batch) // batch * batch, batch)
        depot.stop()
        depot.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

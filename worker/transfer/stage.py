"""Reading a whole file into a private database file: one batch of records after the other.

At most one batch is held in memory. What is wrong with a record by itself is found here; what it
shares with others, or with the depot, is judged afterwards (judge.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from shared.errors import FieldError
from shared.limits import TRANSFER_BATCH_RECORDS
from shared.passwords import hash_password
from shared.schema.fields.field import Value
from shared.sql.staged import order_ids, stage_row, staged_table
from worker.engine.staging import StagedFile
from worker.transfer.form import BadRecordError, RowForm
from worker.transfer.problems import Problems
from worker.transfer.rows import Row

_HASHED: Final = "$argon2id$"
_OWN_COLUMNS: Final = 3  # number, line, given
_Staged = list[Value]


def stage_rows(
    staged: StagedFile,
    form: RowForm,
    rows: Iterator[Row],
    problems: Problems,
    *,
    note_given: bool,
    progressed: Callable[[int], None],
) -> int:
    """Fill the file; how many rows are in it. Bad records go to `problems`.

    `note_given`: keep for each row which fields its record names. `progressed` hears after each
    batch how many records were read. Raises TooManyProblemsError, INVALID.
    """
    staged.run(staged_table(form.collection))
    add = stage_row(form.collection)
    count = read = 0
    threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hash")
    with threads:
        while batch := list(islice(rows, TRANSFER_BATCH_RECORDS)):
            made = _made(batch, form, problems, count, note_given=note_given)
            if form.hashed_at is not None:
                _hash(made, form.hashed_at + _OWN_COLUMNS, threads)
            staged.add(add, made)
            count += len(made)
            read += len(batch)
            progressed(read)
    if form.makes_ids:
        for sql in order_ids():
            staged.run(sql)
    return count


def _made(
    batch: list[Row], form: RowForm, problems: Problems, count: int, *, note_given: bool
) -> list[_Staged]:
    """The rows of a batch, numbered from `count` on."""
    made: list[_Staged] = []
    values_of, given_by = form.row, form.given
    for line, record in batch:
        if isinstance(record, FieldError):
            problems.add(line, {"": record})
            continue
        try:
            values = values_of(record)
        except BadRecordError as bad:
            problems.add(line, bad.problems)
            continue
        count += 1
        given = given_by(record) if note_given and isinstance(record, dict) else None
        made.append([count, line, given, *values])
    return made


def _hash(made: list[_Staged], at: int, threads: ThreadPoolExecutor) -> None:
    """Plain passwords become hashes; what is a hash was never a password (convert.py)."""
    plain = [row for row in made if not str(row[at]).startswith(_HASHED)]
    hashes = threads.map(hash_password, [str(row[at]) for row in plain])
    for row, hashed in zip(plain, hashes, strict=True):
        row[at] = hashed

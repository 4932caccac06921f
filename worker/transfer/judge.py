"""Judging staged rows as sets: against each other, and against what the depot holds.

It tells the lines at fault; the writer's guards and indexes judge once more, when it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from shared.errors import FieldError, invalid
from shared.limits import TRANSFER_CHECK_ROWS
from shared.schema.catalog import Catalog
from shared.schema.constraints import NOT_UNIQUE
from shared.sql.plan import Value
from shared.sql.staged import SCHEMA, drop_rows, repeated_rows, staged_index
from worker.engine.offline import OfflineReader, ReadError
from worker.engine.staging import NotUniqueError, StagedFile
from worker.transfer.problems import Problems
from worker.transfer.target import Target, changed_meanwhile


def judge_among_themselves(staged: StagedFile, target: Target, problems: Problems) -> int:
    """Take out rows that repeat a unique key of an earlier one; how many those are."""
    removed = 0
    for number, key, said in target.unique():
        index = staged_index(number, key, said)
        try:
            staged.make_unique(index)
        except NotUniqueError:
            found = staged.rows(repeated_rows(key, said))
            for row in found:
                message = f"{NOT_UNIQUE.message} It is also on line {_number(row[2])}."
                error = FieldError(NOT_UNIQUE.code, message)
                problems.add(_number(row[1]), dict.fromkeys(key.fields, error))
            _remove(staged, [row[0] for row in found])
            removed += len(found)
            staged.make_unique(index)
    return removed


def judge_against(
    reader: OfflineReader,
    catalog: Catalog,
    target: Target,
    rows: int,
    progressed: Callable[[int], None],
) -> dict[int, tuple[int, dict[str, FieldError]]]:
    """The rows at fault: number → line and what is wrong. `reader` has the staged file attached.

    `rows`: the greatest number. Each statement looks at some rows only, so that no read transaction
    is long. `progressed` hears how many rows were looked at, over all checks. Raises INVALID for a
    replacement that would take away what others need.
    """
    for sql, by_whom in target.needs(catalog):
        needed = reader.value(sql)
        if needed is not None:
            raise invalid(
                f"Records of {target.collection.name} that the file does not hold are needed:"
                f" {by_whom} refers to {needed!r}."
            )
    bad: dict[int, tuple[int, dict[str, FieldError]]] = {}
    done = 0
    for check in target.checks(catalog):
        for first in range(1, rows + 1, TRANSFER_CHECK_ROWS):
            last = first + TRANSFER_CHECK_ROWS - 1
            for number, line in reader.rows(check.sql, (first, last)):
                faults = bad.setdefault(_number(number), (_number(line), {}))[1]
                for field in check.fields:
                    faults.setdefault(field, check.error)
            done += min(last, rows) - first + 1
            progressed(done)
    return bad


def judge(
    staged: StagedFile,
    database: Path,
    catalog: Catalog,
    target: Target,
    rows: int,
    problems: Problems,
    *,
    tolerated: int,
    progressed: Callable[[int], None],
) -> int:
    """Judge all rows, and take out the bad ones; how many are left.

    It goes on as long as no more than `tolerated` records are bad: without one, another may lack
    what it refers to. The file is closed. Raises INVALID, CONFLICT,
    TooManyProblemsError.
    """
    left = rows - judge_among_themselves(staged, target, problems)
    staged.close()
    while problems.count <= tolerated and not target.new:
        with OfflineReader(database) as reader:
            reader.attach(staged.path, SCHEMA)
            try:
                bad = judge_against(reader, catalog, target, rows, progressed)
            except ReadError as error:
                if error.other_schema:
                    raise changed_meanwhile(target.collection) from None
                raise
        if not bad:
            break
        for line, faults in bad.values():
            problems.add(line, faults)
        again = StagedFile(staged.path)
        _remove(again, bad)
        again.close()
        left -= len(bad)
    return left


def _remove(staged: StagedFile, numbers: Iterable[Value]) -> None:
    staged.add(drop_rows(), ((one,) for one in numbers))


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value

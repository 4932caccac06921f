"""Files of records: copied with their paths, `storage/` becoming `uploads/`.

Pictures that were derived from others (`thumbs_…/`) are made again when they are asked for. The
`….attrs` file beside each holds its type and original name, and comes along.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from shared.quote import quote_identifier
from shared.schema.fields.file import FileField
from shared.sql.plan import Value
from worker.engine.staging import StagedFile
from worker.pb_data.report import FileCount, Kind, Notes
from worker.pb_data.staging import Staged

STORAGE: Final = "storage"
_THUMBS: Final = "thumbs_"
_ATTRIBUTES: Final = ".attrs"
_DEPTH: Final = 3  # collection, record, file
_MISSING: Final = "names a file that the source does not have"
_PAGE_ROWS: Final = 5_000
_BEFORE_ALL: Final = -(2**63)


def count_files(folder: Path) -> int:
    """How many files there are to be copied, their attributes included."""
    return sum(not _is_thumb(path) for path in _files(folder / STORAGE))


def copy_files(
    folder: Path, uploads: Path, notes: Notes, progress: Callable[[int], None]
) -> FileCount:
    """Copy all files of records. Raises OSError."""
    root = folder / STORAGE
    copied = size = thumbs = 0
    for path in _files(root):
        inside = path.relative_to(root)
        if _is_thumb(path):
            thumbs += path.suffix != _ATTRIBUTES
            continue
        if path.is_symlink() or not path.is_file() or len(inside.parts) != _DEPTH:
            notes.add(Kind.LEFT_OUT, f"{STORAGE}/{inside}", "it is no file of a record")
            continue
        target = uploads / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        shutil.copystat(path, target)
        target.chmod(0o644)
        if path.suffix != _ATTRIBUTES:
            copied += 1
            size += target.stat().st_size
        progress(1)
    return FileCount(copied, size, thumbs)


def _files(root: Path) -> Iterator[Path]:
    """Everything under the folder that is no folder, in no order."""
    for parent, folders, names in os.walk(root):
        folders.sort()
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in (*names, *links):
            yield Path(parent, name)


def _is_file(path: Path) -> bool:
    """Also of a name that no file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_thumb(path: Path) -> bool:
    return path.parent.name.startswith(_THUMBS)


def tell_missing(
    staging: StagedFile, staged: Sequence[Staged], uploads: Path, notes: Notes
) -> None:
    """Tell the files that records name and that are not there."""
    for one in staged:
        for field in one.collection.fields:
            if isinstance(field, FileField):
                _tell_missing(staging, one, field, uploads, notes)


def _tell_missing(
    staging: StagedFile, one: Staged, field: FileField, uploads: Path, notes: Notes
) -> None:
    column = quote_identifier(field.name)
    where = f"{one.collection.name}.{field.name}"
    sql = (
        f'SELECT _rowid_, "id", {column} FROM {quote_identifier(one.table)}'
        f" WHERE _rowid_ > ? AND {column} NOT IN ('', '[]') ORDER BY _rowid_ LIMIT {_PAGE_ROWS}"
    )
    last: Value = _BEFORE_ALL
    while rows := staging.rows(sql, (last,)):
        last = rows[-1][0]
        for _, own_id, value in rows:
            folder = uploads / one.collection.id / str(own_id)
            for name in field.items(value):
                if not _is_file(folder / name):
                    notes.add(Kind.TOLD, where, _MISSING, str(own_id))

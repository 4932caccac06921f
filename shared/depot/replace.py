"""How all data of a depot is replaced: staged beside it, then renamed into place, all or nothing.

Whoever brings other data (a restore, an import) makes `.incoming/` with `prepare_incoming`, lays the
new files there as they will lie in the depot, and calls `replace_data` while it holds the depot's
lock and no writer runs. `replacement.json` is the point of no return: before it stands, the depot
is the old one and what is staged is refuse; from then on it becomes the new one, whoever has to
finish it. `Depot.take` calls `finish_replacement` at every start.

Old files are not deleted: they lie in `replaced/<time>/`, of which the newest few are kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from shared import failpoints
from shared.depot.layout import DepotLayout
from shared.limits import REPLACED_KEPT_MAX

_NAME: Final = ".what"  # what the staging is for, until the journal says it
_WHOLE: Final = "uploads"  # a folder that is renamed as one
_DATABASE_SUFFIXES: Final = (".db", ".db-wal", ".db-shm", ".db-journal")
_NEVER: Final = ("data/writer.lock", "data/ballast")


class ReplacementError(Exception):
    """The data cannot be replaced, or a begun replacement cannot be finished; says why."""


class Request(msgspec.Struct, frozen=True):
    """Asks a running cluster to replace the data by what is staged. `what`: "restore of X"."""

    what: str


class Outcome(msgspec.Struct, frozen=True):
    """What the cluster did about it. `told`: a sentence."""

    done: bool
    told: str


class Journal(msgspec.Struct, frozen=True):
    """A decided replacement. Paths are relative to the depot.

    `what`: "restore of monday.zip".  `stamp`: names the folder of the old files.
    """

    what: str
    stamp: str
    old: list[str]
    new: list[str]


def prepare_incoming(layout: DepotLayout, what: str) -> DepotLayout:
    """An empty `.incoming/` in the depot, as a layout of its own. Raises OSError."""
    discard_incoming(layout)
    incoming = DepotLayout(layout.incoming)
    incoming.path.mkdir(mode=0o700, parents=True)
    (incoming.path / _NAME).write_text(what)
    incoming.data.mkdir()
    return incoming


def discard_incoming(layout: DepotLayout) -> None:
    """Remove what is staged, if anything is."""
    if layout.incoming.exists():
        shutil.rmtree(layout.incoming)


def replace_data(layout: DepotLayout, what: str) -> str:
    """Put what is staged in the place of the depot's data, and tell it in a sentence.

    The caller holds the depot's lock, and nobody has its databases open. All databases of the
    depot go; `uploads/` goes when one is staged; any other file only when one of its path is.
    Raises ReplacementError when the staged files cannot be used, and OSError when the disk fails or
    is full. Then nothing is changed and nothing is staged any more; but once the journal stands, the
    next start goes on from where this ended.
    """
    try:
        journal = Journal(what, _new_stamp(layout), _leaving(layout), _staged(layout))
        _check(layout, journal)
        sync_tree(layout.incoming)
        _decide(layout, journal)
    except BaseException:
        if not layout.replacement.exists():
            discard_incoming(layout)
        raise
    if failpoints.ACTIVE:
        failpoints.reach("depot.decided")
    return _roll_forward(layout, journal)


def finish_replacement(layout: DepotLayout) -> str | None:
    """Finish or discard what was interrupted; a sentence about it, None when there was nothing.

    Raises ReplacementError when the journal cannot be read, OSError when the disk fails.
    """
    if layout.replacement.exists():
        return _roll_forward(layout, _read_journal(layout))
    if not layout.incoming.exists():
        return None
    name = layout.incoming / _NAME
    what = name.read_text() if name.exists() else "replacement of the data"
    discard_incoming(layout)
    return f"An unfinished {what} was discarded; the depot is as it was before."


def steps(layout: DepotLayout, journal: Journal) -> Iterator[Callable[[], None]]:
    """What a decided replacement consists of, in order; each step may be repeated at any time."""
    replaced = layout.replaced / journal.stamp
    for path in journal.old:
        yield partial(_move, layout.path / path, replaced / path)
    yield partial(_sync_folders, layout, journal)
    for path in journal.new:
        yield partial(_move, layout.incoming / path, layout.path / path, over=True)
    yield partial(_sync_folders, layout, journal)
    yield partial(_forget, layout)
    yield partial(discard_incoming, layout)


def sync_tree(folder: Path) -> None:
    """Have the disk hold all files of a folder, and their names. Raises OSError."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                _sync(path)
        _sync(Path(parent))


def _roll_forward(layout: DepotLayout, journal: Journal) -> str:
    for step in steps(layout, journal):
        step()
        if failpoints.ACTIVE:
            failpoints.reach("depot.replacing")
    _remove_oldest(layout)
    sentence = f"The {journal.what} was completed."
    if (layout.replaced / journal.stamp).exists():
        sentence += f" What the depot held before is in replaced/{journal.stamp}."
    return sentence


def _leaving(layout: DepotLayout) -> list[str]:
    """Old files: every database, and whatever has the path of a staged one."""
    databases = [
        str(path.relative_to(layout.path))
        for path in sorted(layout.data.glob("*"))
        if path.name.endswith(_DATABASE_SUFFIXES)
    ]
    others = [
        path
        for path in _staged(layout)
        if path not in databases and os.path.lexists(layout.path / path)
    ]
    return databases + others


def _staged(layout: DepotLayout) -> list[str]:
    found = []
    for parent, folders, names in os.walk(layout.incoming):
        here = Path(parent).relative_to(layout.incoming)
        if here == Path() and _WHOLE in folders:
            folders.remove(_WHOLE)
            found.append(_WHOLE)
        found += [str(here / name) for name in names]
    return sorted(path for path in found if path != _NAME)


def _check(layout: DepotLayout, journal: Journal) -> None:
    if layout.replacement.exists():
        raise ReplacementError("Another replacement of the depot's data is not finished.")
    if "data/main.db" not in journal.new:
        raise ReplacementError("No data/main.db is staged.")
    if forbidden := [path for path in journal.new if path in _NEVER]:
        raise ReplacementError(f"{forbidden[0]} cannot be replaced.")
    device = layout.incoming.stat().st_dev
    for path in {*journal.old, *journal.new}:
        place = layout.path / path
        if _device(place.parent) != device or place.is_mount():
            raise ReplacementError(
                f"{place} is on another file system than the depot, so that it cannot be replaced"
                " at once."
            )


def _device(folder: Path) -> int:
    """That of the folder, or of the nearest above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder.stat().st_dev


def _new_stamp(layout: DepotLayout) -> str:
    stamp = name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    number = 1
    while (layout.replaced / name).exists():
        number += 1
        name = f"{stamp}-{number}"
    return name


def _decide(layout: DepotLayout, journal: Journal) -> None:
    """Write the journal. What needs room on the disk is done before, so that moving needs none."""
    replaced = layout.replaced / journal.stamp
    draft = layout.replacement.with_suffix(".tmp")
    try:
        for path in journal.old:
            (replaced / path).parent.mkdir(parents=True, exist_ok=True)
        for path in journal.new:
            (layout.path / path).parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.encode(journal))
        _sync(draft)
    except BaseException:
        draft.unlink(missing_ok=True)
        shutil.rmtree(replaced, ignore_errors=True)
        with contextlib.suppress(OSError):
            layout.replaced.rmdir()  # unless it has older ones
        raise
    draft.rename(layout.replacement)
    _sync(layout.path)


def _read_journal(layout: DepotLayout) -> Journal:
    try:
        return msgspec.json.decode(layout.replacement.read_bytes(), type=Journal)
    except msgspec.MsgspecError as error:
        raise ReplacementError(
            f"{layout.replacement} cannot be read: {error}. It says how a begun replacement of"
            " this depot's data goes on; the depot is not used until it is mended."
        ) from error


def _move(source: Path, target: Path, *, over: bool = False) -> None:
    """Rename, unless it was done: the source is gone, or (not `over`) the target is there."""
    if not os.path.lexists(source) or (not over and os.path.lexists(target)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def _sync_folders(layout: DepotLayout, journal: Journal) -> None:
    """Have the disk hold the renames so far before anything builds on them."""
    replaced = layout.replaced / journal.stamp
    roots = (layout.path, layout.incoming, replaced)
    parents = {(root / path).parent for root in roots for path in journal.old + journal.new}
    for folder in sorted({*parents, layout.replaced, layout.path}):
        if folder.is_dir():
            _sync(folder)


def _forget(layout: DepotLayout) -> None:
    layout.replacement.unlink(missing_ok=True)
    _sync(layout.path)


def _remove_oldest(layout: DepotLayout) -> None:
    if layout.replaced.is_dir():
        by_age = sorted(layout.replaced.iterdir(), key=lambda path: path.stat().st_mtime)
        for folder in by_age[:-REPLACED_KEPT_MAX]:
            shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The folder that an import works in, `<depot>/.staging/<id>/`, and what is left of dead ones.

It is locked while the import lives, so another import knows a dead one's folder, whatever killed
it, and whether its rows came: they came together with a receipt in the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from shared.depot.layout import DepotLayout
from shared.errors import invalid
from shared.sql.staged import RECEIPT_SQL, receipt_key
from worker.engine.offline import OfflineReader

STAGING: Final = ".staging"
_LOCK, _ROWS, _STORY = "lock", "rows.db", "import.json"
_ID_BYTES: Final = 8


class Story(msgspec.Struct, frozen=True):
    """What an import was about. `rows`: how many it was to bring, 0 before that is known."""

    source: str
    collection: str
    rows: int = 0


class Folder:
    """The folder of one import. `kept`: it stays, for the next import to say what came of it."""

    def __init__(self, import_id: str, path: Path) -> None:
        self.id = import_id
        self.path = path
        self.kept = False

    @property
    def rows(self) -> Path:
        """The file of the staged rows."""
        return self.path / _ROWS

    def tell(self, story: Story) -> None:
        """Note what this import is about, for those who find the folder. Raises INVALID."""
        path = self.path / _STORY
        try:
            path.write_bytes(msgspec.json.encode(story))
        except OSError as error:
            raise invalid(f"{path} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def open_folder(layout: DepotLayout, story: Story) -> Iterator[Folder]:
    """A new folder, which is gone afterwards. Raises INVALID where it cannot be made."""
    import_id = secrets.token_hex(_ID_BYTES)
    path = layout.path / STAGING / import_id
    try:
        lock = _made_and_locked(path)
    except OSError as error:
        raise invalid(f"{path} cannot be made: {error.strerror}.") from None
    folder = Folder(import_id, path)
    try:
        folder.tell(story)
        yield folder
    finally:
        if not folder.kept:
            shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # unless another import is under way


def _made_and_locked(path: Path) -> int:
    """Under a name that nobody looks at until it is locked."""
    new = path.with_name(f".{path.name}")
    new.mkdir(mode=0o700, parents=True)
    lock = os.open(new / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    new.rename(path)
    return lock


def clear_leftovers(layout: DepotLayout) -> list[str]:
    """Remove the folders of imports that died; a sentence about each says whether its rows came."""
    sentences = []
    for path in sorted((layout.path / STAGING).glob("*")):
        try:
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # just being made, or just being removed
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            sentences.append(_outcome(layout, path))
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
    return sentences


def _outcome(layout: DepotLayout, path: Path) -> str:
    try:
        story = msgspec.json.decode((path / _STORY).read_bytes(), type=Story)
    except (OSError, msgspec.MsgspecError):
        story = Story("a file", "a collection")
    came = rows_that_came(layout, path.name)
    what = f"An earlier import of {story.source} into {story.collection} was interrupted:"
    if not came:
        return f"{what} nothing of it was imported."
    if came >= story.rows:
        return f"{what} all of its {came} records were imported before."
    return f"{what} the first {came} of its {story.rows} records were imported before."


def rows_that_came(layout: DepotLayout, import_id: str) -> int:
    """How many rows of an import are in the database."""
    with OfflineReader(layout.database()) as reader:
        found = reader.value(RECEIPT_SQL, (receipt_key(import_id),))
    return int(str(found or 0))

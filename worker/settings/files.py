"""The two files of settings on the disk: who may write them now, and how they are written.

A file is replaced as a whole, so that no reader ever sees half of one and none is lost when the
machine stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from shared.config.declaration import Tree
from shared.config.default_text import DEFAULT_TEXT
from shared.config.vault import Vault, lock
from shared.depot.layout import DepotLayout
from shared.errors import Kind, QuillError
from shared.limits import CONFIG_LOCK_SECONDS

_POLL_SECONDS: Final = 0.01
_FILE_MODE: Final = 0o644
_SECRET_MODE: Final = 0o600
_SECRET_FOLDER_MODE: Final = 0o700


@contextlib.asynccontextmanager
async def settings_lock(layout: DepotLayout) -> AsyncIterator[None]:
    """Hold what lets one process at a time read, change and apply settings.

    It is the depot's folder that is locked, so there is no file to leave behind, and a process that
    dies lets go. Raises QuillError UNAVAILABLE when others hold it for too long, OSError.
    """
    descriptor = os.open(layout.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        give_up = time.monotonic() + CONFIG_LOCK_SECONDS
        while not _locked(descriptor):
            if time.monotonic() > give_up:
                raise QuillError(
                    Kind.UNAVAILABLE, "The settings are being changed.", retry_after_seconds=1
                )
            await asyncio.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_default(layout: DepotLayout) -> None:
    """The file that a new depot gets. Raises OSError."""
    _replace(layout.config, DEFAULT_TEXT.encode(), _FILE_MODE)


def texts_of(tree: Tree, vault: Vault) -> tuple[bytes, bytes]:
    """What the two files say of a tree and a vault; secrets in the tree go to the vault."""
    # Imported late: who never writes settings needs no protocol buffers.
    from shared.config.text import write_secrets, write_text  # noqa: PLC0415

    shut, filled = lock(tree, vault)
    return write_text(shut), write_secrets(filled) if filled else b""


def write_files(layout: DepotLayout, config: bytes, secrets: bytes) -> None:
    """Replace both files, the secrets first: a setting never waits for its secret. Raises OSError.

    Where there are no secrets and no file of them, none is made.
    """
    if secrets or layout.secrets.exists():
        layout.secrets.parent.mkdir(mode=_SECRET_FOLDER_MODE, exist_ok=True)
        layout.secrets.parent.chmod(_SECRET_FOLDER_MODE)
        _replace(layout.secrets, secrets, _SECRET_MODE)
    _replace(layout.config, config, _FILE_MODE)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole and durably, in the place that `path` leads to."""
    place = path.resolve()
    if place.exists() and place.read_bytes() == content and mode == _SECRET_MODE:
        place.chmod(mode)
        return
    draft = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

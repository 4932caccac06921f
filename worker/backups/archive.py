"""A backup's zip as it is read: nothing of it is believed before it was compared with its manifest.

Refused before a byte is unpacked: paths that leave a depot or have no place in one, links,
encrypted or doubled entries, and sizes that differ from the manifest's. What is unpacked is bounded
by those sizes and compared with its hash.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec

from shared.limits import (
    BACKUP_CHUNK_BYTES,
    BACKUP_DIRECTORY_BYTES_MAX,
    BACKUP_FILES_MAX,
    BACKUP_MANIFEST_BYTES_MAX,
)
from worker.backups.manifest import ENTRY, Manifest, is_safe

_ENCRYPTED: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)

Progress = Callable[[int], None]
"""Told how many bytes more are done."""


class BadBackupError(Exception):
    """The file is no backup, or not a whole one; says why."""


class _BoundedFile(io.BufferedReader):
    """A zip's file. Its list of entries is read at once, and would be as large as the file says."""

    opening = True

    def read(self, size: int | None = -1, /) -> bytes:
        if self.opening and size is not None and size > BACKUP_DIRECTORY_BYTES_MAX:
            raise BadBackupError("The zip's list of entries is too large.")
        return super().read(size)


class Archive:
    """An opened backup. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it and compare the list of its entries with its manifest. Raises BadBackupError."""
        try:
            self._file = _BoundedFile(io.FileIO(path))
        except FileNotFoundError:
            raise BadBackupError(f"There is no {path}.") from None
        except OSError as error:
            raise BadBackupError(f"{path} cannot be read: {error.strerror}.") from None
        try:
            self._zip = _opened(self._file, path.name)
            self._infos = _entries(self._zip)
            self.manifest = self._read_manifest()
            self._compare()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes of all its files when they are unpacked."""
        return sum(file.size for file in self.manifest.files.values())

    def names(self, folder: str) -> list[str]:
        """Its files whose path begins so, in order."""
        return sorted(name for name in self.manifest.files if name.startswith(folder))

    def check(self, name: str, progress: Progress) -> None:
        """Read a file and compare it. Raises BadBackupError."""
        self._copy(name, None, progress)

    def extract(self, name: str, target: Path, progress: Progress) -> None:
        """Unpack a file to a new path, compared. Raises BadBackupError; OSError of the disk."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            self._copy(name, out, progress)

    def _copy(self, name: str, out: BinaryIO | None, progress: Progress) -> None:
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(name):
            size += len(chunk)
            digest.update(chunk)
            if out is not None:
                out.write(chunk)
            progress(len(chunk))
        said = self.manifest.files[name]
        if size != said.size or digest.hexdigest() != said.sha256:
            raise BadBackupError(f"{name} is not what the backup's manifest says.")

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(self._infos[name]) as file:
                while chunk := file.read(BACKUP_CHUNK_BYTES):
                    yield chunk
        except _BROKEN as error:
            raise BadBackupError(f"{name} cannot be read from the backup: {error}.") from error

    def _read_manifest(self) -> Manifest:
        info = self._infos.pop(ENTRY)
        if info.file_size > BACKUP_MANIFEST_BYTES_MAX:
            raise BadBackupError("The backup's manifest is too large.")
        try:
            with self._zip.open(info) as file:
                return msgspec.json.decode(file.read(info.file_size + 1), type=Manifest)
        except (*_BROKEN, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadBackupError(f"The backup's manifest cannot be read: {error}.") from error

    def _compare(self) -> None:
        files = self.manifest.files
        if self._infos.keys() != files.keys():
            odd = min(self._infos.keys() ^ files.keys())
            raise BadBackupError(f"The backup and its manifest do not agree on {odd!r}.")
        for name, info in self._infos.items():
            if info.file_size != files[name].size:
                raise BadBackupError(f"{name} has not the size that the manifest says.")
        if "main" not in self.manifest.databases:
            raise BadBackupError("The backup has no main database.")
        named = {f"data/{name}.db" for name in self.manifest.databases}
        if unequal := named ^ set(self.names("data/")):
            raise BadBackupError(f"The backup and its manifest do not agree on {min(unequal)!r}.")


def _opened(file: _BoundedFile, name: str) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
    except (*_BROKEN, ValueError) as error:
        raise BadBackupError(f"{name} is not a zip file: {error}.") from error
    file.opening = False
    return archive


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > BACKUP_FILES_MAX:
        raise BadBackupError("The zip has too many entries.")
    if all(info.filename != ENTRY for info in infos):
        raise BadBackupError(
            "The zip has no manifest: it is no backup of Quillbase. (PocketBase's data comes in by"
            " `quillbase import pocketbase`.)"
        )
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.filename != ENTRY and not is_safe(info.filename):
            raise BadBackupError(f"A backup may not hold {info.filename!r}.")
        if kind not in (0, stat.S_IFREG) or info.flag_bits & _ENCRYPTED:
            raise BadBackupError(f"{info.filename} is not a plain file.")
        if info.compress_type not in _METHODS:
            raise BadBackupError(f"{info.filename} is compressed in an unknown way.")
    name, count = Counter(info.filename for info in infos).most_common(1)[0]
    if count > 1:
        raise BadBackupError(f"The zip holds {name} more than once.")
    return {info.filename: info for info in infos}

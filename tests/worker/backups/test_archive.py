"""Zips that are no backups, or hostile ones: refused before a byte leaves them.

Covers `worker.backups.archive`, `worker.backups.manifest` and `worker.backups.uploads`.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.limits import BACKUP_DIRECTORY_BYTES_MAX
from worker.backups.archive import Archive, BadBackupError
from worker.backups.manifest import ENTRY, DatabaseAt, FileOf, Manifest, is_safe
from worker.backups.uploads import Uploads, folder_size

FILES = {"data/main.db": b"main" * 100, "uploads/c/r/a.txt": b"hello"}


def _manifest(files: Mapping[str, bytes], **more: Any) -> bytes:
    said = {
        name: FileOf(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }
    manifest = Manifest("0.1.0", 1, "2026-01-01", {"main": DatabaseAt("1", 1, 1)}, said)
    return msgspec.json.encode(msgspec.structs.replace(manifest, **more))


def _zip(path: Path, files: Mapping[Any, bytes], manifest: bytes | None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if manifest is not None:
            archive.writestr(ENTRY, manifest)
    return path


def _ignore(_size: int) -> None:
    pass


def test_a_good_one_is_unpacked(tmp_path: Path) -> None:
    """Each file as it was; what it takes is known before."""
    with Archive(_zip(tmp_path / "a.zip", FILES, _manifest(FILES))) as archive:
        assert archive.size == sum(map(len, FILES.values()))
        assert archive.names("uploads/") == ["uploads/c/r/a.txt"]
        done: list[int] = []
        for name, data in FILES.items():
            archive.check(name, done.append)
            archive.extract(name, tmp_path / "out" / name, done.append)
            assert (tmp_path / "out" / name).read_bytes() == data
        assert sum(done) == 2 * archive.size


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "/etc/passwd", "uploads/../../evil", "uploads//x", "uploads/./x", "data/x.db/y",
        "data/writer.lock", "data/../main.db", "uploads\\evil", "uploads/a\x01b", "hooks/run.py",
        "config.textproto/x", "secrets/../x", "uploads/", "replacement.json", "data/.db", " ",
    ],
)  # fmt: skip
def test_a_path_without_a_place_in_a_depot_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever it says in the manifest."""
    assert not is_safe(name)
    files = FILES | {name: b"evil"}
    with pytest.raises(BadBackupError, match="may not hold"):
        Archive(_zip(tmp_path / "a.zip", files, _manifest(files)))


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    """A link could lead out of the depot; of two entries one would not be checked."""
    link = zipfile.ZipInfo("uploads/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    linked: dict[Any, bytes] = {**FILES, link: b"/etc"}
    said = _manifest(FILES | {"uploads/link": b"/etc"})
    with pytest.raises(BadBackupError, match="not a plain file"):
        Archive(_zip(tmp_path / "a.zip", linked, said))
    twice: dict[Any, bytes] = {**FILES, zipfile.ZipInfo("uploads/c/r/a.txt"): b"other"}
    with pytest.warns(UserWarning, match="Duplicate"):
        path = _zip(tmp_path / "b.zip", twice, _manifest(FILES))
    with pytest.raises(BadBackupError, match="more than once"):
        Archive(path)


def test_the_manifest_is_the_measure(tmp_path: Path) -> None:
    """Files that it does not name, or that it names and that are not there, or of another size."""
    for number, (files, said) in enumerate(
        [
            (FILES, None),
            (FILES, b"{"),
            (FILES, _manifest({})),
            (FILES, _manifest(FILES | {"uploads/b": b""})),
            (FILES, _manifest(FILES | {"data/main.db": b"short"})),
            (FILES, _manifest(FILES, databases={})),
            (
                FILES,
                _manifest(
                    FILES, databases={"main": DatabaseAt("1", 1, 1), "x": DatabaseAt("1", 1, 1)}
                ),
            ),
            (
                FILES | {"data/x.db": b""},
                _manifest(FILES | {"data/x.db": b""}),
            ),
            (FILES, _manifest(FILES, format=-1)),
            (FILES, _manifest(FILES, format=2**70)),
            (FILES, _manifest(FILES, version='0.1"\nquillbase_format: 9')),
            (FILES, _manifest(FILES, version="9" * 5000 + ".1")),
            (FILES, _manifest(FILES, created="\x1b[2J")),
            (FILES, _manifest(FILES, databases={"main": DatabaseAt("1", -1, 1)})),
            ({}, None),
        ]
    ):
        with pytest.raises(BadBackupError):
            Archive(_zip(tmp_path / f"{number}.zip", files, said))


def test_other_content_is_found(tmp_path: Path) -> None:
    """Same size, another hash; and nothing more is written than the manifest says."""
    other = FILES | {"data/main.db": b"niam" * 100}
    with (
        Archive(_zip(tmp_path / "a.zip", other, _manifest(FILES))) as archive,
        pytest.raises(BadBackupError, match="is not what"),
    ):
        archive.check("data/main.db", _ignore)


def test_a_bomb_is_not_unpacked_beyond_its_word(tmp_path: Path) -> None:
    """An entry whose header says less than it holds ends at what was said."""
    files = FILES | {"uploads/bomb": b"\0" * 50_000_000}
    path = _zip(tmp_path / "a.zip", files, _manifest(FILES | {"uploads/bomb": b"\0" * 1000}))
    raw = path.read_bytes().replace(
        (50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    )
    path.write_bytes(raw)
    with Archive(path) as archive:
        written: list[int] = []
        with pytest.raises(BadBackupError):
            archive.extract("uploads/bomb", tmp_path / "out", written.append)
        assert sum(written) <= 1000


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    """In words, not with a traceback."""
    path = tmp_path / "a.zip"
    for content in (b"", b"PK\x03\x04", b"text" * 1000):
        path.write_bytes(content)
        with pytest.raises(BadBackupError, match="not a zip file"):
            Archive(path)
    with pytest.raises(BadBackupError, match="There is no"):
        Archive(tmp_path / "missing.zip")


def test_uploads_that_are_deleted_meanwhile_stay_in(tmp_path: Path) -> None:
    """Held before the snapshot, and joined by what came until after it; links are not followed."""
    folder = tmp_path / "uploads"
    (folder / "c").mkdir(parents=True)
    for name in ("deleted", "stays"):
        (folder / "c" / name).write_text(name)
    (folder / "c" / "link").symlink_to("/etc/passwd")
    (folder / "c" / "odd\x07name").write_text("odd")
    uploads = Uploads(folder, tmp_path / "held")
    uploads.hold()
    (folder / "c" / "deleted").unlink()
    (folder / "c" / "new").write_text("new")
    found = {name: path.read_text() for name, path in uploads.files()}
    assert found == {"c/deleted": "deleted", "c/stays": "stays", "c/new": "new"}
    assert uploads.left_out == [ascii("c/odd\x07name")]
    assert folder_size(folder / "c" / "nothing") == 0
    assert folder_size(folder) >= len("stays") + len("new") + len("odd")


def test_a_list_of_entries_without_end_is_not_read(tmp_path: Path) -> None:
    """Its size stands in the last bytes of the file, and counts before anything is read."""
    path = _zip(tmp_path / "a.zip", FILES, _manifest(FILES))
    whole = path.read_bytes()
    end = whole.rindex(b"PK\5\6")
    size = BACKUP_DIRECTORY_BYTES_MAX + 1
    with path.open("wb") as file:
        file.truncate(size)  # of holes, so that the list may have its size
        file.seek(size)
        file.write(whole[end : end + 12] + struct.pack("<LL", size, 0) + whole[end + 20 :])
    with pytest.raises(BadBackupError, match="list of entries is too large"):
        Archive(path)

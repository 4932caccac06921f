"""Names and order of migration files: `shared.depot.migration_files`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.depot.layout import DepotLayout
from shared.depot.migration_files import MigrationNameError, find_migrations, read_name


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("U17__add_notes.sql", (False, 17, "add_notes")),
        ("V1__first.py", (True, 1, "first")),
        ("U1700000000.5__x.sql", (False, 1700000000.5, "x")),
        ("U2.0__x.sql", (False, 2, "x")),
        ("U007__größe.sql", (False, 7, "größe")),
    ],
)
def test_a_name_tells_kind_version_and_name(name: str, expected: tuple[object, ...]) -> None:
    """As TrailBase writes them, and Python beside SQL."""
    read = read_name(Path(name))
    assert read is not None
    assert read[:3] == expected
    assert read.is_program == name.endswith(".py")


@pytest.mark.parametrize(
    "name",
    [
        "u1__x.sql",
        "U1_x.sql",
        "U__x.sql",
        "W1__x.sql",
        "U1__x-y.sql",
        "U1__x.down.sql",
        "U1__x.sql.bak",
    ],
)
def test_other_names_say_nothing(name: str) -> None:
    """They are no migrations."""
    assert read_name(Path(name)) is None


@pytest.mark.parametrize("digits", ["9223372036854775808", "1.23456789012345678"])
def test_versions_have_an_end(digits: str) -> None:
    """What SQLite could not keep is refused."""
    with pytest.raises(MigrationNameError):
        read_name(Path(f"U{digits}__x.sql"))


def test_files_come_by_version_from_all_folders(tmp_path: Path) -> None:
    """The folder of the database, what is in it, and for main the files above it."""
    _touch(
        tmp_path / "migrations",
        "U10__c.sql", "main/U9__b.sql", "main/2024/deep/V2__a.py", "main/U9__b.down.sql",
        "main/notes.sql", "main/_shared.py", "main/__pycache__/U3__x.py", "logs/U1__other.sql",
    )  # fmt: skip
    layout = DepotLayout(tmp_path)
    found = find_migrations(layout)
    assert [file.version for file in found.files] == [2, 9, 10]
    assert [path.name for path in found.strangers] == ["notes.sql"]
    assert [file.name for file in find_migrations(layout, "logs").files] == ["other"]
    assert find_migrations(layout, "none").files == ()
    assert found.files[1].down_path.exists()


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    """By both names; `1.10` is `1.1`."""
    _touch(tmp_path / "migrations" / "main", "U1.10__x.sql", "V1.1__y.py")
    with pytest.raises(MigrationNameError, match=r"U1\.10__x\.sql and .*V1\.1__y\.py"):
        find_migrations(DepotLayout(tmp_path))

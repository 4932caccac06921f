"""Names of databases, and the file of their slots."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from shared.depot.databases import is_database_name, read_slots, write_slots


@pytest.mark.parametrize("name", ["a", "tenant-1", "A_b", "x" * 64, "-", "0"])
def test_names(name: str) -> None:
    """Letters, digits, underscore and dash."""
    assert is_database_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "main", "MAIN", "Temp", "staged", "logs", "queue", "session", "public", "sqlite_a",
     "a.b", "a/b", "..", "ä", "a b", "a\n", "a\x00", "x" * 65],
)  # fmt: skip
def test_what_is_no_name(name: str) -> None:
    """What other things are called, and what would be a path."""
    assert not is_database_name(name)


def test_slots_are_read_as_written(tmp_path: Path) -> None:
    """No file is no slot; another text is an error."""
    file = tmp_path / "databases.json"
    assert read_slots(file) == {}
    write_slots(file, {"a": 1, "b": 2})
    write_slots(file, {"a": 1, "c": 3})
    assert read_slots(file) == {"a": 1, "c": 3}
    assert list(tmp_path.iterdir()) == [file]
    file.write_text("[]")
    with pytest.raises(msgspec.MsgspecError):
        read_slots(file)

"""The disk as all databases of a process see it."""

from __future__ import annotations

from pathlib import Path

from writer.space import Space


def test_the_disk_is_full_while_any_database_says_so(tmp_path: Path) -> None:
    """One that has space again does not speak for the others."""
    space = Space(tmp_path)
    assert space.note("main", full=True)
    assert space.note("tenant", full=True)
    assert space.note("main", full=False)
    assert not space.note("tenant", full=False)


def test_there_is_one_ballast(tmp_path: Path) -> None:
    """Whoever drops it, the others find it gone."""
    space = Space(tmp_path)
    space.lay_ballast()
    space.lay_ballast()
    assert [path.name for path in tmp_path.iterdir()] == ["ballast"]
    assert space.drop_ballast()
    assert not space.drop_ballast()

"""The depot's version: newer ones are refused, older ones upgraded after a snapshot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.depot.layout import DepotLayout
from shared.depot.version import (
    FORMAT,
    UPGRADES,
    Metadata,
    NewerDepotError,
    Upgrade,
    bring_up_to_date,
    read_metadata,
    refuse_newer,
    write_metadata,
)


def _never(name: str) -> None:
    raise AssertionError(name)


def _depot(path: Path, metadata: Metadata | None = None) -> DepotLayout:
    layout = DepotLayout(path)
    layout.data.mkdir(parents=True)
    layout.database().write_text("data")
    if metadata is not None:
        write_metadata(layout, metadata)
    return layout


def test_the_registry_ends_at_the_present_format() -> None:
    """Each format has one step, in order."""
    assert [step.format for step in UPGRADES] == list(range(1, FORMAT + 1))


def test_an_unmarked_depot_is_marked_without_a_snapshot(tmp_path: Path) -> None:
    """There is nothing to do to it but to write the number down."""
    layout = _depot(tmp_path)
    assert read_metadata(layout) == Metadata("", 0)
    assert bring_up_to_date(layout, "0.1.0", _never) is None
    assert read_metadata(layout) == Metadata("0.1.0", FORMAT)


def test_lines_of_others_stay(tmp_path: Path) -> None:
    """TrailBase keeps a file of the same name."""
    layout = _depot(tmp_path)
    layout.metadata.write_text('last_version: "0.20.1"\nquillbase_version: "0.0.9"\n')
    write_metadata(layout, Metadata("0.1.0", 1))
    assert layout.metadata.read_text() == (
        'last_version: "0.20.1"\nquillbase_version: "0.1.0"\nquillbase_format: 1\n'
    )


@pytest.mark.parametrize(
    ("version", "number", "refused"),
    [
        ("0.1.9", 1, False),
        ("0.2.0", 1, True),
        ("1.0.0", 1, True),
        ("0.1.0", 2, True),
        ("", 7, True),
        ("nonsense", 1, False),
    ],
)
def test_a_newer_depot_is_refused(
    tmp_path: Path, version: str, number: int, *, refused: bool
) -> None:
    """By its format, or by a minor version that is ahead; a patch release may go back."""
    layout = _depot(tmp_path, Metadata(version, number))
    before = layout.metadata.read_text()
    if not refused:
        refuse_newer(read_metadata(layout), "0.1.0", "It")
        return
    with pytest.raises(NewerDepotError, match=r"was written by Quillbase.*this is 0\.1\.0"):
        bring_up_to_date(layout, "0.1.0", _never)
    assert layout.metadata.read_text() == before


@pytest.mark.parametrize("text", [b"quillbase_format: many", b"\xff\xfe"])
def test_metadata_that_cannot_be_read_refuses(tmp_path: Path, text: bytes) -> None:
    """Better no start than one on a depot that says something we do not understand."""
    layout = _depot(tmp_path)
    layout.metadata.write_bytes(text)
    with pytest.raises(NewerDepotError):
        read_metadata(layout)


def test_an_older_depot_is_upgraded_after_a_snapshot(tmp_path: Path) -> None:
    """The backup is made first; an interrupted upgrade goes on where it was, after another one."""
    layout = _depot(tmp_path, Metadata("0.0.9", 1))
    events: list[str] = []

    def snapshot(name: str) -> None:
        assert re.fullmatch(r"before_format_3_\d{14}\.zip", name)
        events.append(f"backup of {read_metadata(layout).format}")

    def fails(_layout: DepotLayout) -> None:
        raise OSError("the disk is full")

    steps = [Upgrade(1, fails), Upgrade(2, lambda _: events.append("two")), Upgrade(3, fails)]
    with pytest.raises(OSError, match="disk is full"):
        bring_up_to_date(layout, "0.1.0", snapshot, steps)
    assert events == ["backup of 1", "two"]
    assert read_metadata(layout) == Metadata("0.1.0", 2)
    steps[2] = Upgrade(3, lambda _: events.append("three"))
    told = bring_up_to_date(layout, "0.1.0", snapshot, steps)
    assert events == ["backup of 1", "two", "backup of 2", "three"]
    assert told is not None
    assert "from format 2 to 3" in told
    assert "before_format_3_" in told

"""Which version of the product wrote a depot, and how an older depot becomes one of today.

`metadata.textproto` names the product's version and the number of the depot's format. The format
moves only when an older version could misread a depot; each such move is an `Upgrade`. Lines of
others in the file are kept. It knows only its own two lines, not the text format as a whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from shared.depot.layout import DepotLayout

FORMAT: Final = 1
"""The format that this version reads and writes."""

_LINE: Final = re.compile(r'^\s*(quillbase_version|quillbase_format)\s*:\s*"?([^"\s]*)"?\s*$')
_NUMBER: Final = re.compile(r"(\d+)\.(\d+)")


class NewerDepotError(Exception):
    """A newer version has written this depot, so this one does not touch it."""


class Metadata(NamedTuple):
    """`version`: of the product that last ran on the depot, "" before any said so.

    `format`: 0 for a depot that nobody has marked.
    """

    version: str = ""
    format: int = 0


class Upgrade(NamedTuple):
    """The step to a format. It may be interrupted and run again.

    `run`: changes the depot; None where nothing but the number changes.
    """

    format: int
    run: Callable[[DepotLayout], None] | None = None


UPGRADES: Final[tuple[Upgrade, ...]] = (
    Upgrade(1),  # depots from before there was a number have nothing that would have to change
)


def read_metadata(layout: DepotLayout) -> Metadata:
    """What the depot says of itself. Raises OSError; NewerDepotError when it cannot be read."""
    try:
        text = layout.metadata.read_text()
    except FileNotFoundError:
        return Metadata()
    except UnicodeDecodeError:
        raise NewerDepotError(f"{layout.metadata} cannot be read.") from None
    lines = filter(None, map(_LINE.match, text.splitlines()))
    found = {line[1]: line[2] for line in lines}
    number = found.get("quillbase_format", "0")
    if not number.isdecimal():
        raise NewerDepotError(f"{layout.metadata}: the format {number!r} is not a number.")
    return Metadata(found.get("quillbase_version", ""), int(number))


def write_metadata(layout: DepotLayout, metadata: Metadata) -> None:
    """Put our two lines in, durably and all at once. Raises OSError."""
    path = layout.metadata
    others = []
    if path.exists():
        others = [line for line in path.read_text().splitlines() if not _LINE.match(line)]
    ours = [f'quillbase_version: "{metadata.version}"', f"quillbase_format: {metadata.format}"]
    draft = path.with_suffix(".tmp")
    with draft.open("w") as file:
        file.write("\n".join([*others, *ours]) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def refuse_newer(metadata: Metadata, version: str, what: str, *, newest: int = FORMAT) -> None:
    """Raises NewerDepotError when this `version` of the product is older than the depot.

    `newest`: the format that it knows. The patch number is free: releases of one minor version
    share a format in both directions.
    """
    if metadata.format > newest or _minor(metadata.version) > _minor(version):
        raise NewerDepotError(
            f"{what} was written by Quillbase {metadata.version or '(unnamed)'} (format"
            f" {metadata.format}); this is {version} (format {newest}), which is older and does not"
            " touch it. Install that version or a later one."
        )


def bring_up_to_date(
    layout: DepotLayout,
    version: str,
    snapshot: Callable[[str], None],
    upgrades: Sequence[Upgrade] = UPGRADES,
) -> str | None:
    """Upgrade an older depot; a sentence about it, None when it was of this format.

    `snapshot` makes a backup of that name; it is asked for before anything is changed, and not at
    all when no step changes more than the number or there is no data yet.
    Raises NewerDepotError, OSError, and what `snapshot` raises, with the depot as it was.
    """
    found = read_metadata(layout)
    refuse_newer(found, version, f"The depot {layout.path}", newest=upgrades[-1].format)
    pending = [step for step in upgrades if step.format > found.format]
    works = any(step.run is not None for step in pending) and layout.database().exists()
    name = ""
    if works:
        at = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        name = f"before_format_{pending[-1].format}_{at}.zip"
        snapshot(name)
    for step in pending:
        if step.run is not None and works:
            step.run(layout)
        write_metadata(layout, Metadata(version, step.format))
    if found.version != version and not pending:
        write_metadata(layout, Metadata(version, found.format))
    if not works:
        return None
    return (
        f"The depot was brought from format {found.format} to {pending[-1].format}. The backup"
        f" {name} holds it as it was."
    )


def _minor(version: str) -> tuple[int, int]:
    match = _NUMBER.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)

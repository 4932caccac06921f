"""What an import tells: what came over, and each thing that did not, or not as it was."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

_EXAMPLES_MAX: Final = 10
_SPACES: Final = "\n\t"


class Kind(enum.Enum):
    """What became of the thing that a note is about."""

    LEFT_OUT = "left out"
    LOCKED = "locked"
    """A rule that admits nobody but superusers, since it is not understood."""
    CHANGED = "changed"
    TOLD = "told"
    """Nothing was lost, but its owner should know."""


class Note(msgspec.Struct, frozen=True):
    """`where`: a collection, `collection.field`, a file, a setting.  `examples`: record ids."""

    kind: Kind
    where: str
    why: str
    count: int = 1
    examples: list[str] = []


class Notes:
    """Gathers notes; one that comes again is counted."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, str], tuple[int, list[str]]] = {}

    def add(self, kind: Kind, where: str, why: str, example: str = "") -> None:
        """Take one down."""
        key = kind, _shown(where), _shown(why)
        count, examples = self._found.get(key, (0, []))
        if example and len(examples) < _EXAMPLES_MAX:
            examples.append(_shown(example))
        self._found[key] = (count + 1, examples)

    def take(self, other: Notes) -> None:
        """Add those of another."""
        for key, (count, examples) in other._found.items():
            before, known = self._found.get(key, (0, []))
            self._found[key] = (before + count, [*known, *examples][:_EXAMPLES_MAX])

    def all(self) -> list[Note]:
        """In the order in which they came, the gravest kind first."""
        order = list(Kind)
        notes = [Note(*key, *found) for key, found in self._found.items()]
        return sorted(notes, key=lambda note: order.index(note.kind))


def _shown(text: str) -> str:
    """Names of files may be no UTF-8, which JSON cannot hold, or try to command a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _SPACES else ascii(char)[1:-1] for char in text
    )


class CollectionCount(msgspec.Struct, frozen=True):
    """A collection that came over. `records`: 0 for a view; `skipped`: records left out."""

    name: str
    id: str
    type: str
    records: int
    skipped: int = 0


class FileCount(msgspec.Struct, frozen=True):
    """`copied`: files of records.  `thumbs`: derived pictures, which are made again when asked for."""

    copied: int = 0
    bytes: int = 0
    thumbs: int = 0


class Report(msgspec.Struct):
    """All of it.

    `settings`: their names in the source.  `replaced`: the depot has the data now; False after a
    dry run.  `outcome`: a sentence or two about that.
    """

    source: str
    depot: str
    collections: list[CollectionCount]
    files: FileCount
    settings: list[str]
    notes: list[Note]
    replaced: bool = False
    outcome: str = ""

"""What every reader of a format yields: one record after the other, with the line it begins on.

A record is a list of cells, in the order of the file's columns, or values by name. A record that
cannot be read at all is an error in its place; what makes all that follows unreadable is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final, NamedTuple

from shared.errors import FieldError
from shared.limits import TRANSFER_SAMPLE_RECORDS

Cells = list[str]
Named = dict[str, object]
Row = tuple[int, Cells | Named | FieldError]
"""Physical line, from 1, and the record or why it cannot be read."""

MALFORMED: Final = "import_malformed"
WRONG_COLUMNS: Final = "import_wrong_columns"
UNKNOWN_FIELD: Final = "import_unknown_field"
"""Codes of what is wrong with a record as a whole."""


class Input(NamedTuple):
    """The records of a file. `columns`: their names, in the order in which they come up.

    `sample`: the first records that can be read, by column; they are among `rows`, too.
    `named`: records are values by name, and may lack some of the columns. `literal`: texts stand
    for other values, too (a CSV has nothing else), and are read as what their field is.
    `notes`: what the reader has to say in the end.
    """

    columns: tuple[str, ...]
    sample: list[Mapping[str, object]]
    rows: Iterator[Row]
    named: bool
    literal: bool
    notes: list[str]


def input_of_cells(columns: tuple[str, ...], rows: Iterable[Row]) -> Input:
    """An input whose columns are known."""
    ahead, rest = _ahead(rows)
    sample: list[Mapping[str, object]] = [
        dict(zip(columns, cells, strict=True)) for _, cells in ahead if isinstance(cells, list)
    ]
    return Input(columns, sample, rest, named=False, literal=True, notes=[])


def input_of_named(rows: Iterable[Row], notes: list[str], *, literal: bool) -> Input:
    """An input whose records say themselves what they hold."""
    ahead, rest = _ahead(rows)
    sample: list[Mapping[str, object]] = [one for _, one in ahead if isinstance(one, dict)]
    columns = tuple(dict.fromkeys(name for record in sample for name in record))
    return Input(columns, sample, rest, named=True, literal=literal, notes=notes)


def _ahead(rows: Iterable[Row]) -> tuple[list[Row], Iterator[Row]]:
    iterator = iter(rows)
    ahead = list(islice(iterator, TRANSFER_SAMPLE_RECORDS))
    return ahead, chain(ahead, iterator)

"""What is wrong with the records of a file: counted, the first ones shown, all of them written down."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from shared.errors import FieldError, invalid
from shared.limits import TRANSFER_PROBLEMS_KEPT, TRANSFER_PROBLEMS_SHOWN

_HEADER: Final = ("line", "field", "code", "message")


class Problem(NamedTuple):
    """One thing that is wrong. `field`: "" for the record as a whole."""

    line: int
    field: str
    code: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", {self.field}" if self.field else "")
        return f"{place}: {self.message} ({self.code})"


class TooManyProblemsError(Exception):
    """More records are bad than are worth reading on for."""


class Problems:
    """The bad records of one import. `count`: records, whatever number of faults each has."""

    def __init__(self, errors: Path | None) -> None:
        """`errors`: a file for all of them, which is made with the first. Raises INVALID later."""
        self._path = errors
        self._file: IO[str] | None = None
        self.first: list[Problem] = []
        self.count = 0

    def add(self, line: int, faults: Mapping[str, FieldError]) -> None:
        """One more record. Raises TooManyProblemsError, INVALID where the file cannot be written."""
        self.count += 1
        for field, error in faults.items():
            problem = Problem(line, field, error.code, error.message)
            if len(self.first) < TRANSFER_PROBLEMS_SHOWN:
                self.first.append(problem)
            if self._path is not None:
                self._write(self._path, problem)
        if self.count >= TRANSFER_PROBLEMS_KEPT:
            raise TooManyProblemsError

    def _write(self, path: Path, problem: Problem) -> None:
        try:
            if self._file is None:
                self._file = path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file, lineterminator="\n").writerow(_HEADER)
            csv.writer(self._file, lineterminator="\n").writerow(problem)
        except OSError as error:
            raise invalid(f"{path} cannot be written: {error.strerror}.") from None

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

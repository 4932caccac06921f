"""Where records are read from: a file or standard input, counted as it is read."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from shared.errors import invalid
from shared.limits import TRANSFER_READ_BYTES

STDIN: Final = "-"


class Source:
    """An open input. `size` in bytes, None where nobody knows. Use as a context manager."""

    def __init__(self, name: str) -> None:
        """Open a file, or standard input for `-`. Raises INVALID where it cannot be read."""
        self.name = name
        self._counted = _Counted(_opened(name))
        self.size = None if name == STDIN else Path(name).stat().st_size
        self._buffered: io.BufferedReader[Any] = io.BufferedReader(
            self._counted, TRANSFER_READ_BYTES
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._counted.close()

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._counted.count

    def binary(self) -> io.BufferedReader[Any]:
        """The bytes."""
        return self._buffered

    def text(self, encoding: str) -> io.TextIOWrapper:
        """The text, with its line ends as they are. Raises INVALID for an unknown encoding."""
        name = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
        try:
            return io.TextIOWrapper(self._buffered, encoding=name, newline="")
        except LookupError:
            raise invalid(f"The encoding {encoding} is not known.") from None


def _opened(name: str) -> io.FileIO:
    if name == STDIN:
        if sys.stdin is None:
            raise invalid("There is no standard input.")
        return io.FileIO(sys.stdin.fileno(), closefd=False)
    try:
        if not Path(name).is_dir():
            return io.FileIO(name)
    except OSError as error:
        raise invalid(f"{name} cannot be read: {error.strerror}.") from None
    raise invalid(f"{name} is a folder.")


class _Counted(io.RawIOBase):
    """A raw stream that knows how much was read from it."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        got: int | None = self._raw.readinto(buffer)
        self.count += got or 0
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()

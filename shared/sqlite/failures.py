"""What SQLite's failures mean for a write: whom they concern and what may follow.

It gives codes and texts on; turning them into words for a client is the worker's affair, which
knows the catalog.
"""

from __future__ import annotations

from typing import Final

import apsw

_NO_SHARED_MEMORY: Final = apsw.SQLITE_IOERR_SHMSIZE


def code_and_text(error: apsw.Error) -> tuple[int, str]:
    """The extended result code (sqlite.org/rescode.html) and SQLite's message.

    Failures of the driver itself (wrong number of bindings) have the code of SQLITE_ERROR.
    """
    code = getattr(error, "extendedresult", None) or getattr(error, "result", None)
    return int(code or apsw.SQLITE_ERROR), str(error)


def is_full(error: apsw.Error) -> bool:
    """No space: the whole transaction is gone, nothing is damaged, it works again with space."""
    return isinstance(error, apsw.FullError)


def finds_no_room(error: apsw.Error) -> bool:
    """The same for who only reads, and may have to make the shared memory of a WAL.

    For a writer that is an I/O error: where it comes at a COMMIT, the log holds the transaction.
    """
    return is_full(error) or code_and_text(error)[0] == _NO_SHARED_MEMORY


def is_io(error: apsw.Error) -> bool:
    """The disk failed. After a COMMIT this means that nobody knows what it holds."""
    return isinstance(error, apsw.IOError)


def is_interrupt(error: apsw.Error) -> bool:
    """A progress handler ended the statement; a write takes its transaction along."""
    return isinstance(error, apsw.InterruptError)


def is_busy(error: apsw.Error) -> bool:
    """Another process holds a lock longer than the busy timeout."""
    return isinstance(error, (apsw.BusyError, apsw.LockedError))


def is_ours(error: apsw.Error) -> bool:
    """The driver refused before SQLite was asked, such as a wrong number of bound values."""
    return not hasattr(error, "extendedresult")

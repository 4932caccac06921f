"""The change feed of a database beside main, whose file may become another one while it is followed.

Main's file stays the same for as long as its workers live. Another database may be closed, replaced
by a copy and opened again under its name; a connection from before would go on reading the old
file, in which nothing happens any more.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.logs import get_logger
from shared.sqlite.driver import Error
from shared.status_page import DatabaseWords
from worker.engine.feed import Feed
from worker.engine.snapshot import Snapshot

Opening = Callable[[], Snapshot]
_log = get_logger()


class DatabaseLog(Feed):
    """The log of a database, which may be closed, replaced by another file and opened again."""

    def __init__(self, endpoint: str, opening: Opening, words: DatabaseWords) -> None:
        """`opening`: makes a connection to it. Raises shared.sqlite.driver.Error."""
        self._opening = opening
        self._opened = words.opened
        super().__init__(endpoint, opening(), words)

    def close(self) -> None:
        """Stop listening and delivering, and leave the database."""
        super().close()
        self._snapshot.close()

    def advance(self) -> None:
        """As a feed does, from the file that the writer has opened."""
        opened = self._words.opened
        if opened != self._opened and not self._closed:
            try:
                snapshot = self._opening()
            except Error as error:
                _log.warning("a log cannot be opened", reason=str(error))
                return  # the page is compared again in 50 ms
            self._snapshot.close()
            self._snapshot, self._opened = snapshot, opened
        super().advance()

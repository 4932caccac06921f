"""The exchange of one database's record APIs, with a reading of that database's log of its own."""

from __future__ import annotations

from collections.abc import Callable

from shared.status_page import DatabaseWords
from worker.apis.events.sight import ApiSight
from worker.engine.database_log import DatabaseLog, Opening
from worker.realtime.census import Census
from worker.realtime.clients.client_id import Owner
from worker.realtime.exchange import Exchange


class ApiExchange(Exchange):
    """Clients of the APIs of one database.

    It looks at the settings and the schema with each sweep, so that a client whose API is closed
    hears of that though nothing is written.
    """

    def __init__(
        self,
        owner: Owner,
        words: DatabaseWords,
        sight: ApiSight,
        census: Census,
        endpoint: str,
        opening: Opening,
        idle: Callable[[ApiExchange], None],
    ) -> None:
        """`opening`: makes a connection to the database. Raises shared.sqlite.driver.Error.

        `idle`: is called when nobody has been here for a while.
        """
        log = DatabaseLog(endpoint, opening, words)
        super().__init__(owner, words, sight, census)
        self._idle = idle
        self._was_empty = False
        self._log = log

    def start(self) -> None:
        """Begin to read the log, and to deliver."""
        super().start()
        feed = self._log
        self.mark = lambda: feed.position
        feed.wanted = self.wanted
        feed.interest = self.interest
        feed.start()
        feed.listen(self.on_changes)

    def stop(self) -> None:
        """End both."""
        super().stop()
        self._log.close()

    def _swept(self) -> None:
        empty = not len(self)
        if empty and self._was_empty:
            self._idle(self)
        elif not empty:
            self._delivery.look()
        self._was_empty = empty

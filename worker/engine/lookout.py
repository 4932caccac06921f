"""A look at something every so often, by one worker for all: that of slot 0.

A successor may look beside it during a rolling reload: what they do has to be the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.errors import QuillError
from shared.logs import get_logger
from worker.engine.failures import SQLError

_SLOT: Final = 0
_log = get_logger()


class Lookout:
    """Looks until it is stopped, whatever a look runs into.

    `subject`: what is looked at, for the log. `seconds`: from one look to the next.
    """

    def __init__(
        self, slot: int, subject: str, seconds: float, look: Callable[[], Awaitable[None]]
    ) -> None:
        self._slot = slot
        self._failure = f"{subject} cannot be looked at"
        self._seconds = seconds
        self._look = look
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop; in slots other than the first nothing happens."""
        if self._slot == _SLOT:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
                self._trouble = ""
            except (QuillError, SQLError, OSError) as error:
                self._tell(str(error))
            except Exception:  # noqa: BLE001 - the outermost loop of a task
                _log.error(self._failure, exc_info=True)
            await asyncio.sleep(self._seconds)

    def _tell(self, trouble: str) -> None:
        """Once, and not at every look. A database that is being closed is none a second later."""
        if trouble != self._trouble:
            _log.warning(self._failure, reason=trouble)
        self._trouble = trouble

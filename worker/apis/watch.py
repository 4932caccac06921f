"""One worker looks every second how many record APIs cannot be served, and tells the operators.

APIs are made when somebody asks for one. This asks for all of them, so the figure follows settings
and schema though nobody does, and the log has each reason. It is the worker of slot 0; where a
successor looks beside it during a rolling reload, both come to the same.
"""

from __future__ import annotations

import asyncio
from typing import Final

from shared.errors import QuillError
from shared.limits import API_LOOK_SECONDS
from shared.logs import get_logger
from shared.schema.api import BrokenApi
from worker.context import Context
from worker.engine.failures import SQLError

WATCHING_SLOT: Final = 0
_log = get_logger()


class ApiWatch:
    """The look-out of one worker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop; in slots other than the first nothing happens."""
        if self._context.slot == WATCHING_SLOT:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                self._context.page.broken_apis = len(await broken_apis(self._context))
                self._trouble = ""
            except (QuillError, SQLError, OSError) as error:
                self._tell(str(error))
            except Exception:  # noqa: BLE001 - the outermost loop of a task
                _log.error("record APIs cannot be looked at", exc_info=True)
            await asyncio.sleep(API_LOOK_SECONDS)

    def _tell(self, trouble: str) -> None:
        """Once, and not every second. A database that is being closed is none a second later."""
        if trouble != self._trouble:
            _log.warning("record APIs cannot be looked at", reason=trouble)
        self._trouble = trouble


async def broken_apis(context: Context) -> list[BrokenApi]:
    """Those of the settings that cannot be served now, in the order of the settings."""
    if not context.catalog.current().config.record_apis:
        return []  # most depots of collections: nothing to be made of each change of the schema
    return [one for one in await context.apis.current() if isinstance(one, BrokenApi)]

"""One worker looks every second whether the files of settings have changed, and puts them in force.

It is the worker of slot 0; a successor during a rolling reload may look beside it, which does no
harm. Files that cannot be accepted are told once, until they change again.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from shared import metrics
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from shared.depot.sources import sources_digest
from shared.errors import QuillError
from shared.limits import CONFIG_LOOK_SECONDS
from shared.logs import get_logger
from worker.context import Context
from worker.settings.apply import apply_config

WATCHING_SLOT: Final = 0
_log = get_logger()


class SettingsWatch:
    """The look-out of one worker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._layout = DepotLayout(Path(context.settings.depot))
        self._refused: str | None = None
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
                await self._look()
                self._trouble = ""
            except (QuillError, OSError) as error:
                self._tell(str(error))
            except Exception:  # noqa: BLE001 - the outermost loop of a task
                _log.error("settings cannot be looked at", exc_info=True)
            await asyncio.sleep(CONFIG_LOOK_SECONDS)

    def _tell(self, trouble: str) -> None:
        """Once, and not every second."""
        if trouble != self._trouble:
            _log.warning("settings cannot be looked at", reason=trouble)
        self._trouble = trouble

    async def _look(self) -> None:
        context, layout = self._context, self._layout
        digest = sources_digest(layout, os.environ)
        catalog = context.catalog.current()
        if digest == self._refused:
            return
        new = not catalog.has_settings and not layout.config.exists()
        if new or digest != catalog.settings_digest:
            await self._apply(digest)
        elif self._refused is not None:
            self._accepted()

    async def _apply(self, digest: str) -> None:
        context = self._context
        try:
            applied = await apply_config(self._layout, context.reader, context.writer)
            refused = applied.refused
        except ConfigError as error:
            refused = str(error)
            _log.error("settings are refused; the defaults stay", reason=refused)
        if refused:
            self._refused = digest
            metrics.CONFIG_REFUSED.set(1)
        else:
            self._accepted()

    def _accepted(self) -> None:
        self._refused = None
        metrics.CONFIG_REFUSED.set(0)

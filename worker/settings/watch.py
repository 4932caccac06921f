"""One worker looks every second whether the files of settings have changed, and puts them in force.

Files that cannot be accepted are told once, until they change again.
"""

from __future__ import annotations

import os
from pathlib import Path

from shared import metrics
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from shared.depot.sources import sources_digest
from shared.limits import CONFIG_LOOK_SECONDS
from shared.logs import get_logger
from worker.context import Context
from worker.engine.lookout import Lookout
from worker.settings.apply import apply_config

_log = get_logger()


def watch_settings(context: Context) -> Lookout:
    """What puts changed files in force."""
    return Lookout(context.slot, "settings", CONFIG_LOOK_SECONDS, _Watch(context).look)


class _Watch:
    """The files as they were seen last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._layout = DepotLayout(Path(context.settings.depot))
        self._refused: str | None = None

    async def look(self) -> None:
        """Apply them where they have changed."""
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

"""Settings on the disk become settings in force: read → check → plan → submit.

What is accepted is a row of the catalog, so it has a version like all rules, and every worker has
it with its next request. Files that cannot be accepted change nothing: what was accepted before
stays in force, whoever asks next.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson

from shared.config.config import Config, write_config
from shared.config.load import Loaded, idle, load
from shared.config.places import leaves
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from shared.depot.sources import Sources, read_sources
from shared.errors import Kind, QuillError
from shared.limits import CATALOG_DEADLINE_SECONDS, REPLANS_MAX
from shared.logs import get_logger
from shared.messages.commands import Result, Status
from shared.schema.catalog import CONFIG, DATABASES, DIGEST, PUT_SETTING_SQL, Catalog
from shared.sql.plan import Plan, Step, run
from worker.apis.refusal import refuse_config
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink
from worker.settings.files import settings_lock, write_default

_ID: Final = "settings"
_log = get_logger()


class Applied(NamedTuple):
    """What came of it.

    `changed`: the catalog has other settings, or another mark of them, than before.
    `refused`: why the files are not in force and what was accepted before is; "" where they are.
    """

    changed: bool
    refused: str = ""


async def apply_config(
    layout: DepotLayout,
    reader: Reader,
    writer: WriterLink,
    environment: Mapping[str, str] | None = None,
) -> Applied:
    """Put what the depot's files and the environment say in force. Cheap where nothing changed.

    A depot without a file of settings gets one. `environment`: this process's own unless given.
    Raises ConfigError for files that cannot be accepted where nothing was accepted before; OSError;
    QuillError where the writer, or who else changes settings, cannot be waited for.
    """
    given = os.environ if environment is None else environment
    async with settings_lock(layout):
        catalog = reader.catalog.current()
        if not catalog.has_settings and not layout.config.exists():
            await asyncio.to_thread(write_default, layout)
        try:
            return await _apply(layout, reader, writer, given)
        except ConfigError as error:
            if not reader.catalog.current().has_settings:
                raise
            _log.error("settings are refused; those accepted before stay", reason=str(error))
            return Applied(changed=False, refused=str(error))


async def _apply(
    layout: DepotLayout, reader: Reader, writer: WriterLink, environment: Mapping[str, str]
) -> Applied:
    for _ in range(REPLANS_MAX + 1):
        catalog = reader.catalog.current()
        sources = await asyncio.to_thread(read_sources, layout, environment)
        if sources.digest == catalog.settings_digest:
            return Applied(changed=False)
        loaded = await asyncio.to_thread(load_sources, layout, sources, catalog)
        await asyncio.to_thread(refuse_config, reader, catalog, loaded.public)
        plan = Plan(
            catalog.version, settings_steps(loaded.public, sources.digest), changes_catalog=True
        )
        result = await writer.submit(
            plan, request_id=_ID, deadline_seconds=CATALOG_DEADLINE_SECONDS
        )
        if result.status is Status.OK:
            tell(catalog.config, loaded)
            return Applied(changed=True)
        _raise_unless_stale(result)
    raise QuillError(Kind.UNAVAILABLE, "The schema keeps changing.", retry_after_seconds=1)


def load_sources(layout: DepotLayout, sources: Sources, catalog: Catalog) -> Loaded:
    """The settings of a depot whose sources have been read. Raises ConfigError.

    A file that is gone is no wish for the defaults: an empty one would be.
    """
    if catalog.has_settings and not layout.config.exists():
        raise ConfigError(f"{layout.config.name} is gone")
    return load(sources.config, sources.secrets, sources.environment)


def settings_steps(config: Config, digest: str) -> tuple[Step, ...]:
    """What puts a config without secrets in force. `digest`: the mark of its sources."""
    names = orjson.dumps([one.name for one in config.databases]).decode()
    rows = ((CONFIG, write_config(config)), (DIGEST, digest), (DATABASES, names))
    return tuple(run(PUT_SETTING_SQL, row) for row in rows)


def tell(before: Config, loaded: Loaded) -> None:
    """Log what is in force now: names only."""
    _log.info(
        "settings are in force",
        changed=_differences(before, loaded.public),
        without_effect_yet=idle(loaded.sources),
    )
    for note in loaded.notes:
        _log.warning("odd settings", reason=note)


def _differences(before: Config, after: Config) -> list[str]:
    old, new = (dict(_values(config)) for config in (before, after))
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def _values(config: Config) -> Iterable[tuple[str, object]]:
    return leaves(orjson.loads(write_config(config)))


def _raise_unless_stale(result: Result) -> None:
    if result.status is not Status.STALE:
        raise QuillError(
            Kind.INTERNAL, f"The writer answered {result.status.name}: {result.payload!r}."
        )

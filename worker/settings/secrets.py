"""The accepted settings with their secrets, for whoever has to show one to another server.

The catalog has none, so they are read from the files, once for each state of those that was
accepted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import orjson

from shared.config.build import build
from shared.config.config import Config, write_config
from shared.config.declaration import SECRET_SHOWN
from shared.config.places import QUILL, TRAIL, get, places, put, variable
from shared.config.problem import ConfigError
from shared.config.vault import entry
from shared.depot.layout import DepotLayout
from shared.depot.sources import Sources, read_sources
from shared.schema.catalog import Catalog


class SecretSettings:
    """The secrets of one depot, as one worker knows them."""

    def __init__(self, layout: DepotLayout, environment: Mapping[str, str] | None = None) -> None:
        self._layout = layout
        self._environment = os.environ if environment is None else environment
        self._known: tuple[str, Config] | None = None

    async def config(self, catalog: Catalog) -> Config:
        """`catalog.config` with its secrets. Raises ConfigError for files that cannot be read."""
        digest = catalog.settings_digest
        if self._known is not None and self._known[0] == digest:
            return self._known[1]
        config = await asyncio.to_thread(self._read, catalog.config)
        self._known = (digest, config)
        return config

    def _read(self, public: Config) -> Config:
        return with_secrets(public, read_sources(self._layout, self._environment))


def with_secrets(public: Config, sources: Sources) -> Config:
    """An accepted config with the secrets of its settings: a variable's, the file's or the vault's.

    A file that has become worse since then only takes its own secrets with it.
    """
    # Imported late: most workers never need a secret.
    from shared.config.text import read_secrets, read_text  # noqa: PLC0415

    vault = read_secrets(sources.secrets)
    try:
        file = read_text(sources.config)
    except ConfigError:
        file = {}
    tree = orjson.loads(write_config(public))
    for place in [each for each in places(tree) if each.setting.secret]:
        written = get(file, place.path)
        kept = vault.get(entry(place.path)) if written in (None, SECRET_SHOWN) else written
        names = (variable(QUILL, place.path), variable(TRAIL, place.path))
        given = (sources.environment[name] for name in names if name in sources.environment)
        put(tree, place.path, next(given, kept))
    return build(tree, {})

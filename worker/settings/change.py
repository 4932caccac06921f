"""Settings changed by a superuser: merge → check → write the files → plan → submit.

The files come first: they are what an operator sees and copies. Whoever asks hears yes only after
the plan; where it certainly failed, the files are put back. A process that dies in between leaves
files that the next look at them puts in force.

Only what is asked to be different is written. What a variable of the environment says cannot be
changed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from shared import failpoints
from shared.config.load import FROM_FILE, FROM_SECRETS, Loaded, load_trees
from shared.config.places import get
from shared.config.problem import ConfigError, wrong
from shared.config.vault import entry
from shared.depot.layout import DepotLayout
from shared.depot.sources import Sources, read_sources
from shared.errors import Kind, Problems, QuillError, invalid
from shared.limits import CATALOG_DEADLINE_SECONDS, CONFIG_BYTES_MAX
from shared.schema.catalog import Catalog
from worker.apis.refusal import refuse_config
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.idempotency import Stored
from worker.records.submit import Ask, Planned, Secrets, submit_planned
from worker.records.superuser_plan import Made, require_superuser, superuser_plan
from worker.settings.apply import load_sources, settings_steps, tell
from worker.settings.files import settings_lock, texts_of, write_files
from worker.settings.pocketbase_shape import (
    LEAVES,
    Leaf,
    Settings,
    key_of,
    merged,
    to_settings,
    write_leaf,
)

_FAILED: Final = "An error occurred while validating the submitted data."
_ROUNDS: Final = 3
_CHANGED_MEANWHILE: Final = "changed meanwhile"
"""The mark of files that somebody has written since: it fits nothing, so they are looked at again."""


class _Change(NamedTuple):
    """`before`: the files as they were; `config`, `secrets`: as they are to be."""

    before: Sources
    loaded: Loaded
    config: bytes
    secrets: bytes


async def view_settings(context: Context, origin: Origin) -> Settings:
    """The settings in force. Raises UNAUTHENTICATED, FORBIDDEN."""
    return await context.reader.read(_view, origin)


def _view(snapshot: Snapshot, catalog: Catalog, origin: Origin) -> Settings:
    require_superuser(identity_in(origin.caller, snapshot, catalog))
    return to_settings(catalog.config)


async def refused_files(context: Context) -> str:
    """Why the files are not what is in force; "" where they are, or will be in a moment."""
    layout = layout_of(context)
    catalog = context.catalog.current()
    try:
        sources = await asyncio.to_thread(read_sources, layout, os.environ)
        if sources.digest != catalog.settings_digest:
            loaded = await asyncio.to_thread(load_sources, layout, sources, catalog)
            await asyncio.to_thread(refuse_config, context.reader, catalog, loaded.public)
    except ConfigError as error:
        return str(error)
    return ""


async def change_settings(
    context: Context, changes: Mapping[str, Any], origin: Origin, ask: Ask
) -> Settings:
    """Make the settings what `changes` says, and return them all.

    Raises UNAUTHENTICATED, FORBIDDEN, INVALID with a problem for each key, and as every write.
    """
    await view_settings(context, origin)
    layout = layout_of(context)
    async with settings_lock(layout):
        catalog = context.catalog.current()
        change = await asyncio.to_thread(_change, layout, catalog, changes)
        if change is not None:
            await asyncio.to_thread(_refuse, context, catalog, change)
            await _put_in_force(context, layout, change, origin, ask)
    return await view_settings(context, origin)


def layout_of(context: Context) -> DepotLayout:
    """Where the depot's files are."""
    return DepotLayout(Path(context.settings.depot))


# --- What is to be ------------------------------------------------------------------------------


def _change(layout: DepotLayout, catalog: Catalog, changes: Mapping[str, Any]) -> _Change | None:
    """The files with the changes; None where they say nothing new. Raises INVALID."""
    try:
        sources = read_sources(layout, os.environ)
        old = load_sources(layout, sources, catalog)
    except ConfigError as error:
        raise invalid(f"The settings must be mended in their file first: {error}") from None
    new = _changed(old, changes, sources.environment)
    if new is None:
        return None
    texts = texts_of(new.tree, new.vault)
    if max(map(len, texts)) > CONFIG_BYTES_MAX:
        raise invalid(f"The settings would be larger than {CONFIG_BYTES_MAX} bytes.")
    return _Change(sources, new, *texts)


def _refuse(context: Context, catalog: Catalog, change: _Change) -> None:
    """What somebody has written into the file meanwhile would be in force, too. Raises INVALID."""
    new = change.loaded.public
    if (new.schemas, new.record_apis) == (catalog.config.schemas, catalog.config.record_apis):
        return
    try:
        refuse_config(context.reader, catalog, new)
    except ConfigError as error:
        raise invalid(f"The settings must be mended in their file first: {error}") from None


def _changed(old: Loaded, changes: Mapping[str, Any], given: Mapping[str, str]) -> Loaded | None:
    problems: Problems = {}
    shown = to_settings(old.config)
    wanted = merged(shown, changes, problems)
    new = _with_secrets(old, changes, problems)
    differing = _differing(shown, wanted)
    if not problems and not differing and new is old:
        return None
    for _ in range(_ROUNDS):  # one setting may show in another: a bucket switches its storage on
        new = _with_leaves(new, wanted, differing, problems)
        if problems:
            raise invalid(_FAILED, problems)
        new = _loaded(new, given)
        differing = _differing(to_settings(new.config), wanted)
        if not differing:
            break
    return new


def _differing(settings: Settings, wanted: Settings) -> list[Leaf]:
    return [
        leaf
        for leaf in LEAVES
        if not leaf.secret and get(settings, leaf.key) != get(wanted, leaf.key)
    ]


def _with_leaves(
    loaded: Loaded, wanted: Settings, leaves: list[Leaf], problems: Problems
) -> Loaded:
    tree = copy.deepcopy(loaded.tree)
    for leaf in leaves:
        problem = _by_environment(loaded, leaf) or write_leaf(tree, leaf, get(wanted, leaf.key))
        if problem is not None:
            problems[leaf.key] = problem
    return loaded._replace(tree=tree)


def _with_secrets(loaded: Loaded, changes: Mapping[str, Any], problems: Problems) -> Loaded:
    """With the secrets that are given; an empty one takes it away."""
    tree, vault = copy.deepcopy(loaded.tree), dict(loaded.vault)
    for leaf in LEAVES:
        value = get(changes, leaf.key) if leaf.secret else None
        if value is None:
            continue
        problem = _by_environment(loaded, leaf) or write_leaf(tree, leaf, value)
        if problem is not None:
            problems[leaf.key] = problem
        elif not value:
            vault.pop(entry(leaf.path), None)
    same = (tree, vault) == (loaded.tree, loaded.vault)
    return loaded if same else loaded._replace(tree=tree, vault=vault)


def _by_environment(loaded: Loaded, leaf: Leaf) -> Any:
    source = loaded.sources.get(leaf.path, FROM_FILE)
    if source in (FROM_FILE, FROM_SECRETS):
        return None
    return wrong("validation_set_by_environment", f"Is set by the variable {source}.")


def _loaded(changed: Loaded, given: Mapping[str, str]) -> Loaded:
    try:
        return load_trees(changed.tree, changed.vault, given)
    except ConfigError as error:
        found = {key_of(path): problem for path, problem in error.problems.items()}
        raise invalid(_FAILED, found) from None


# --- In force -----------------------------------------------------------------------------------


async def _put_in_force(
    context: Context, layout: DepotLayout, change: _Change, origin: Origin, ask: Ask
) -> None:
    """Write and submit. Raises what `submit_planned` raises, after the files were put back."""
    before = context.catalog.current().config
    try:
        await asyncio.to_thread(write_files, layout, change.config, change.secrets)
        if failpoints.ACTIVE:
            await failpoints.reach_async("worker.settings_written")
        await _submit(context, layout, change, origin, ask)
    except (ConfigError, OSError) as error:
        await asyncio.to_thread(_put_back, layout, change.before)
        raise QuillError(Kind.UNAVAILABLE, f"The settings cannot be written: {error}.") from None
    except QuillError as error:
        if error.kind is not Kind.UNKNOWN_OUTCOME:
            await asyncio.to_thread(_put_back, layout, change.before)
        raise
    tell(before, change.loaded)


def _put_back(layout: DepotLayout, before: Sources) -> None:
    """As far as the disk lets us; what cannot be put back is applied by the next look at it."""
    with contextlib.suppress(OSError):
        write_files(layout, before.config, before.secrets)


async def _submit(
    context: Context, layout: DepotLayout, change: _Change, origin: Origin, ask: Ask
) -> None:
    sources = await asyncio.to_thread(read_sources, layout, os.environ)
    own = sources.config == change.config and sources.secrets == change.secrets
    steps = settings_steps(change.loaded.public, sources.digest if own else _CHANGED_MEANWHILE)

    def make(_: Catalog) -> Made:
        return Made(steps, None, "")

    async def planner(_: Secrets) -> Planned | Stored:
        return await context.reader.read(superuser_plan, make, origin, ask)

    await submit_planned(context, planner, ask, deadline_seconds=CATALOG_DEADLINE_SECONDS)

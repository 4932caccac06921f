"""The settings of the source, as this depot's `config.textproto` and secrets.

Only what differs from our defaults is written. A setting that cannot be had keeps its default and is
told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from shared.config.config import DEFAULT
from shared.config.declaration import Tree
from shared.config.load import idle, load_trees
from shared.config.places import get, put
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from worker.engine.offline import OfflineReader
from worker.pb_data.report import Kind, Notes
from worker.pb_data.uploads import STORAGE
from worker.settings.files import texts_of, write_files
from worker.settings.pocketbase_shape import LEAVES, Leaf, key_of, write_leaf

_TABLE: Final = "SELECT 1 FROM pragma_table_info('_params') WHERE name = 'value'"
_ROW: Final = 'SELECT "value" FROM "_params" WHERE "id" = \'settings\''
_WHERE: Final = "settings"
_ZERO_IS_USUAL: Final = frozenset(
    {"smtp.port", "backups.cronMaxKeep", "batch.maxRequests", "batch.timeout", "batch.maxBodySize"}
)


class Settings(NamedTuple):
    """`tree`: as the file of settings has them.  `carried`: their keys in the source."""

    tree: Tree
    carried: list[str]


def carry_settings(source: OfflineReader, staged: DepotLayout, notes: Notes) -> list[str]:
    """Write the staged depot's files of settings; the keys that were carried over. Raises OSError."""
    raw = _read(source, notes)
    if raw is None:
        return []
    if get(raw, "s3.enabled"):
        why = f"files lie in the bucket {get(raw, 's3.bucket')!r} and were not copied from there"
        notes.add(Kind.LEFT_OUT, STORAGE, why)
    settings = convert(raw, notes)
    if settings.carried:
        write_files(staged, *texts_of(settings.tree, {}))
    return settings.carried


def convert(raw: Mapping[str, Any], notes: Notes) -> Settings:
    """The settings that differ from our defaults and can be accepted together."""
    tree: Tree = {}
    carried: dict[str, Leaf] = {}
    for leaf in LEAVES:
        value = get(raw, leaf.key)
        usual = value is None or value == "" or (value == 0 and leaf.key in _ZERO_IS_USUAL)
        if usual or value == leaf.read(DEFAULT):
            continue
        problem = write_leaf(tree, leaf, value)
        if problem is None:
            carried[leaf.key] = leaf
        else:
            why = f"keeps its default: {problem.message}"
            notes.add(Kind.CHANGED, f"{_WHERE}.{leaf.key}", why)
    _drop_refused(tree, carried, notes)
    for key in sorted(set(_keys(raw)) - {leaf.key for leaf in LEAVES}):
        if get(raw, key):
            notes.add(Kind.LEFT_OUT, f"{_WHERE}.{key}", "there is no such setting here")
    return Settings(tree, list(carried))


def _read(source: OfflineReader, notes: Notes) -> dict[str, Any] | None:
    row = source.row(_ROW) if source.row(_TABLE) is not None else None
    if row is None:
        notes.add(Kind.LEFT_OUT, _WHERE, "the source has none")
        return None
    try:
        raw = orjson.loads(row[0])
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        why = "they are encrypted: start PocketBase without --encryptionEnv once, or set them anew"
        notes.add(Kind.LEFT_OUT, _WHERE, why)
        return None
    return raw


def _drop_refused(tree: Tree, carried: dict[str, Leaf], notes: Notes) -> None:
    """Take out what cannot be accepted, and tell what is kept and has no effect yet."""
    while True:
        try:
            loaded = load_trees(tree, {}, {})
        except ConfigError as error:
            refused = {key_of(path): problem for path, problem in error.problems.items()}
            refused = {_leaf_of(key, carried): problem for key, problem in refused.items()}
            for key, problem in refused.items():
                put(tree, carried.pop(key).path, None)
                why = f"keeps its default: {problem.message}"
                notes.add(Kind.CHANGED, f"{_WHERE}.{key}", why)
        else:
            waiting = sorted(key_of(path) for path in idle(loaded.sources))
            if waiting:
                notes.add(Kind.TOLD, _WHERE, f"kept, without effect yet: {', '.join(waiting)}")
            return


def _leaf_of(key: str, carried: Mapping[str, Leaf]) -> str:
    """The key of ours that a problem's key is of, or begins with; else any that is left."""
    return next((one for one in carried if key == one or key.startswith(f"{one}.")), "") or next(
        iter(carried)
    )


def _keys(raw: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The dotted keys of all leaves."""
    for name, value in raw.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{name}.")
        else:
            yield f"{before}{name}"

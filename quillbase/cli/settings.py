"""`quillbase settings`: what is set and where it comes from, and whether a file would be accepted.

Both read files and the environment of the command itself; neither needs a server or changes one.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from cluster.refusal import Refusal
from quillbase.cli.failure import told_in_a_sentence

if TYPE_CHECKING:
    import msgspec

    from shared.config.declaration import Declared
    from shared.config.load import Loaded

app = typer.Typer(help="Look at the settings of a depot.", no_args_is_help=True)
_DEFAULT = "default"


@app.command()
def show(
    *,
    depot: Annotated[
        Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")
    ] = Path("depot"),
    changed: Annotated[
        bool, typer.Option("--changed", help="Leave out what has its default.")
    ] = False,
) -> None:
    """Print every setting, its value and where that comes from; no secrets."""
    from shared.config.problem import ConfigError  # noqa: PLC0415
    from shared.depot.layout import DepotLayout  # noqa: PLC0415
    from shared.depot.sources import read_sources  # noqa: PLC0415

    with told_in_a_sentence():
        if not depot.is_dir():
            raise Refusal(f"There is no depot at {depot}.")
        try:
            layout = DepotLayout(depot)
            sources = read_sources(layout, os.environ)
        except ConfigError as error:
            raise Refusal(f"{error}.") from None
        loaded = _load(sources.config, sources.secrets, layout.config.name)
        rows = [row for row in _rows(loaded) if not (changed and row[2] == _DEFAULT)]
    widths = [max((len(row[at]) for row in rows), default=0) for at in (0, 1)]
    for path, value, source in rows:
        print(f"{path:<{widths[0]}}  {value:<{widths[1]}}  {source}")
    _print_notes(loaded)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A config.textproto.")],
) -> None:
    """Say whether a file of settings would be accepted, with this environment.

    Its secrets may stand beside it, in secrets/secrets.textproto.
    """
    from shared.depot.layout import DepotLayout  # noqa: PLC0415

    with told_in_a_sentence():
        try:
            raw = file.read_bytes()
            beside = DepotLayout(file.parent).secrets
            secrets = beside.read_bytes() if beside.exists() else b""
        except OSError as error:
            raise Refusal(f"{error}.") from None
        loaded = _load(raw, secrets, file.name)
    _print_notes(loaded)
    print(f"{file} is fine.")


def _load(config: bytes, secrets: bytes, name: str) -> Loaded:
    from shared.config.load import load  # noqa: PLC0415
    from shared.config.problem import ConfigError  # noqa: PLC0415
    from shared.depot.sources import overrides  # noqa: PLC0415
    from worker.engine.schemas import refuse_schemas  # noqa: PLC0415

    try:
        loaded = load(config, secrets, overrides(os.environ), name)
        refuse_schemas(loaded.config)
    except ConfigError as error:
        lines = [f"{path}: {problem.message}" for path, problem in error.problems.items()]
        raise Refusal("\n".join(lines) or str(error)) from None
    return loaded


def _print_notes(loaded: Loaded) -> None:
    from shared.config.load import idle  # noqa: PLC0415

    for note in loaded.notes:
        typer.echo(f"Note: {note}.", err=True)
    waiting = idle(loaded.sources)
    if waiting:
        typer.echo(f"Note: these have no effect yet: {', '.join(waiting)}.", err=True)


def _rows(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """(path, value as text, source) of every setting."""
    for path, setting, value in _values(loaded.config, ""):
        source = loaded.sources.get(path, _DEFAULT)
        yield path, _shown(setting, value), source


def _values(group: msgspec.Struct, path: str) -> Iterator[tuple[str, Declared, Any]]:
    from shared.config.declaration import Form, declared  # noqa: PLC0415

    for one in declared(type(group)).values():
        value, place = getattr(group, one.name), f"{path}{one.name}"
        if one.form is Form.GROUP and value is not None:
            yield from _values(value, f"{place}.")
        elif one.form is Form.GROUPS and value:
            for at, each in enumerate(value):
                yield from _values(each, f"{place}.{at}.")
        elif one.form is Form.MAP and value:
            for key, each in value.items():
                yield from _values(each, f"{place}.{key}.")
        else:
            yield place, one, value


def _shown(setting: Declared, value: Any) -> str:
    from shared.config.declaration import SECRET_SHOWN  # noqa: PLC0415

    if setting.secret:
        return SECRET_SHOWN if value else '""'
    if value is None:
        return "unset"
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, tuple):
        names = [one.name if isinstance(one, enum.Enum) else one for one in value]
        return orjson.dumps(names).decode()
    return orjson.dumps(value).decode()

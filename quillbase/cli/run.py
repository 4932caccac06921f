"""`quillbase run` as typer sees it, for its help only: the options are the fields of `Settings`.

`quillbase.__main__` becomes the supervisor before typer is imported, unless help is asked for.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec
import typer

from cluster.arguments import ENVIRONMENT_PREFIX, flag
from shared.settings import Settings


def run_command() -> Callable[..., None]:
    """A function whose signature typer can read, made from the settings."""

    def run(**_values: Any) -> None:
        raise AssertionError("quillbase.__main__ has started the supervisor before")

    run.__doc__ = "Run the server until it is told to stop."
    parameters = [_parameter(field) for field in msgspec.structs.fields(Settings)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameter(field: msgspec.structs.FieldInfo) -> inspect.Parameter:
    default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    option = typer.Option(
        default,
        flag(field.name),
        help=_description(field.name),
        envvar=ENVIRONMENT_PREFIX + field.name.upper(),
    )
    kind = typing.get_type_hints(Settings)[field.name] if default is None else type(default)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind
    )


def _description(name: str) -> str:
    hint = typing.get_type_hints(Settings, include_extras=True)[name]
    texts = (meta.description for meta in typing.get_args(hint) if isinstance(meta, msgspec.Meta))
    return next((text for text in texts if text), "")

"""What it takes to declare a setting, and to walk over all that are declared.

A group of settings is a frozen struct; each field carries its number in `config.proto`, its help,
and whether it is a secret or still waits for the feature that reads it. Text format, environment,
checks and documentation are all derived from that, so no setting is described twice.
"""

from __future__ import annotations

import enum
import types
import typing
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

OURS_FROM: Final = 1_000
"""Numbers of settings that only we have begin here."""
SECRET_SHOWN: Final = "<REDACTED>"  # noqa: S105 - what stands where a secret was
_NUMBER, _SECRET, _WAITS = "number", "secret", "waits"

Tree = dict[str, Any]
"""Settings as a file has them: only what is present, by name; messages and maps are dicts, repeated
settings lists, enumerations numbers."""
Group = type[msgspec.Struct]


def setting(
    number: int,
    text: str,
    *,
    secret: bool = False,
    waits: bool = True,
    ge: int | None = None,
    le: int | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> msgspec.Meta:
    """Declare one setting, as metadata of its type.

    `number`: in config.proto.  `text`: its help.  `secret`: kept in the vault, shown nowhere.
    `waits`: nothing reads it yet.  The rest bounds its values.
    """
    bounds: dict[str, Any] = {
        "ge": ge,
        "le": le,
        "min_length": min_length,
        "max_length": max_length,
        "pattern": pattern,
    }
    meta: msgspec.Meta = msgspec.Meta(
        description=text, extra={_NUMBER: number, _SECRET: secret, _WAITS: waits}, **bounds
    )
    return meta


class Form(enum.Enum):
    """How a setting is written."""

    SCALAR = 1
    LIST = 2  # of scalars
    GROUP = 3
    GROUPS = 4  # a list of them
    MAP = 5  # of groups, by text


class Declared(NamedTuple):
    """One setting.

    `hint`: its whole type, for checks.  `kind`: str, int, bool, an enumeration, or the struct of
    the group.  `default`: None where there is none.
    """

    name: str
    number: int
    help: str
    secret: bool
    waits: bool
    form: Form
    kind: type[Any]
    hint: Any
    default: Any
    meta: msgspec.Meta


@cache
def declared(group: Group) -> dict[str, Declared]:
    """The settings of a group by name, in the order of their declaration."""
    hints = typing.get_type_hints(group, include_extras=True)
    return {
        field.name: _declared(field, hints[field.name]) for field in msgspec.structs.fields(group)
    }


def _declared(field: msgspec.structs.FieldInfo, hint: Any) -> Declared:
    meta = next(one for one in typing.get_args(hint)[1:] if isinstance(one, msgspec.Meta))
    extra = meta.extra or {}
    form, kind = _form(typing.get_args(hint)[0])
    default = None if field.default is msgspec.NODEFAULT else field.default
    return Declared(
        field.name,
        extra[_NUMBER],
        meta.description or "",
        extra[_SECRET],
        extra[_WAITS],
        form,
        kind,
        hint,
        default,
        meta,
    )


def _form(hint: Any) -> tuple[Form, type[Any]]:
    """What a type without its metadata means."""
    if isinstance(hint, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not types.NoneType)
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        return Form.MAP, inner[1]
    if origin is tuple:
        kind = inner[0]
        return (Form.GROUPS if issubclass(kind, msgspec.Struct) else Form.LIST), kind
    return (Form.GROUP if issubclass(hint, msgspec.Struct) else Form.SCALAR), hint

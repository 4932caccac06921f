"""Settings as protocol buffers: from their declarations to messages, and from messages to trees.

The library is imported by whoever reads or writes a file and by nobody else: it costs 20 MB (m).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from shared.config.config import Config
from shared.config.declaration import Declared, Form, Group, Tree, declared

PACKAGE: Final = "config"
VAULT: Final = "Vault"
SECRETS: Final = "secrets"
"""The vault's one field: secrets by the name of their setting."""
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final[dict[type[Any], _Field.Type.ValueType]] = {
    str: _Field.TYPE_STRING, int: _Field.TYPE_INT64, bool: _Field.TYPE_BOOL,
}  # fmt: skip
_REPEATED: Final = frozenset({Form.LIST, Form.GROUPS, Form.MAP})


# --- From declarations to descriptors -----------------------------------------------------------


def groups() -> list[Group]:
    """Every group of settings, each before those that stand in it."""
    found: dict[Group, None] = {}
    waiting: list[Group] = [Config]
    while waiting:
        group = waiting.pop(0)
        found.pop(group, None)
        found[group] = None
        waiting += [one.kind for one in declared(group).values() if is_group(one)]
    return list(found)


def is_group(one: Declared) -> bool:
    """The setting holds others."""
    return one.form in (Form.GROUP, Form.GROUPS, Form.MAP)


def enumerations(group: Group) -> dict[str, type[enum.IntEnum]]:
    """Those that the settings of a group use, by name."""
    kinds = (one.kind for one in declared(group).values())
    return {kind.__name__: kind for kind in kinds if issubclass(kind, enum.IntEnum)}


def alias(kind: type[enum.IntEnum], name: str) -> str:
    """The other spelling of a value, with the name of its enumeration before it."""
    words = "".join(
        f"_{char}" if char.isupper() and i else char for i, char in enumerate(kind.__name__)
    )
    return f"{words.upper().replace('O_AUTH', 'OAUTH')}_{name}"


def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """All groups, and the vault, as one file."""
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package=PACKAGE, syntax="proto2")
    for group in groups():
        _add_message(file, group)
    vault = file.message_type.add(name=VAULT)
    _add_map(vault, SECRETS, 1, f".{PACKAGE}.{VAULT}").type = _Field.TYPE_STRING
    return file


def _add_message(file: descriptor_pb2.FileDescriptorProto, group: Group) -> None:
    message = file.message_type.add(name=group.__name__)
    own = f".{PACKAGE}.{group.__name__}"
    for name, kind in enumerations(group).items():
        values = message.enum_type.add(name=name)
        values.options.allow_alias = True
        for member in kind:
            values.value.add(name=member.name, number=member.value)
            values.value.add(name=alias(kind, member.name), number=member.value)
    for one in declared(group).values():
        if one.form is Form.MAP:
            value = _add_map(message, one.name, one.number, own)
            value.type, value.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{one.kind.__name__}"
            continue
        label = _Field.LABEL_REPEATED if one.form in _REPEATED else _Field.LABEL_OPTIONAL
        field = message.field.add(name=one.name, number=one.number, label=label)
        if is_group(one):
            field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{one.kind.__name__}"
        elif one.kind in _SCALARS:
            field.type = _SCALARS[one.kind]
        else:
            field.type, field.type_name = _Field.TYPE_ENUM, f"{own}.{one.kind.__name__}"


def _add_map(message: descriptor_pb2.DescriptorProto, name: str, number: int, own: str) -> _Field:
    """A map by text. Returns its value's field, whose type is to be set."""
    entry_name = "".join(word.capitalize() for word in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
    message.field.add(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED,
        type=_Field.TYPE_MESSAGE,
        type_name=f"{own}.{entry_name}",
    )
    return entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL)


@cache
def message_class(name: str) -> type[Message]:
    """The class of a message; `Config` and the vault are those that stand in files."""
    pool = _pool()
    found: type[Message] = message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
    )
    return found


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file_descriptor())
    return pool


# --- Between messages and trees -----------------------------------------------------------------


def to_tree(message: Message) -> Tree:
    """What is present in a message."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if _is_map(field):
        return {key: _inner(value[key]) for key in sorted(value)}
    if field.is_repeated:
        return [_inner(one) for one in value]
    return _inner(value)


def _inner(value: Any) -> Any:
    return to_tree(value) if isinstance(value, Message) else value


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry


def fill(message: Message, tree: Mapping[str, Any]) -> None:
    """Set what a tree holds, whose names and types fit."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            _fill_inner(message, name, value)
        elif isinstance(value, list):
            _fill_list(getattr(message, name), value)
        else:
            setattr(message, name, value)


def _fill_inner(message: Message, name: str, value: Mapping[str, Any]) -> None:
    inner = getattr(message, name)
    if isinstance(inner, Message):
        inner.SetInParent()
        fill(inner, value)
        return
    for key, one in value.items():
        if isinstance(one, Mapping):
            fill(inner[key], one)
        else:
            inner[key] = one


def _fill_list(inner: Any, values: list[Any]) -> None:
    for one in values:
        if isinstance(one, Mapping):
            fill(inner.add(), one)
        else:
            inner.append(one)

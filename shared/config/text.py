"""`config.textproto` and the file of secrets, between text and trees.

Comments and the order of settings are lost where a file is written anew: the format's library keeps
neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from google.protobuf import text_format
from google.protobuf.message import Message

from shared.config.config import Config
from shared.config.declaration import Tree, declared
from shared.config.message import SECRETS, VAULT, fill, groups, message_class, to_tree
from shared.config.problem import ConfigError

CONFIG_NAME: Final = "config.textproto"
SECRETS_NAME: Final = "secrets.textproto"
_HEAD: Final = "# Settings of this depot; docs/settings.md lists them. Written by the server.\n"
_NAMING: Final = ("Message type", "Enum type")
"""Reasons that name what the declarations do not have; others may quote the text."""
_QUOTES: Final = re.compile(r"(?: but found:?|, got|:) .*", re.DOTALL)


def read_text(raw: bytes, name: str = CONFIG_NAME) -> Tree:
    """The settings that a text sets. Raises ConfigError with the line and column."""
    return to_tree(_parse(raw, message_class(Config.__name__)(), name))


def write_text(tree: Tree) -> bytes:
    """The text that sets what a tree holds."""
    message = message_class(Config.__name__)()
    fill(message, tree)
    return (_HEAD + text_format.MessageToString(message, as_utf8=True)).encode()


def read_secrets(raw: bytes, name: str = SECRETS_NAME) -> dict[str, str]:
    """The secrets of a vault by the name of their setting. Raises ConfigError."""
    tree = to_tree(_parse(raw, message_class(VAULT)(), name))
    return dict(tree.get(SECRETS, {}))


def write_secrets(vault: Mapping[str, str]) -> bytes:
    """The text of a vault."""
    message = message_class(VAULT)()
    fill(message, {SECRETS: {name: vault[name] for name in sorted(vault)}})
    return text_format.MessageToString(message, as_utf8=True).encode()


def _parse(raw: bytes, message: Message, name: str) -> Message:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: the text is not valid UTF-8") from None
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise ConfigError(_told(error, text, name)) from None


def _told(error: text_format.ParseError, text: str, name: str) -> str:
    """What the library says, without anything that may be part of a secret."""
    line, column = error.GetLine(), error.GetColumn()
    if line is None:
        return f"{name}: this is not a text that can be read"
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    reason = str(error).partition(" : ")[2].removeprefix(f"'{shown}': ")
    if not reason.startswith(_NAMING):
        reason = f"{_QUOTES.sub('', reason).rstrip('.')}."
    if name == SECRETS_NAME or any(secret in shown for secret in _secret_names()):
        reason = "A secret cannot be read."
    return f"{name}:{line}:{column}: {reason}"


def _secret_names() -> frozenset[str]:
    return frozenset(
        one.name for group in groups() for one in declared(group).values() if one.secret
    )

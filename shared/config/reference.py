"""The documents that are made of the declarations: `config.proto`, and the table of settings.

`make docs` writes them. `python -m shared.config.reference proto` prints the first; `… page` prints
the page that it reads, with its table made anew.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from typing import Any, Final

from shared.config.config import Config
from shared.config.declaration import Declared, Form, Group, declared
from shared.config.message import SECRETS, VAULT, alias, enumerations, groups

BEGIN: Final = "<!-- The settings begin. `make docs` writes what follows. -->"
END: Final = "<!-- The settings end. -->"
_TYPES: Final[dict[type[Any], str]] = {str: "string", int: "int64", bool: "bool"}
_SHOWN: Final[dict[type[Any], str]] = {str: "text", int: "integer", bool: "true or false"}


# --- config.proto -------------------------------------------------------------------------------


def proto_text() -> str:
    """What a `protoc` would make the same messages of."""
    lines = [
        "// Settings of a depot, as config.textproto has them. Made from their declarations by",
        "// `make docs`. Numbers from 1000 on are our own.",
        'syntax = "proto2";',
        "",
        "package config;",
    ]
    for group in groups():
        lines += ["", f"// {(group.__doc__ or '').strip().splitlines()[0]}"]
        lines += [f"message {group.__name__} {{", *_message(group), "}"]
    lines += ["", "// secrets.textproto: secrets by the name of the setting's variable, TRAIL_…"]
    lines += [f"message {VAULT} {{", f"  map<string, string> {SECRETS} = 1;", "}", ""]
    return "\n".join(lines)


def _message(group: Group) -> Iterator[str]:
    for name, kind in enumerations(group).items():
        yield f"  enum {name} {{"
        yield "    option allow_alias = true;"
        for member in kind:
            yield f"    {member.name} = {member.value};"
            yield f"    {alias(kind, member.name)} = {member.value};"
        yield "  }"
    for one in declared(group).values():
        note = " Secret." if one.secret else ""
        yield f"  // {one.help}{note}"
        yield f"  {_field(one)} = {one.number}{_proto_default(one)};"


def _field(one: Declared) -> str:
    kind = _TYPES.get(one.kind, one.kind.__name__)
    if one.form is Form.MAP:
        return f"map<string, {kind}> {one.name}"
    label = "repeated" if one.form in (Form.LIST, Form.GROUPS) else "optional"
    return f"{label} {kind} {one.name}"


def _proto_default(one: Declared) -> str:
    value = one.default
    if one.form is not Form.SCALAR or not value:
        return ""
    if isinstance(value, enum.Enum):
        return f" [default = {value.name}]"
    shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
    return f" [default = {shown}]"


# --- The table ----------------------------------------------------------------------------------


def table_text() -> str:
    """Every setting, a table for each group that has a name of its own in the file."""
    lines = [
        "| setting | type | default | meaning |",
        "|---|---|---|---|",
        *(_row(path, one) for path, one in _settings(Config, "")),
    ]
    return "\n".join(lines)


def page_text(page: str) -> str:
    """A page with its table made anew. Raises ValueError for one without the marks of its place."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no place for the table")
    return f"{before}{BEGIN}\n\n{table_text()}\n\n{END}{after}"


def _settings(group: Group, path: str) -> Iterator[tuple[str, Declared]]:
    """Each setting with its place; `[]` stands for those of a list, `<name>` for those of a map."""
    for one in declared(group).values():
        place = f"{path}{one.name}"
        if one.form is Form.GROUP:
            yield from _settings(one.kind, f"{place}.")
        elif one.form is Form.GROUPS:
            yield from _settings(one.kind, f"{place}[].")
        elif one.form is Form.MAP:
            yield from _settings(one.kind, f"{place}.<name>.")
        else:
            yield place, one


def _row(path: str, one: Declared) -> str:
    kind = _SHOWN.get(one.kind) or ", ".join(one.kind.__members__)
    many = f"list: {kind}" if one.form is Form.LIST else kind
    meaning = one.help + _bounds(one)
    meaning += " **Secret.**" if one.secret else ""
    meaning += "" if one.waits else " **In effect.**"
    return f"| `{path}` | {many} | {_default(one)} | {meaning} |"


def _bounds(one: Declared) -> str:
    least, most = one.meta.ge, one.meta.le
    if least is not None and most is not None:
        return f" {least} to {most}."
    if least is not None:
        return f" At least {least}."
    return ""


def _default(one: Declared) -> str:
    value = one.default
    if value is None:
        return "unset"
    if isinstance(value, enum.Enum):
        return f"`{value.name}`"
    if isinstance(value, bool):
        return str(value).lower()
    if value in ("", ()):
        return "empty"
    return f"`{value}`" if isinstance(value, str) else str(value)


if __name__ == "__main__":
    made = proto_text() if sys.argv[1:] == ["proto"] else page_text(sys.stdin.read())
    sys.stdout.write(made)

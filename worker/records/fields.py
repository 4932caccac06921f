"""`?fields=`: which parts of a JSON answer the client wants, for whatever SQL did not shape.

Grammar: a comma list of dotted paths; `*` stands for all keys at its depth; the last part may carry
`:excerpt(max, withEllipsis?)`, which strips HTML and cuts. In a list envelope it applies to the
items. Unknown paths are ignored.

The text is a stranger's: every pattern here takes time in proportion to what it reads.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Final

from shared.errors import invalid

_CHARS_MAX: Final = 10_000
_PATHS_MAX: Final = 500
_DEPTH_MAX: Final = 20
_EXCERPT_READ_MAX: Final = 100_000  # characters of a text that an excerpt is made from
_PLAIN: Final = re.compile(r"\w+")
_EXCERPT: Final = re.compile(r":excerpt\(\s*(\d{1,9})\s*(?:,\s*(true|false|0|1)\s*)?\)")
_SPLIT: Final = re.compile(r",(?![^(),]*\))")
# Stops at the next "<" and never looks back: else "<<<<…" and "<aaaa…" are quadratic.
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)?+[^<>]*+>")
_INLINE: Final = re.compile(
    r"a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|s|samp"
    r"|small|span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
_UNREAD: Final = re.compile(
    r"button|dialog|form|head|iframe|object|script|select|style|svg|template|textarea"
)
_HUGE_NUMBER: Final = re.compile(r"&#[0-9]{20,};?")  # html.unescape fails at very long ones
_SPACES: Final = re.compile(r"\s+")


@dataclass(slots=True)
class _Node:
    """What to keep below one key. No children: everything."""

    children: dict[str, _Node] = field(default_factory=dict)
    excerpt: tuple[int, bool] | None = None


def plain_names(fields: str) -> frozenset[str] | None:
    """The names, when `fields` is a list of top-level names only; SQL can shape those.

    Raises INVALID for more than anybody needs.
    """
    _check_length(fields)
    names = [part.strip() for part in fields.split(",")]
    if not all(_PLAIN.fullmatch(name) for name in names):
        return None
    _check_count(len(names))
    return frozenset(names)


def check_fields(fields: str) -> None:
    """Raises INVALID for what `project` could not read: before a write, which stands after it."""
    if fields:
        _parse(fields)


def project(value: object, fields: str) -> object:
    """The wanted part of a decoded answer. Raises INVALID for what cannot be read."""
    tree = _parse(fields)
    if not tree.children:
        return value
    if isinstance(value, dict) and isinstance(value.get("items"), list) and "perPage" in value:
        return {**value, "items": _pick(value["items"], tree)}
    return _pick(value, tree)


def _parse(fields: str) -> _Node:
    _check_length(fields)
    root = _Node()
    parts = [part.strip() for part in _SPLIT.split(fields)]
    _check_count(len(parts))
    for part in filter(None, parts):
        _add(root, part)
    return root


def _check_length(fields: str) -> None:
    if len(fields) > _CHARS_MAX:
        raise invalid("The fields parameter is too long.")


def _check_count(paths: int) -> None:
    if paths > _PATHS_MAX:
        raise invalid("The fields parameter has too many paths.")


def _add(root: _Node, part: str) -> None:
    path, colon, modifier = part.partition(":")
    keys = path.split(".")
    if len(keys) > _DEPTH_MAX:
        raise invalid("A path in the fields parameter is too deep.")
    node = root
    for key in keys:
        node = node.children.setdefault(key, _Node())
    if colon:
        match = _EXCERPT.fullmatch(colon + modifier)
        if match is None:
            raise invalid("The fields parameter has an unknown modifier.")
        node.excerpt = int(match[1]), match[2] in ("true", "1")


def _pick(value: object, node: _Node) -> object:
    if isinstance(value, list):
        return [_pick(item, node) for item in value]
    if node.excerpt is not None and isinstance(value, str):
        return _excerpt(value, *node.excerpt)
    if not node.children or not isinstance(value, dict):
        return value
    if "*" in node.children:
        star = node.children["*"]
        return {key: _pick(item, node.children.get(key, star)) for key, item in value.items()}
    return {key: _pick(value[key], child) for key, child in node.children.items() if key in value}


def _excerpt(text: str, length: int, ellipsis: bool) -> str:
    """Plain text of the beginning of an HTML string, at most `length` characters."""
    read = _HUGE_NUMBER.sub("\ufffd", _without_tags(text[:_EXCERPT_READ_MAX]))
    plain = _SPACES.sub(" ", html.unescape(read)).strip()
    if len(plain) <= length and len(text) <= _EXCERPT_READ_MAX:
        return plain
    return plain[:length].rstrip() + ("..." if ellipsis else "")


def _without_tags(text: str) -> str:
    """The text between tags: a block's tags part words, and scripts, styles and forms are none."""
    parts: list[str] = []
    at, unread = 0, ""
    for tag in _TAG.finditer(text):
        name = (tag[2] or "").lower()
        if unread:
            if tag[1] and name == unread:
                at, unread = tag.end(), ""
            continue
        parts.append(text[at : tag.start()])
        at = tag.end()
        if _INLINE.fullmatch(name) is None:
            parts.append(" ")
        if not tag[1] and _UNREAD.fullmatch(name) is not None:
            unread = name
    if not unread:
        parts.append(text[at:])
    return "".join(parts)

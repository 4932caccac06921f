"""The JSON schemas that columns may use without declaring them: files, lists of files, key-values.

A file's column stores what is known of it and never its bytes. So what may be written differs from
what is stored, and what is shown leaves out the key under which the bytes are kept.
"""

from __future__ import annotations

from typing import Any, Final

from shared.schema.tables.mode import Mode

FILE: Final = "std.FileUpload"
FILES: Final = "std.FileUploads"
KEY_VALUE: Final = "std.KeyValue"
BUILTIN: Final = frozenset({FILE, FILES, KEY_VALUE})

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_SHOWN_PROPERTIES: Final = {
    "original_filename": _TEXT_OR_NULL,
    "filename": _TEXT,
    "content_type": _TEXT_OR_NULL,
    "mime_type": _TEXT_OR_NULL,
}
_STORED_FILE: Final = _object({"id": _TEXT, **_SHOWN_PROPERTIES}, ["id", "filename"])
_SHOWN_FILE: Final = _object(_SHOWN_PROPERTIES, ["filename"])
_NEW_FILE: Final = _object(
    {
        "name": _TEXT_OR_NULL,
        "filename": _TEXT_OR_NULL,
        "content_type": _TEXT_OR_NULL,
        "data": {"type": "string", "contentEncoding": "base64"},
    },
    ["data"],
)
# What is shown may be sent back, to keep a file while others of its list go.
_KEPT_FILE: Final = _object({"id": _TEXT, **_SHOWN_PROPERTIES}, ["filename"])
_CHANGED_FILE: Final[Schema] = {"anyOf": [_NEW_FILE, _KEPT_FILE]}
_FILE_IN: Final = {
    Mode.INSERT: _NEW_FILE,
    Mode.SELECT: _SHOWN_FILE,
    Mode.UPDATE: _CHANGED_FILE,
}


_KEY_VALUE: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_TITLES: Final = {FILE: "FileUpload", FILES: "FileUploads", KEY_VALUE: "KeyValue"}


def stored_schema(name: str) -> Schema:
    """What a column with a CHECK of that schema may hold. Raises KeyError for another name."""
    return _of(name, _STORED_FILE)


def schema_in(name: str, mode: Mode) -> Schema:
    """What a client sends or sees of such a column. Raises KeyError for another name."""
    return {"title": _TITLES[name], **_of(name, _FILE_IN[mode])}


def _of(name: str, file: Schema) -> Schema:
    return {FILE: file, FILES: {"type": "array", "items": file}, KEY_VALUE: _KEY_VALUE}[name]

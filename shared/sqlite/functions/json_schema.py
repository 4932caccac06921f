"""JSON Schema: of a name (`jsonschema`), or of a text at hand (`jsonschema_matches`).

Drafts are those that the library knows, 2020-12 where none is named. Patterns are matched in linear
time, without look-around and back-references; references lead only to places of the same schema
and to the drafts' own. `format` is an annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from shared.limits import (
    SQL_JSON_NODES_MAX,
    SQL_PATTERN_MEMORY_BYTES,
    SQL_PATTERNED_BYTES_MAX,
    SQL_SCHEMA_BYTES_MAX,
    SQL_SCHEMA_NODES_MAX,
    SQL_SCHEMA_STEPS_MAX,
    SQL_SCHEMAS_KEPT,
    SQL_TEXT_BYTES_MAX,
)
from shared.sqlite.functions.function import Function, FunctionError, refuse, text_argument

_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_FILE: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "original_filename": _TEXT_OR_NULL,
        "filename": {"type": "string"},
        "content_type": _TEXT_OR_NULL,
        "mime_type": _TEXT_OR_NULL,
    },
    "required": ["id", "filename"],
    "additionalProperties": False,
}
FILE_SCHEMA: Final = "std.FileUpload"
FILES_SCHEMA: Final = "std.FileUploads"
BUILT_IN: Final[Mapping[str, dict[str, Any]]] = {
    FILE_SCHEMA: _FILE,
    FILES_SCHEMA: {"type": "array", "items": _FILE},
    "std.KeyValue": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
}
"""Schemas that every depot has: what is stored of one file, of several, and a flat object."""


class Judge(NamedTuple):
    """A compiled schema: what tells whether a value has it, and how large a value may be."""

    holds: Callable[[Any], bool]
    nodes_max: int
    bytes_max: int


class _Registry:
    """The schemas that have a name in this process, and those of them that are compiled."""

    def __init__(self) -> None:
        self._texts: Mapping[str, str] = {}
        self._judges: dict[str, Judge] = {}

    def replace(self, texts: Mapping[str, str]) -> None:
        judges = {name: compile_schema(text) for name, text in texts.items()}
        for name in texts:
            if name in BUILT_IN:
                raise FunctionError(f"the schema {name} is built in")
        self._texts, self._judges = dict(texts), judges

    def judge(self, name: str) -> Judge | None:
        found = self._judges.get(name)
        if found is None and name in BUILT_IN:
            found = self._judges[name] = _compile(BUILT_IN[name], "")
        return found


_registry: Final = _Registry()


def set_schemas(texts: Mapping[str, str]) -> None:
    """Make `texts`, JSON Schemas by their names, those of this process, beside the built-in ones.

    Raises FunctionError, and changes nothing, for what is no schema and for a built-in name.
    """
    _registry.replace(texts)


def compile_schema(text: str) -> Judge:
    """What tells whether a decoded value has the schema. Raises FunctionError for a bad schema."""
    schema = _decoded("the schema", text, SQL_SCHEMA_BYTES_MAX, SQL_SCHEMA_NODES_MAX)
    if type(schema) is not dict and type(schema) is not bool:
        raise FunctionError("the schema is neither an object nor true or false")
    return _compile(schema, text)


def jsonschema(name: object, value: object) -> bool:
    """Whether `value`, JSON, has the schema of that name; also for NULL. Raises FunctionError."""
    if value is None:
        return True
    judge = _registry.judge(name) if type(name) is str else None
    if judge is None:
        refuse("jsonschema", f"there is no schema {str(name)[:100]!r}")
    return type(value) is str and _holds("jsonschema", judge, value)


def jsonschema_of_types(name: object, value: object, types: object) -> bool:
    """The same of files, whose `mime_type` has to be one of those listed with commas.

    Raises FunctionError, also for a schema that is not of files.
    """
    if types is None or value is None:
        return jsonschema(name, value)
    if name not in {FILE_SCHEMA, FILES_SCHEMA}:
        refuse("jsonschema", "only schemas of files take a third argument")
    listed = text_argument("jsonschema", types, SQL_SCHEMA_BYTES_MAX)
    allowed = {each.strip() for each in listed.split(",")}
    return type(value) is str and _holds("jsonschema", _judge_of_files(str(name), allowed), value)


def jsonschema_matches(schema: object, value: object) -> bool | None:
    """Whether `value`, JSON, has the schema, a JSON text; NULL when either is NULL.

    Raises FunctionError.
    """
    if schema is None or value is None:
        return None
    judge = _kept(text_argument("jsonschema_matches", schema, SQL_SCHEMA_BYTES_MAX))
    return type(value) is str and _holds("jsonschema_matches", judge, value)


def _judge_of_files(name: str, allowed: set[str]) -> Judge:
    shaped = _registry.judge(name)
    assert shaped is not None

    def holds(value: Any) -> bool:
        files = value if name == FILES_SCHEMA else [value]
        return shaped.holds(value) and all(each.get("mime_type") in allowed for each in files)

    return shaped._replace(holds=holds)


def _holds(name: str, judge: Judge, text: str) -> bool:
    try:
        value = _decoded(name, text, judge.bytes_max, judge.nodes_max)
    except _NotJsonError:
        return False
    try:
        return judge.holds(value)
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"{name}: {error}") from None


class _NotJsonError(FunctionError):
    """A text that is no JSON."""


def _decoded(name: str, text: str, bytes_max: int, nodes_max: int) -> Any:
    """A JSON text's value. Raises FunctionError: too large, or (_NotJsonError) no JSON."""
    text_argument(name, text, bytes_max)
    if _nodes(text) > nodes_max:
        refuse(name, f"the JSON has more than {nodes_max} values")
    try:
        return _reader()(text)
    except ValueError:
        raise _NotJsonError(f"{name}: this is no JSON") from None


def _nodes(text: str) -> int:
    """No fewer than the values of a JSON text; commas within its texts count, too."""
    return text.count(",") + text.count("[") + text.count("{") + 1


@cache
def _reader() -> Callable[[str], Any]:
    import orjson  # noqa: PLC0415 - at the first call

    return orjson.loads


@lru_cache(SQL_SCHEMAS_KEPT)
def _kept(text: str) -> Judge:
    return compile_schema(text)


def _compile(schema: Any, text: str) -> Judge:
    import jsonschema_rs  # noqa: PLC0415 - at the first call

    patterns = jsonschema_rs.RegexOptions(
        size_limit=SQL_PATTERN_MEMORY_BYTES, dfa_size_limit=SQL_PATTERN_MEMORY_BYTES
    )
    try:
        made = jsonschema_rs.validator_for(schema, pattern_options=patterns, offline=True)
    except (ValueError, RecursionError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).partition("\n")[0]
        raise FunctionError(f"this is no schema: {reason}") from None
    bytes_max = (
        SQL_PATTERNED_BYTES_MAX if "pattern" in text or "\\u" in text else SQL_TEXT_BYTES_MAX
    )
    nodes_max = min(SQL_JSON_NODES_MAX, SQL_SCHEMA_STEPS_MAX // _nodes(text))
    return Judge(made.is_valid, nodes_max, bytes_max)


FUNCTIONS: Final = (
    Function("jsonschema", jsonschema, 2),
    Function("jsonschema", jsonschema_of_types, 3),
    Function("jsonschema_matches", jsonschema_matches, 2),
)

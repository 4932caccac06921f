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
from shared.schema.tables.builtin_schemas import BUILTIN, FILE, FILES, stored_schema
from shared.sqlite.functions.function import Function, FunctionError, refuse, text_argument
from shared.sqlite.functions.schema_steps import steps


class Judge(NamedTuple):
    """A compiled schema: what tells whether a value has it, and how large a value may be."""

    holds: Callable[[Any], bool]
    nodes_max: int
    bytes_max: int


class _Named:
    """The schemas that have a name. Each is compiled when it is first asked for, and once."""

    def __init__(self, texts: Mapping[str, str], judges: dict[str, Judge]) -> None:
        self.texts = texts
        self.judges = judges
        self._faults: dict[str, str] = {}

    def judge(self, name: str) -> Judge:
        """Raises FunctionError for a name that no schema has, and for what is no schema."""
        shown = f"{name[:_NAME_SHOWN]!r}"
        if name not in BUILTIN and name not in self.texts:
            refuse(_NAME, f"there is no schema {shown}")
        if name in self._faults:
            refuse(_NAME, f"the schema {shown} cannot be used: {self._faults[name]}")
        try:
            judge = self._compile(name)
        except FunctionError as error:
            self._faults[name] = str(error)
            return self.judge(name)
        self.judges[name] = judge
        return judge

    def _compile(self, name: str) -> Judge:
        if name in BUILTIN:
            return _compile(stored_schema(name), "")
        return compile_schema(self.texts[name])


_NAME: Final = "jsonschema"
_NAME_SHOWN: Final = 100
_REASON_SHOWN: Final = 300
_known = _Named({}, {})


def set_schemas(texts: Mapping[str, str]) -> None:
    """Make `texts`, JSON Schemas by their names, those of this process, beside the built-in ones.

    They hold for every connection and from the next call. Nothing is judged here: a call that names
    one which is no schema fails.
    """
    global _known  # noqa: PLW0603 - replaced as a whole, so that each call sees one set
    old = _known
    if texts == old.texts:
        return
    same = {
        name: judge
        for name, judge in list(old.judges.items())
        if name in BUILTIN or texts.get(name) == old.texts.get(name)
    }
    _known = _Named(dict(texts), same)


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
    judge = _judge(name)
    return type(value) is str and _holds(_NAME, judge, value)


def jsonschema_of_types(name: object, value: object, types: object) -> bool:
    """The same of files, whose `mime_type` has to be one of those listed with commas.

    Raises FunctionError, also for a schema that is not of files.
    """
    if types is None or value is None:
        return jsonschema(name, value)
    if name not in (FILE, FILES):
        refuse(_NAME, "only schemas of files take a third argument")
    allowed = _types(text_argument(_NAME, types, SQL_SCHEMA_BYTES_MAX))
    return type(value) is str and _holds(_NAME, _judge_of_files(str(name), allowed), value)


def jsonschema_matches(schema: object, value: object) -> bool | None:
    """Whether `value`, JSON, has the schema, a JSON text; NULL when either is NULL.

    Raises FunctionError.
    """
    if schema is None or value is None:
        return None
    judge = _kept(text_argument("jsonschema_matches", schema, SQL_SCHEMA_BYTES_MAX))
    return type(value) is str and _holds("jsonschema_matches", judge, value)


def _judge(name: object) -> Judge:
    if type(name) is not str:
        refuse(_NAME, f"there is no schema {str(name)[:_NAME_SHOWN]!r}")
    known = _known
    return known.judges.get(name) or known.judge(name)


@lru_cache(SQL_SCHEMAS_KEPT)
def _types(listed: str) -> frozenset[str]:
    return frozenset(each.strip() for each in listed.split(","))


def _judge_of_files(name: str, allowed: frozenset[str]) -> Judge:
    shaped = _judge(name)

    def holds(value: Any) -> bool:
        files = value if name == FILES else [value]
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
        size = max(_nodes(text), steps(schema))
    except (ValueError, RecursionError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).partition("\n")[0][:_REASON_SHOWN]
        raise FunctionError(f"this is no schema: {reason}") from None
    bytes_max = (
        SQL_PATTERNED_BYTES_MAX if "pattern" in text or "\\u" in text else SQL_TEXT_BYTES_MAX
    )
    nodes_max = min(SQL_JSON_NODES_MAX, SQL_SCHEMA_STEPS_MAX // size)
    if not nodes_max:
        raise FunctionError("this is no schema that can be used: its references make it too large")
    return Judge(made.is_valid, nodes_max, bytes_max)


FUNCTIONS: Final = (
    Function("jsonschema", jsonschema, 2),
    Function("jsonschema", jsonschema_of_types, 3),
    Function("jsonschema_matches", jsonschema_matches, 2),
)

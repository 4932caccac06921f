"""A JSON schema that stands by itself, made part of another.

`#` in a reference means the document that the reference stands in. So a schema that refers to parts
of itself gets an address of its own, and goes on meaning itself wherever it is put.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from shared.schema.tables.mode import DIALECT

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


def embedded(schema: Any, place: str) -> Any:
    """`schema` as a part of another; `place` is unique among the parts there.

    What is no schema stands for any value: a schema that is wrong is refused where it is declared.
    """
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        return {}
    made = dict(schema)
    if "$id" in made:
        return made
    if made.get("$schema") == DIALECT:
        del made["$schema"]
    if "$schema" in made or _refers_to_itself(made):
        return {"$id": f"urn:quillbase:{quote(place, safe=':')}", **made}
    return made


def _refers_to_itself(part: Any) -> bool:
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if any(str(one.get(word, "")).startswith("#") for word in _REFERENCES):
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False

"""What the names of an expression mean: fields, paths through relations, the request.

This is where a client's filter is kept from what it may not see: hidden fields anywhere on a path,
secrets, and collections that are not listed to it. Whatever cannot be resolved raises, so no
comparison ever loses a side in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.language.expression import (
    Call,
    Comparison,
    Constant,
    Expression,
    Name,
    Number,
    Operand,
    Text,
)
from shared.language.macros import MACROS
from shared.limits import FILTER_PATH_STEPS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.relation import RelationField
from shared.sql.clause import Sql
from shared.sql.functions import function_of
from shared.sql.hops import HopKind, Node
from shared.sql.operands import AFFINITIES, CONSTANTS, Affinity, Column, Literal
from shared.sql.request_values import (
    AuthField,
    BodyField,
    Form,
    Moment,
    Place,
    RequestValue,
    SentValue,
)
from shared.sql.terms import CallTerm, ChangedTerm, ItemTerm, Known, PathTerm, Reading, Term

RULE_PREFIXES: Final = ("@request.", "@collection.")
_AUTH: Final = "@request.auth."
_BODY: Final = "@request.body."
_SENT: Final = {"@request.query.": Place.QUERY, "@request.headers.": Place.HEADER}
_WHOLE: Final = {"@request.method": Place.METHOD, "@request.context": Place.CONTEXT}
_COLLECTION: Final = "@collection."
_NOTHING: Final = Known(Literal(None, ""))
_GEO_PARTS: Final = ("lon", "lat")
_ALWAYS_KNOWN: Final = ("collectionId", "collectionName")
_PART: Final = re.compile(r"[A-Za-z_0-9#][A-Za-z0-9_]*")
_BACK: Final = "_via_"
_INDEX_DIGITS_MAX: Final = 9


class Names:
    """The names that one expression may use, and for whom.

    `client`: it is a filter and not a rule. `caller`: the auth collection of whoever asks. Names
    that share a beginning lead to the same nodes.
    """

    def __init__(
        self,
        collection: Collection,
        catalog: Catalog,
        *,
        caller: Collection | None,
        client: bool,
        superuser: bool,
    ) -> None:
        self.catalog = catalog
        self.caller = caller
        self.client = client
        self.limited = client and not superuser
        self.row = Node(HopKind.ROW, collection)
        self.auth = Node(HopKind.AUTH, caller)
        self.body = Node(HopKind.BODY, collection)
        self.nowhere = Node(HopKind.NOWHERE)

    # --- operands ---------------------------------------------------------------------------------

    def check(self, expression: Expression) -> None:
        """Refuse a client's `@request.…` and `@collection.…` wherever they stand."""
        if self.limited:
            for name in _names(expression):
                if name.text.startswith(RULE_PREFIXES):
                    raise ForbiddenNameError(f"{name.text[:40]} is for rules only", name.position)

    def term(self, operand: Operand) -> Term:
        """The meaning of `operand`; raises LanguageError when it has none here."""
        if isinstance(operand, Name):
            return self._name(operand)
        if isinstance(operand, Text):
            return Known(Literal(operand.value, operand.value))
        if isinstance(operand, Number):
            return Known(Literal(operand.value, operand.source))
        if isinstance(operand, Constant):
            return Known(CONSTANTS[operand.word])
        function = function_of(operand)
        return CallTerm(function, tuple(map(self.term, operand.arguments)))

    def _name(self, name: Name) -> Term:
        text = name.text
        if text[0] != "@":
            return self.path(name)
        if text in MACROS:
            return Known(Moment(text))
        for prefix, resolve in (
            (_AUTH, self._of_caller), (_BODY, self._of_body), (_COLLECTION, self._of_collection),
        ):  # fmt: skip
            if text.startswith(prefix):
                return resolve(name, text.removeprefix(prefix))
        for prefix, place in _SENT.items():
            if text.startswith(prefix):
                return _sent(name, place, text.removeprefix(prefix))
        whole, modifier = _cut(text, name)
        if whole in _WHOLE and modifier in ("", "lower"):
            return Known(SentValue(_WHOLE[whole], lower=modifier == "lower"))
        raise LanguageError(f"unknown name {text[:40]}", name.position)

    # --- paths ------------------------------------------------------------------------------------

    def path(self, name: Name) -> Term:
        """A path from the row."""
        text, modifier = _cut(name.text, name)
        return self._walk(self.row, _parts(text, name), modifier, name)

    def _walk(self, node: Node, parts: list[str], modifier: str, name: Name) -> Term:
        """What `parts` lead to from the rows of `node`."""
        for place, part in enumerate(parts):
            rest = parts[place + 1 :]
            if rest and _BACK in part:
                node = self._back(node, part, name)
            else:
                field = self._field(node, part, name)
                if not rest or field.type in ("json", "geoPoint"):
                    return self._end(node, field, rest, modifier, name)
                node = self._forth(node, field, name)
            if node.depth > FILTER_PATH_STEPS_MAX:
                raise LanguageError(
                    f"a path leads through at most {FILTER_PATH_STEPS_MAX} relations",
                    name.position,
                )
        raise AssertionError("a path has parts")

    def _field(self, node: Node, part: str, name: Name) -> Field:
        assert node.collection is not None
        field = node.collection.field(part)
        if field is None or (self.limited and field.hidden):
            raise LanguageError(f"unknown field {part[:40]}", name.position)
        if self.client and field.secret:
            raise LanguageError(f"{part[:40]} cannot be searched", name.position)
        return field

    def _end(self, node: Node, field: Field, inner: list[str], modifier: str, name: Name) -> Term:
        """What is read of the field that a path ends at."""
        if modifier not in ("", "lower", "each", "length"):
            raise LanguageError(f"the modifier :{modifier[:20]} is not for fields", name.position)
        if modifier in ("each", "length") and not field.multiple:
            raise LanguageError(
                f":{modifier} is for fields of several values, not {field.name[:40]}",
                name.position,
            )
        if modifier == "each":
            return ItemTerm(node.each(field))
        if AFFINITIES.get(field.type) is None:
            raise LanguageError(f"a {field.type} field cannot be compared", name.position)
        return PathTerm(node, Reading(field, _json_path(field, inner, name), modifier))

    def _forth(self, node: Node, field: Field, name: Name) -> Node:
        """The records that a field refers to."""
        if not isinstance(field, RelationField):
            raise LanguageError(f"{field.name[:40]} leads nowhere", name.position)
        target = self.catalog.by_id(field.target_id)
        if target is None:
            raise LanguageError(f"{field.name[:40]} refers to no collection", name.position)
        self._joined(target, name)
        return node.several(field, target) if field.multiple else node.one(field, target)

    def _back(self, node: Node, part: str, name: Name) -> Node:
        """The records that refer to those of `node`: `posts_via_author`."""
        assert node.collection is not None
        found = self._refers_to(node.collection, part)
        if found is None or (self.limited and found[1].hidden):
            raise LanguageError(f"unknown relation {part[:60]}", name.position)
        if node.kind is HopKind.BODY:
            raise LanguageError("nothing refers to a body", name.position)
        self._joined(found[0], name)
        return node.back(*found)

    def _refers_to(
        self, collection: Collection, part: str
    ) -> tuple[Collection, RelationField] | None:
        """The collection and its field that `part` names, where it refers to `collection`."""
        source_name, _, field_name = part.partition(_BACK)
        source = self.catalog.find(source_name)
        field = None if source is None else source.field(field_name)
        if source is None or not isinstance(field, RelationField):
            return None
        return (source, field) if field.target_id == collection.id else None

    def _joined(self, target: Collection, name: Name) -> None:
        if self.limited and target.list_rule is None:
            raise LanguageError(f"records of {target.name[:40]} may not be searched", name.position)

    # --- the caller, the body, other collections ---------------------------------------------------

    def _of_caller(self, name: Name, rest: str) -> Term:
        """A caller has what his collection has; the rest is nothing, whoever asks."""
        text, modifier = _cut(rest, name)
        parts = _parts(text, name)
        if modifier not in ("", "lower", "each", "length"):
            raise LanguageError(f":{modifier[:20]} is not for the caller", name.position)
        if self.caller is None or parts[0] in _ALWAYS_KNOWN:
            plain = len(parts) == 1 and modifier in ("", "lower")
            return Known(AuthField(text, lower=modifier == "lower")) if plain else _NOTHING
        field = self.caller.field(parts[0])
        if field is None and not (len(parts) > 1 and self._refers_to(self.caller, parts[0])):
            return _NOTHING
        if field is not None and field.secret:
            raise LanguageError(f"{name.text[:60]} may not be compared", name.position)
        return self._walk(self.auth, parts, modifier, name)

    def _of_body(self, name: Name, rest: str) -> Term:
        text, modifier = _cut(rest, name)
        parts = _parts(text, name)
        assert self.body.collection is not None
        field = self.body.collection.field(parts[0])
        if modifier == "changed" and (field is None or len(parts) > 1):
            raise LanguageError(f"{text[:40]} is no field that may change", name.position)
        if modifier == "changed" and field is not None:
            return ChangedTerm(self.row, field)
        if len(parts) == 1:
            return self._sent_field(parts[0], field, modifier, name)
        if field is None:
            raise LanguageError(f"unknown field {parts[0][:40]}", name.position)
        return self._walk(self.body, parts, modifier, name)

    def _sent_field(self, key: str, field: Field | None, modifier: str, name: Name) -> Term:
        if modifier == "isset":
            return _number(BodyField(key, present=True))
        if modifier == "each":
            return ItemTerm(self.body.sent_items(key) if field is None else self.body.each(field))
        if modifier == "length":
            return _number(BodyField(key, field, Form.COUNT))
        if modifier not in ("", "lower"):
            raise LanguageError(f"unknown modifier :{modifier[:20]}", name.position)
        return Known(BodyField(key, field, lower=modifier == "lower"))

    def _of_collection(self, name: Name, rest: str) -> Term:
        head, _, path = rest.partition(".")
        collection_name, _, alias = head.partition(":")
        target = self.catalog.find(collection_name)
        if target is None or not path or ":" in alias:
            raise LanguageError(f"unknown collection {head[:40]}", name.position)
        text, modifier = _cut(path, name)
        self._joined(target, name)
        return self._walk(self.nowhere.cross(target, alias), _parts(text, name), modifier, name)


def _sent(name: Name, place: Place, rest: str) -> Term:
    key, modifier = _cut(rest, name)
    if not key or modifier not in ("", "lower", "isset"):
        raise LanguageError(f"unknown name {name.text[:60]}", name.position)
    if place is Place.HEADER:
        key = key.lower()
    if modifier == "isset":
        return _number(SentValue(place, key, present=True))
    return Known(SentValue(place, key, lower=modifier == "lower"))


def _number(value: RequestValue) -> Known:
    """A value of the request that is always a number."""
    return Known(Column(Sql("?", (value,)), Affinity.NUMBER, bare=True))


def _cut(text: str, name: Name) -> tuple[str, str]:
    """A name and its modifier, of which there is at most one, at the end."""
    stem, colon, modifier = text.partition(":")
    if colon and (not modifier or ":" in modifier or "." in modifier):
        raise LanguageError(f"one modifier may stand at the end of {text[:60]}", name.position)
    return stem, modifier


def _parts(text: str, name: Name) -> list[str]:
    parts = text.split(".")
    if not all(map(_PART.fullmatch, parts)):
        raise LanguageError(f"{name.text[:60]} is no path", name.position)
    return parts


def _json_path(field: Field, inner: list[str], name: Name) -> str:
    """SQLite's spelling of a path inside JSON; digits count the items of a list."""
    if field.type == "geoPoint" and inner and (len(inner) > 1 or inner[0] not in _GEO_PARTS):
        raise LanguageError("a point has lon and lat", name.position)
    if any(len(one) > _INDEX_DIGITS_MAX and one.isdigit() for one in inner):
        raise LanguageError("no list is as long as that", name.position)  # SQLite would wrap around
    return "$" + "".join(f"[{int(one)}]" if one.isdigit() else f'."{one}"' for one in inner)


def _names(expression: Expression) -> Iterator[Name]:
    """Every name in the tree, also as an argument of a function."""
    waiting: list[Expression | Operand] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name):
            yield node
        elif isinstance(node, Comparison):
            waiting += (node.left, node.right)
        elif isinstance(node, Call):
            waiting += node.arguments
        elif not isinstance(node, Text | Number | Constant):
            waiting += node.parts

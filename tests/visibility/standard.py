"""The collection and the four records that most situations are about, and the people who look.

people  ann  editor, group red,  groups red + blue, boss bob, address shown
        bob  reader, group blue, groups blue,       no boss,  address hidden
        cid  reader, no group,   no groups,         no boss,  no address
        dan  editor, group red,  groups red,        boss ann, address hidden
staff   max  editor, of another auth collection
groups  red  (active, size 5), blue (inactive, size 10)
notes   seen by who wrote them: ann about bob "x", bob about ann "y", ann about ann "x"
vault   seen by superusers: one entry of ann's
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from shared.ids import collection_id
from tests.visibility.case import GUEST, ROOT, SAME, Case, Options, Other, Row, Step, Write, ident

PASSWORD: Final = "long enough"
LOCKED: Final[dict[str, Any]] = {"listRule": None, "viewRule": None}


def relation(name: str, target: str, most: int = 1, kind: str = "base") -> dict[str, Any]:
    """A field that refers to a collection by its name."""
    return {
        "name": name, "type": "relation", "collectionId": collection_id(kind, target),
        "maxSelect": most,
    }  # fmt: skip


def text(name: str, **more: Any) -> dict[str, Any]:
    """A text field."""
    return {"name": name, "type": "text", **more}


def number(name: str) -> dict[str, Any]:
    """A number field."""
    return {"name": name, "type": "number"}


_PERSON = [
    text("name"),
    text("role"),
    relation("group", "groups"),
    relation("groups", "groups", 9),
    relation("boss", "people", kind="auth"),
]


def person(key: str, *, shown: bool, **values: Any) -> Row:
    """The body that creates an auth record."""
    return {
        "email": f"{key}@x.io", "emailVisibility": shown, "password": PASSWORD,
        "passwordConfirm": PASSWORD, "name": key.title(), **values,
    }  # fmt: skip


SHARED: Final = (
    Other(
        "groups",
        [text("name"), {"name": "active", "type": "bool"}, number("size")],
        {
            "red": {"name": "Red", "active": True, "size": 5},
            "blue": {"name": "Blue", "active": False, "size": 10},
        },
    ),
    Other(
        "people",
        _PERSON,
        {
            "bob": person("bob", shown=False, role="reader", group=ident("blue"),
                          groups=[ident("blue")]),
            "ann": person("ann", shown=True, role="editor", group=ident("red"),
                          groups=[ident("red"), ident("blue")], boss=ident("bob")),
            "cid": person("cid", shown=False, role="reader"),
            "dan": person("dan", shown=False, role="editor", group=ident("red"),
                          groups=[ident("red")], boss=ident("ann")),
        },
        {"type": "auth"},
    ),
    Other(
        "staff", [text("name"), text("role")], {"max": person("max", shown=False, role="editor")},
        {"type": "auth"},
    ),
    Other(
        "notes",
        [relation("about", "people", kind="auth"), relation("by", "people", kind="auth"),
         text("text")],
        {
            "n1": {"about": ident("bob"), "by": ident("ann"), "text": "x"},
            "n2": {"about": ident("ann"), "by": ident("bob"), "text": "y"},
            "n3": {"about": ident("ann"), "by": ident("ann"), "text": "x"},
        },
        dict.fromkeys(("listRule", "viewRule"), "by = @request.auth.id"),
    ),
    Other(
        "vault", [relation("of", "people", kind="auth"), text("key")],
        {"v1": {"of": ident("ann"), "key": "k"}}, LOCKED,
    ),
)  # fmt: skip

FIELDS: Final = [
    text("title"),
    number("n"),
    {"name": "on", "type": "bool"},
    text("hush", hidden=True),
    {"name": "kind", "type": "select", "values": ["a", "b", "c"], "maxSelect": 1},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "data", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "day", "type": "date"},
    {"name": "essay", "type": "editor"},
    relation("owner", "people", kind="auth"),
    relation("mates", "people", 9, kind="auth"),
    relation("safe", "vault"),
    number("turn"),
]

ROWS: Final[dict[str, Row]] = {
    "a": {
        "title": "Ann", "n": 1, "on": True, "hush": "s", "kind": "a", "tags": ["a", "b"],
        "data": {"k": {"s": "x"}, "l": [1, {"b": 5}]}, "place": {"lon": 2.35, "lat": 48.85},
        "day": "2020-01-01 10:00:00.000Z", "essay": "<p>Long <b>live</b> the</p><p>Quill</p>",
        "owner": ident("ann"), "mates": [ident("ann"), ident("bob")], "safe": ident("v1"),
    },
    "b": {
        "title": "bob_2 ", "n": 5, "on": False, "hush": "", "kind": "b", "tags": ["a"], "data": 5,
        "place": {"lon": -0.12, "lat": 51.5}, "day": "2999-12-31 00:00:00.000Z", "essay": "",
        "owner": ident("bob"), "mates": [ident("bob")], "safe": "",
    },
    "c": {
        "title": "", "n": 0, "on": False, "hush": "", "kind": "", "tags": [], "data": None,
        "place": {"lon": 0, "lat": 0}, "day": "", "essay": "", "owner": "", "mates": [],
        "safe": "",
    },
    "d": {
        "title": "Zoë 漢字 😀\u2028'\"\\%", "n": -2.5, "on": True, "hush": "t", "kind": "c",
        "tags": ["b", "c"], "data": {"k": None, "l": [], "É": "é"},
        "place": {"lon": 179.9, "lat": -45.25}, "day": "2020-02-29 23:59:59.999Z", "essay": "plain",
        "owner": ident("dan"), "mates": [ident("dan"), ident("cid")], "safe": "",
    },
}  # fmt: skip


def swap(one: str, other: str, rows: Mapping[str, Row], sees: str | Mapping[str, str]) -> Step:
    """Two records take each other's values, so who could see the one now sees the other."""
    exchange = str.maketrans(one + other, other + one)
    seen = (
        sees.translate(exchange)
        if isinstance(sees, str)
        else {viewer: keys.translate(exchange) for viewer, keys in sees.items()}
    )
    writes = (Write("PATCH", one, rows[other]), Write("PATCH", other, rows[one]))
    return Step(f"swap {one} {other}", writes, seen)


def ruled(
    name: str, rule: str | None, sees: str | Mapping[str, str], *viewers: str, **more: Any
) -> Case:
    """The standard records under one rule for lists and single records.

    They are created, touched, made to swap their values in pairs, and deleted.
    """
    made = Case(name, rule, sees, ROWS, FIELDS, **more)
    made = replace(made, viewers=viewers or (GUEST,))
    if made.view_rule == SAME and made.views is None and not made.apart:
        first = swap("a", "c", ROWS, sees)
        assert first.sees is not None
        now = {**ROWS, "a": ROWS["c"], "c": ROWS["a"]}
        made = replace(made, steps=(first, swap("b", "d", now, first.sees)))
    return made


def filtered(name: str, asked: str, sees: str | Mapping[str, str], *viewers: str) -> Case:
    """The standard records open to all, and everybody asks for some of them."""
    viewers = viewers or (GUEST, ROOT)
    seen = dict.fromkeys(viewers, sees) if isinstance(sees, str) else sees
    return ruled(f"filter_{name}", "", seen, *viewers, options=Options(filter=asked))

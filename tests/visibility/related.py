"""Rules that read other records, which may have changed since, and what is expanded of them.

A rule over other tables is judged when the event is told. A change of another table alone is no
event of this one. Where that shows, a case says so.
"""

from __future__ import annotations

from typing import Any, Final

from tests.visibility.case import (
    MISSING,
    Apart,
    Case,
    Options,
    Other,
    Row,
    Step,
    Write,
    ident,
)
from tests.visibility.standard import LOCKED, number, person, relation, ruled, text

_NAMED = [text("title"), number("turn")]
_OPEN = [text("name"), {"name": "open", "type": "bool"}]
_LATER = "rules over other tables are judged when an event is told"
_LEFT = "whether it was visible is judged by the other table as it is now, so nothing leaves"
_GONE = "what it refers to is gone when its deletion is judged"


def _authors(name: str, *, cascade: bool = False) -> dict[str, Any]:
    """Records `a` of the open author x and `b` of the closed author y."""
    by = {**relation("author", name), "cascadeDelete": cascade}
    rows = {"x": {"name": "x", "open": True}, "y": {"name": "y", "open": False}}
    return {
        "rows": {"a": {"title": "a", "author": ident("x")},
                 "b": {"title": "b", "author": ident("y")}},
        "fields": [*_NAMED, by],
        "others": (Other(name, _OPEN, rows),),
        "late": _LATER,
    }  # fmt: skip


def _patch(key: str, where: str = "", **values: Any) -> Write:
    return Write("PATCH", key, values, where)


FOLLOWED = Case(
    "followed", "author.open = true", "a", **_authors("writers"),
    steps=(
        Step("close", (_patch("x", "writers", open=False), _patch("a", title="A")), ""),
        Step("open both", (_patch("x", "writers", open=True), _patch("y", "writers", open=True)),
             "a b"),
        Step("write", (_patch("a", title="a"), _patch("b", title="B"))),
        Step("change author", (_patch("a", author=""),), "b"),
    ),
    apart=(Apart("close", _LEFT, {"root": "a"}),),
)  # fmt: skip
CLEARED = Case(
    "cleared", "", "a b", **_authors("leavers"),
    steps=(Step("leave", (Write("DELETE", "x", None, "leavers"),), brings=(("update", "a"),)),),
)  # fmt: skip
CLEARED_FOR_NOBODY = Case(
    "cleared_too", "author.open = true", "a", **_authors("quitters"),
    steps=(Step("leave", (Write("DELETE", "x", None, "quitters"),), "",
                brings=(("update", "a"),)),),
    apart=(Apart("leave", _LEFT, {"root": "a"}),),
)  # fmt: skip
CASCADED = Case(
    "cascaded", "", "a b", **_authors("founders", cascade=True),
    steps=(Step("leave", (Write("DELETE", "x", None, "founders"),), "b",
                brings=(("delete", "a"),)),),
)  # fmt: skip
CASCADED_FOR_NOBODY = Case(
    "cascaded_too", "author.open = true", "a", **_authors("sponsors", cascade=True),
    steps=(Step("leave", (Write("DELETE", "x", None, "sponsors"),), "",
                brings=(("delete", "a"),)),),
    apart=(Apart("leave", _GONE, {"root": "a"}),),
)  # fmt: skip

_UP: Final = {"p": {"title": "top"}, "q": {"title": "below", "up": ident("p")}}


def _parents(name: str, **more: Any) -> Case:
    return Case(name, "up.title = 'top'", "q", _UP, [*_NAMED, relation("up", name)], **more)


OWN_KIND = _parents(
    "parents",
    late=_LATER,
    steps=(
        Step("rename", (_patch("p", title="no more"),), ""),
        Step("write", (_patch("q", title="Below"),)),
        Step("name back", (_patch("p", title="top"),), "q"),
        Step("write again", (_patch("q", title="below"),)),
        Step("drop", (Write("DELETE", "q"),), ""),
    ),
)
OWN_KIND_TOGETHER = _parents(
    "parents_at_once",
    late=_LATER,
    steps=(
        Step("drop", (Write("DELETE", "p"), Write("DELETE", "q")), "", brings=(("update", "q"),)),
    ),
    apart=(Apart("drop", _GONE, {"root": "p q"}, alike=False),),
)


def _replies(name: str, topics: str, **more: Any) -> dict[str, Any]:
    replies = Other(name, [text("text"), relation("topic", topics)], {}, more)
    return {"rows": {"a": {"title": "a"}, "b": {"title": "b"}}, "fields": _NAMED,
            "others": (replies,), "late": _LATER}  # fmt: skip


_REPLY = {"text": "yes", "topic": ident("a")}
ANSWERED = Case(
    "topics", "replies_via_topic.text ?= 'yes'", "", **_replies("replies", "topics"),
    steps=(
        Step("reply", (Write("POST", "r", _REPLY, "replies"),), "a"),
        Step("write", (_patch("a", title="A"), _patch("b", title="B"))),
        Step("retract", (_patch("r", "replies", text="no"),), ""),
        Step("write more", (_patch("a", title="a"),)),
        Step("reply again", (_patch("r", "replies", text="yes"),), "a"),
        Step("drop", (Write("DELETE", "a"),), ""),
    ),
    apart=(Apart("drop", _GONE, {"root": "a"}),),
)  # fmt: skip
GREATEST = Case(
    "ranks", "@collection.ranks.n ?> n", "a", {"a": {"n": 1}, "b": {"n": 2}},
    [number("n"), number("turn")], later=("c",), late=_LATER,
    steps=(
        Step("a greater one", (Write("POST", "c", {"n": 3}),), "a b"),
        Step("write", (_patch("b", turn=2),)),
        Step("shrink", (_patch("c", n=0),), "a c"),
    ),
    apart=(Apart("delete", _GONE, {"root": "a b c"}),),
)  # fmt: skip

_HAT = "h@hats"
_NOW = "who asks is judged as he is when an event is told"
PROMOTED = Case(
    "promoted", "@request.auth.role = 'editor'", "", {"a": {"title": "1"}, "b": {"title": "2"}},
    _NAMED, viewers=(_HAT, "guest", "root"), late=_NOW,
    others=(Other("hats", [text("name"), text("role")], {"h": person("h", shown=False)},
                  {"type": "auth"}),),
    steps=(
        Step("promote", (_patch("h", "hats", role="editor"),), {_HAT: "a b"}),
        Step("write", (_patch("a", title="3"),)),
        Step("demote", (_patch("b", title="4"), _patch("h", "hats", role="")), ""),
    ),
    apart=(Apart("demote", _NOW, {"root": "b"}),),
)  # fmt: skip
MOVED = Case(
    "moved", "@request.auth.team.name = title", {"m@movers": "a"}, {"a": {"title": "1"}, "b": {"title": "2"}},
    _NAMED, viewers=("m@movers", "guest", "root"), late=_NOW,
    others=(
        Other("teams", [text("name")], {"one": {"name": "1"}, "two": {"name": "2"}}),
        Other("movers", [relation("team", "teams")],
              {"m": {**person("m", shown=True), "team": ident("one")}}, {"type": "auth"}),
    ),
    steps=(
        Step("move", (_patch("m", "movers", team=ident("two")),), {"m@movers": "b"}),
        Step("write", (_patch("a", turn=2), _patch("b", turn=2))),
        Step("rename", (_patch("two", "teams", name="1"),), {"m@movers": "a"}),
        Step("write more", (_patch("a", turn=3), _patch("b", turn=3))),
    ),
)  # fmt: skip

# --- Expansion ----------------------------------------------------------------------------------

_ALL = ("guest", "ann", "bob", "root")
_EVERY = "a b c d"
_SECRETS: Row = {"password": MISSING, "tokenKey": MISSING}


def _expanded(name: str, expand: str, shows: dict[str, dict[str, Row]], **more: Any) -> Case:
    return ruled(
        f"expand_{name}", "", _EVERY, *_ALL, options=Options(expand=expand, **more), shows=shows
    )


EXPANDED: Final = (
    _expanded("one", "owner", {
        "guest": {"a": {"expand": {"owner": {"name": "Ann", "email": "ann@x.io", **_SECRETS}}},
                  "b": {"expand": {"owner": {"name": "Bob", "email": MISSING, **_SECRETS}}},
                  "c": {"expand": {}}},
        "bob": {"b": {"expand": {"owner": {"email": "bob@x.io", **_SECRETS}}}},
        "root": {"b": {"expand": {"owner": {"email": "bob@x.io", **_SECRETS}}}},
    }),
    _expanded("deep", "mates,owner.groups,owner.boss.group", {
        "guest": {"d": {"expand": {"owner": {"expand": {"boss": {"expand": {
            "group": {"name": "Red"}}}}}}}},
    }),
    _expanded("locked", "safe", {
        "guest": {"a": {"safe": ident("v1"), "expand": {}}}, "ann": {"a": {"expand": {}}},
        "root": {"a": {"expand": {"safe": {"key": "k"}}}},
    }),
    _expanded("ruled", "owner.notes_via_about", {
        "guest": {"a": {"expand": {"owner": {"name": "Ann", "expand": {}}}}},
    }),
    _expanded("nothing", "nope,title,hush,owner.nope", {}),
    _expanded("fields", "owner", {"guest": {"a": {
        "title": MISSING, "expand": {"owner": {"name": "Ann", "email": MISSING}}}}},
        fields="id,expand.owner.name"),
    ruled("expand_filtered", "", {"guest": "a d", "ann": "a d", "root": "a d"}, "guest", "ann",
          "root", options=Options(filter="on = true", expand="mates", fields="*,expand.mates.id")),
    ruled("expand_within_rule", "owner = @request.auth.id", {"guest": "c", "ann": "a", "bob": "b"},
          *_ALL, options=Options(expand="owner.notes_via_about.by")),
)  # fmt: skip

CONTEXT = Case(
    "expanding", "", "a",
    {"a": {"only": ident("o"), "never": ident("e")}},
    [relation("only", "onlys"), relation("never", "nevers"), number("turn")],
    viewers=("guest", "root"),
    others=(
        Other("onlys", [text("name")], {"o": {"name": "only"}},
              {"viewRule": "@request.context = 'expand'"}),
        Other("nevers", [text("name")], {"e": {"name": "never"}},
              {"viewRule": "@request.context != 'expand'"}),
        Other("lockeds", [text("name")], {}, LOCKED),
    ),
    options=Options(expand="only,never"),
    shows={"guest": {"a": {"expand": {"only": {"name": "only"}, "never": MISSING}}}},
)  # fmt: skip
EXPANDED_BACK = Case(
    "threads", "", "a b", **_replies("posts", "threads", viewRule="text = 'yes'"),
    viewers=("guest", "root"), options=Options(expand="posts_via_topic"),
    steps=(
        Step("reply", (Write("POST", "r", _REPLY, "posts"),
                       Write("POST", "s", {"text": "no", "topic": ident("a")}, "posts"))),
        Step("write", (_patch("a", title="A"), _patch("b", title="B"))),
        Step("drop", (Write("DELETE", "a"),), "b"),
    ),
    apart=(Apart("drop", _GONE, "a", alike=False),),
)  # fmt: skip

# --- What is shown of a record ------------------------------------------------------------------

_CUTS: Final[tuple[tuple[str, str, Row], ...]] = (
    ("names", "id,title", {"title": "Ann", "n": MISSING, "collectionId": MISSING}),
    ("star", "*", {"title": "Ann", "n": 1, "hush": MISSING}),
    ("hidden", "id,hush", {"hush": MISSING, "title": MISSING}),
    ("unknown", "id,collectionName,nope", {"collectionName": "fields_unknown", "nope": MISSING}),
    ("inside", "id,data.k", {"data": {"k": {"s": "x"}, "l": MISSING}}),
    ("excerpt", "id,essay:excerpt(4)", {"essay": "Long", "title": MISSING}),
    ("ellipsis", "id,essay:excerpt(9,true)", {"essay": "Long live..."}),
    ("all_but_cut", "*,essay:excerpt(50)", {"essay": "Long live the Quill", "title": "Ann"}),
)
CUT: Final = tuple(
    ruled(f"fields_{name}", "", _EVERY, "guest", "root", options=Options(fields=fields),
          shows={"guest": {"a": shown}})
    for name, fields, shown in _CUTS
)  # fmt: skip

SEARCHED: Final = (
    ruled("search_notes", "", {"ann": "a b", "root": "a b"}, *_ALL,
          options=Options(filter="owner.notes_via_about.text ?= 'x'")),
    ruled("search_mails", "",
          {"guest": "a", "ann": "a", "bob": "a", "root": "a b d"}, *_ALL,
          options=Options(filter="owner.email ~ 'x.io'")),
    ruled("search_vault", "", {"root": "a"}, "root",
          options=Options(filter="owner.vault_via_of.key = 'k'")),
    ruled("search_in_rule", "owner = @request.auth.id || n = 0",
          {"guest": "c", "ann": "a c", "bob": "c", "root": "a c d"}, *_ALL,
          options=Options(filter="n != 5"),
          views={"guest": "c", "ann": "a c", "bob": "b c"}),
)  # fmt: skip
"""A caller's filter finds only what the list rules of the way let him see."""

CASES: Final = (
    FOLLOWED, CLEARED, CLEARED_FOR_NOBODY, CASCADED, CASCADED_FOR_NOBODY, OWN_KIND,
    OWN_KIND_TOGETHER, ANSWERED, GREATEST, PROMOTED, MOVED, *EXPANDED, CONTEXT, EXPANDED_BACK, *CUT,
    *SEARCHED,
)  # fmt: skip

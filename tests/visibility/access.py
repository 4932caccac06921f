"""Who may look at all: null, open and broken rules, hidden fields, auth records and their addresses."""

from __future__ import annotations

from typing import Any, Final

from tests.visibility.case import MISSING, Apart, Case, Options, Row, Step, Write
from tests.visibility.standard import PASSWORD, ROWS, number, person, ruled, text

_EVERY = "a b c d"
_SECRETS: Row = {"password": MISSING, "passwordConfirm": MISSING, "tokenKey": MISSING}
_HUSH: dict[str, dict[str, Row]] = {
    "guest": {"a": {"hush": MISSING, "title": "Ann", "tags": ["a", "b"], "day": ROWS["a"]["day"]}},
    "ann": {"a": {"hush": MISSING}},
    "root": {"a": {"hush": "s"}},
}

LISTS: Final = (
    ruled("open", "", _EVERY, "guest", "ann", "root", shows=_HUSH),
    ruled("locked", None, "", "guest", "ann", "max@staff", "root"),
    ruled("list_only", "", _EVERY, "guest", "root", view_rule=None, views=""),
    ruled("view_only", None, "", "guest", "root", view_rule="", views=_EVERY),
    ruled("list_or_view", "n > 0", "a b", "guest", "root", view_rule="on = true", views="a d"),
    ruled("blank", "", "", "guest", "root", stored_rule="  "),
    ruled("broken", "", "", "guest", "ann", "root", stored_rule="n > 0 && ("),
    ruled("outgrown", "", "", "guest", "ann", "root", stored_rule="nothing = 1 || n = 1"),
    ruled("filter_within_rule", "n > 0", {"guest": "a", "root": "a d"}, "guest", "root",
          views="a b", options=Options(filter="on = true")),
    ruled("filter_or_within_rule", "n = 1 || n = 0", {"guest": "a", "root": "a b"}, "guest",
          "root", views="a c", options=Options(filter="n = 1 || n = 5")),
    ruled("filter_hidden_root", "", {"root": "a"}, "root", options=Options(filter="hush = 's'")),
    ruled("filter_view_only", None, "", "guest", view_rule="", views=_EVERY),
)  # fmt: skip

_LONG = "x" * 60_000
_FAILS = "the list is refused whole, where an event is judged by itself"
FAILING = Case(
    "failing",
    "'x' ~ title",
    "",
    {"a": {"title": "x"}, "e": {"title": _LONG}},
    [text("title", max=70_000), number("turn")],
    views="a",
    apart=tuple(Apart(at, _FAILS, "a") for at in ("create", "touch", "delete")),
)
"""A pattern of 60,000 characters fails at the row that has it."""

LARGE = Case(
    "large",
    "title ~ 'needle'",
    "a b",
    {
        "a": {"title": "needle"},
        "b": {"title": "x" * 300_000 + "needle"},
        "c": {"title": "x" * 300_000},
    },
    [text("title", max=400_000), number("turn")],
    viewers=("guest",),
    kept=True,
    late="a row too large for the log is shown as it is stored now",
)

_NUMBERS = {
    "a": {"n": 9_007_199_254_740_991, "data": {"i": 9_007_199_254_740_993, "f": 1.0, "e": 1e-9}},
    "b": {"n": 0.1, "data": [1e21, -0.0, 123456789.123456789, "\u0001\u001f\ud7ff"]},
    "c": {"n": -1e-7, "data": '{"not":"parsed"}'},
    "d": {"n": 1e21, "data": {"a": {"a": [[[]]]}, "": None, "😀": "\u2029"}},
    "e": {"n": 5.0, "data": "text"},
    "f": {"n": -0.0, "data": ""},
}
NUMBERS = Case(
    "numbers", "n > 0 || data != null", "a b c d e f", _NUMBERS,
    [number("n"), {"name": "data", "type": "json"}, number("turn")],
)  # fmt: skip


# --- Auth records -------------------------------------------------------------------------------

_MEMBER = [text("name"), text("role"), number("turn")]
_SEEDS = {"s": person("s", shown=False, role="reader"), "t": person("t", shown=True)}
_NEW = {"u": person("u", shown=False), "v": person("v", shown=True)}


def _members(name: str, rule: str | None, sees: str | dict[str, str], **more: Any) -> Case:
    options = {"type": "auth", **more.pop("more", {})}
    return Case(name, rule, sees, _NEW, _MEMBER, seeds=_SEEDS, more=options, **more)


def _emails(*seen: str) -> dict[str, Row]:
    """The records, whose addresses are shown where `seen` has the key, and secrets never."""
    return {key: {"email": f"{key}@x.io" if key in seen else MISSING, **_SECRETS} for key in "stuv"}


_REVEAL = Step("reveal", (
    Write("PATCH", "u", {"emailVisibility": True}), Write("PATCH", "v", {"emailVisibility": False}),
    Write("PATCH", "s", {"name": "S."}),
))  # fmt: skip
_UNLOGGED = "secrets are not in the log, so what asks for them is not told"
_GONE = "whose record is deleted, or whose password changed, is a guest when that is judged"

AUTH: Final = (
    _members(
        "emails", "", "s t u v", viewers=("guest", "root", "s@", "t@", "ann"), steps=(_REVEAL,),
        shows={"guest": _emails("t", "v"), "ann": _emails("t", "v"), "s@": _emails("s", "t", "v"),
               "t@": _emails("t", "v"), "root": _emails("s", "t", "u", "v")},
    ),
    _members(
        "managed", "", "s t u v", viewers=("guest", "ann", "bob", "s@"), steps=(_REVEAL,),
        more={"manageRule": "@request.auth.role = 'editor'"},
        shows={"guest": _emails("t", "v"), "ann": _emails("s", "t", "u", "v"),
               "bob": _emails("t", "v"), "s@": _emails("s", "t", "v")},
    ),
    _members(
        "managed_by_row", "", "s t u v", viewers=("guest", "s@"), steps=(_REVEAL,),
        more={"manageRule": "name = 'U' && @request.auth.role = 'reader'"},
        shows={"guest": _emails("t", "v"), "s@": _emails("s", "t", "u", "v")},
    ),
    _members(
        "email_field", "", "s t u v", viewers=("guest", "s@", "root"), steps=(_REVEAL,),
        options=Options(fields="id,email"),
        shows={"guest": {"t": {"email": "t@x.io", "name": MISSING}, "s": {"email": MISSING}},
               "s@": _emails("s", "t", "v")},
    ),
    _members(
        "email_filter", "",
        {"guest": "t v", "s@": "t v", "root": "s t u v"}, viewers=("guest", "s@", "root"),
        options=Options(filter="email ~ '@x.io'"),
        steps=(Step("reveal", _REVEAL.writes, {"guest": "t u", "s@": "t u", "root": "s t u v"}),),
    ),
    _members("email_rule", "email = 'u@x.io'", "u", viewers=("guest", "s@", "root")),
    _members("secret_missing", "tokenKey = ''", "", viewers=("guest", "s@", "root")),
    _members("secret_hash", "password = ''", "", viewers=("guest", "root")),
    _members(
        "secret_there", "tokenKey != ''", "s t u v", viewers=("guest", "s@"),
        apart=tuple(Apart(at, _UNLOGGED, "") for at in ("create", "touch", "delete")),
    ),
    _members(
        "own", "id = @request.auth.id", {"s@": "s", "t@": "t"},
        viewers=("guest", "s@", "t@", "ann", "root"),
    ),
    _members(
        "own_or_open", "id = @request.auth.id || name = 'V'",
        {"guest": "v", "s@": "s v", "ann": "v"}, viewers=("guest", "s@", "ann", "root"),
    ),
    _members(
        "verified", "@request.auth.id != '' && verified = true", "", viewers=("guest", "s@"),
        steps=(Step("verify", (Write("PATCH", "u", {"verified": True}),), {"s@": "u"}),),
    ),
    _members(
        "farewell", "@request.auth.id != ''", {"s@": "s t u v"}, viewers=("s@", "root"), late=_GONE,
        steps=(Step("farewell", (Write("DELETE", "s"),), ""),),
        apart=(Apart("farewell", _GONE, {"root": "s"}),),
    ),
    _members(
        "new_password", "@request.auth.id != ''", {"s@": "s t u v"}, viewers=("s@", "root"),
        late=_GONE,
        steps=(
            Step("new password", (
                Write("PATCH", "s", {"password": PASSWORD * 2, "passwordConfirm": PASSWORD * 2}),
                Write("PATCH", "t", {"name": "T."}),
            ), ""),
            Step("after it", (Write("PATCH", "t", {"name": "T"}),)),
        ),
        apart=(Apart("new password", _GONE, {"root": "s t"}),),
    ),
    _members(
        "new_password_routed", "name = @request.auth.id", "", viewers=("s@", "t@", "guest", "root"),
        late=_GONE,
        steps=(
            Step("empty", (Write("PATCH", "u", {"name": ""}),), {"guest": "u"}),
            Step("new password", (
                Write("PATCH", "s", {"password": PASSWORD * 2, "passwordConfirm": PASSWORD * 2}),
            ), {"guest": "u", "s@": "u"}),
            Step("write", (Write("PATCH", "u", {"role": "x"}),)),
        ),
    ),
)  # fmt: skip
"""`s@` and `t@` look at the collection that they are in; what the others are in is another one."""

CASES: Final = (*LISTS, FAILING, LARGE, NUMBERS, *AUTH)

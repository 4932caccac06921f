"""Rules over the standard records: what each operator, modifier, path and name of a request means.

`PLAIN`: a rule and the keys that anybody sees. They are asked as list and view rules, and once more
as the filter of a caller where everything is open. `ASKED` are for rules only, by viewer.
"""

from __future__ import annotations

from typing import Final

from tests.visibility.case import Apart, Case, Options, ident
from tests.visibility.standard import filtered, ruled

PLAIN: Final = (
    # Numbers and booleans.
    ("n > 0", "a b"),
    ("n >= 0", "a b c"),
    ("n < -2.4", "d"),
    ("n != 1", "b c d"),
    ("n = '5'", "b"),
    ("on = true", "a d"),
    ("on != true", "b c"),
    # Texts: the empty one, patterns, case, signs of patterns, spaces at the end, all of Unicode.
    ("title = ''", "c"),
    ("title = null", "c"),
    ("title != ''", "a b d"),
    ("title ~ 'z'", "d"),
    ("title !~ 'n'", "b c d"),
    ("title ~ '_2'", "b"),
    ("title ~ 'A%'", "a"),
    ("title:lower = 'ann'", "a"),
    ("title = 'bob_2 '", "b"),
    ("title = 'bob_2'", ""),
    ("title ~ '漢字 😀'", "d"),
    # What `&&` and `||` hold together.
    ("n = 5 || n = 0 && on = true", "b"),
    ("(n = 5 || n = 0) && on = true", ""),
    # Lists: every item, any item, their number.
    ("kind = ''", "c"),
    ("kind ?= 'c'", "d"),
    ("tags:each = 'a'", "b"),
    ("tags:each ?= 'a'", "a b"),
    ("tags:each != 'a'", "c d"),
    ("tags:each ?!= 'a'", "a c d"),
    ("tags:length = 2", "a d"),
    ("tags:length < 1", "c"),
    ("tags ~ '\"a\"'", "a b"),
    ("mates:length > 1", "a d"),
    (f"mates:each ?= '{ident('cid')}'", "d"),
    # JSON and places.
    ("data.k.s = 'x'", "a"),
    ("data.l.1.b = 5", "a"),
    ("data = 5", "b"),
    ("data = null", "c"),
    ("data.k = null", "b c d"),
    ("place.lat > 48", "a b"),
    ("geoDistance(place.lon, place.lat, 2.35, 48.85) < 400", "a b"),
    # Dates and moments.
    ("day > @now", "b"),
    ("day < @todayStart && day != ''", "a d"),
    ("day >= '2020-02-29'", "b d"),
    ("day = ''", "c"),
    ("strftime('%Y', day) = '2020'", "a d"),
    ("@year > 2000 && n = 1", "a"),
    # Relations: one, several of which every one, several of which any one, and the way back.
    ("owner.role = 'editor'", "a d"),
    ("owner.role != 'editor'", "b c"),
    ("owner.group.name = 'Red'", "a d"),
    ("owner.groups.active = false", "b"),
    ("owner.groups.active ?= false", "a b"),
    ("owner.groups.active ?= true && owner.groups.name ?= 'Blue'", ""),
    ("owner.boss.name = title", "c"),
    ("mates.role = 'reader'", "b"),
    ("mates.role ?= 'reader'", "a b d"),
    ("mates.name ?= title", "a c"),
    ("owner.people_via_boss.name ?= 'Dan'", "a"),
)  # fmt: skip
"""A caller's own filter of the same text means the same, since all on the way is open to him."""

HIDDEN: Final = (
    ("hush = 's'", "a"),
    ("owner.email = 'bob@x.io'", "b"),
    ("owner.notes_via_about.text ?= 'y'", "a"),
    ("owner.vault_via_of.key = 'k'", "a"),
    ("@collection.people.name ?= title", "a"),
    ("@collection.people.id ?= owner && @collection.people.role ?= 'reader'", "b"),
    ("@collection.people:x.id ?= owner && @collection.people:y.role ?= 'reader'", "a b d"),
    ("@request.method = 'GET' && n = 1", "a"),
    ("@request.body.title:isset = false && n = 1", "a"),
    ("@request.body.title = title", "c"),
    ("@request.query.nothing:isset = true", ""),
    ("@request.headers.x_nothing:isset = false && n = 5", "b"),
)
"""Rules may name what callers may not."""

_ALL = ("guest", "ann", "bob", "max@staff")

ASKED: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("@request.auth.id != ''", {"ann": "a b c d", "bob": "a b c d", "max@staff": "a b c d"}),
    ("@request.auth.id = ''", {"guest": "a b c d"}),
    ("owner = @request.auth.id", {"guest": "c", "ann": "a", "bob": "b"}),
    ("owner = @request.auth.id && n > 0", {"ann": "a", "bob": "b"}),
    ("@request.auth.id != '' && owner = @request.auth.id", {"ann": "a", "bob": "b"}),
    (
        "owner = @request.auth.id || n = 0",
        {"guest": "c", "ann": "a c", "bob": "b c", "max@staff": "c"},
    ),
    (
        "owner != @request.auth.id",
        {"guest": "a b d", "ann": "b c d", "bob": "a c d", "max@staff": "a b c d"},
    ),
    ("mates.id ?= @request.auth.id", {"guest": "c", "ann": "a", "bob": "a b"}),
    ("mates.id = @request.auth.id", {"guest": "c", "bob": "b"}),
    ("mates:each ?= @request.auth.id", {"guest": "c", "ann": "a", "bob": "a b"}),
    ("@request.auth.role = 'editor'", {"ann": "a b c d", "max@staff": "a b c d"}),
    (
        "@request.auth.role = 'editor' || owner.id = @request.auth.id",
        {"guest": "c", "ann": "a b c d", "bob": "b", "max@staff": "a b c d"},
    ),
    ("@request.auth.name = title", {"guest": "c", "ann": "a"}),
    ("owner.role = @request.auth.role", {"guest": "c", "ann": "a d", "bob": "b",
                                         "max@staff": "a d"}),
    ("@request.auth.collectionName = 'staff'", {"max@staff": "a b c d"}),
    ("@request.auth.group.name = owner.group.name",
     {"guest": "c", "ann": "a d", "bob": "b", "max@staff": "c"}),
    ("@request.auth.group = owner.group", {"guest": "c", "ann": "a d", "bob": "b",
                                           "max@staff": "c"}),
    ("@request.auth.groups.id ?= owner.group && n != 0", {"ann": "a b d", "bob": "b"}),
    ("@request.auth.groups:length > 1", {"ann": "a b c d"}),
    ("@request.auth.boss.name = owner.name", {"guest": "c", "ann": "b", "bob": "c",
                                              "max@staff": "c"}),
    ("@request.auth.notes_via_by.about ?= owner", {"guest": "c", "ann": "a b", "bob": "a",
                                                   "max@staff": "c"}),
    ("@request.auth.missing = title", {"guest": "c", "ann": "c", "bob": "c", "max@staff": "c"}),
    ("@request.auth.email ~ 'ann@' && n = 1", {"ann": "a"}),
    ("@request.auth.password = ''", {"guest": "a b c d", "max@staff": ""}),
    ("@collection.notes.by ?= @request.auth.id && @collection.notes.about ?= owner",
     {"ann": "a b", "bob": "a"}),
)  # fmt: skip
"""By viewer; who is not named sees nothing. Of a guest nothing is known, which equals an empty field."""

OPTIONS: Final = Options(query={"room": "Ann"}, headers={"X-Token": "bob_2 "})

_TOLD = (
    ("query", "@request.query.room = title", "a"),
    ("query_lower", "@request.query.room:lower = title:lower", "a"),
    ("query_isset", "@request.query.room:isset = true && n = 5", "b"),
    ("query_unset", "@request.query.room:isset = false", ""),
    ("headers", "@request.headers.x_token ~ 'bob_2' && n = 5", "b"),
    ("headers_isset", "@request.headers.x_token:isset = true && n = 0", "c"),
    ("query_and_auth", "@request.query.room = title && @request.auth.id = ''", "a"),
)

_OWN_OPTIONS = ruled(
    "told_own_options",
    "@request.query.fields:isset = true && @request.query.filter ~ 'n' && n != 0",
    "a b",
    options=Options(fields="id,n", filter="n > 0"),
    view_rule="@request.query.fields = 'id,n' && n > 0",
    views="a b",
)
"""What narrows a request is part of its query, too."""

_EVERY_STEP = ("create", "touch", "delete")
_CONTEXT = "a subscription asks in a context of its own, a read in none"


def _context(name: str, rule: str, read: str, heard: str) -> Case:
    """Reads and subscriptions differ as the language means them to."""
    apart = tuple(Apart(step, _CONTEXT, heard, joining=True) for step in _EVERY_STEP)
    return ruled(name, rule, read, "guest", apart=apart)


def _cases() -> list[Case]:
    found = []
    for number, (rule, sees) in enumerate(PLAIN):
        found.append(ruled(f"plain_{number}", rule, sees))
        found.append(filtered(str(number), rule, sees))
    found += [ruled(f"hidden_{n}", rule, sees) for n, (rule, sees) in enumerate(HIDDEN)]
    found += [ruled(f"asked_{n}", rule, sees, *_ALL) for n, (rule, sees) in enumerate(ASKED)]
    found += [ruled(f"told_{name}", rule, sees, options=OPTIONS) for name, rule, sees in _TOLD]
    found.append(_OWN_OPTIONS)
    found += [
        _context("context_realtime", "@request.context = 'realtime'", "", "a b c d"),
        _context("context_default", "@request.context = 'default'", "a b c d", ""),
    ]
    return found


CASES: Final = tuple(_cases())

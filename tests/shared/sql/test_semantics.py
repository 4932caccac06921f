"""What expressions mean, case by case, on a small world: for readers first, for machines second.

Each line is a collection, an expression and the ids that it means. The world stands in
`semantics_world.py`; short of reading it:

    people  ann   group red,     groups red + blue     two posts, a gold card
            bob   group blue,    groups blue           one post, a card without a colour
            cid   no group,      no groups             nothing
            dan   group missing, groups red + missing  nothing
            eve   group "",      groups red            nothing
    groups  red (active, size 5), blue (inactive, size 10), blank (no name, active, size 0)
"""

from __future__ import annotations

import pytest

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.sql.conditions import Use
from tests.shared.sql.oracle_database import Database
from tests.shared.sql.oracle_judge import meant
from tests.shared.sql.oracle_reading import read
from tests.shared.sql.oracle_world import ForbiddenError, InvalidError
from tests.shared.sql.semantics_world import world

EVERYBODY = "ann bob cid dan eve"

FILTERS = [
    # One relation: a missing record is a record of nothing.
    ("people", "group.active = true", "ann eve"),
    ("people", "group.active = false", "bob"),
    ("people", "group.active != true", "bob cid dan"),
    ("people", "group.name = 'Red'", "ann"),
    ("people", "group.name != 'Red'", "bob cid dan eve"),
    ("people", "group.name = ''", "cid dan eve"),
    ("people", "group.name = null", "cid dan eve"),
    ("people", "group.name != ''", "ann bob"),
    ("people", "group.size > 0", "ann bob"),
    ("people", "group.size = 0", "eve"),
    ("people", "group.size <= 5", "ann eve"),
    ("people", "group.name ~ 'e'", "ann bob"),
    ("people", "group.name !~ 'l'", "ann eve"),
    # Several relations, plain: every one, and at least one row of something or nothing.
    ("people", "groups.active = true", "dan eve"),
    ("people", "groups.active = false", "bob"),
    ("people", "groups.active != true", "bob cid"),
    ("people", "groups.name = 'Red'", "dan eve"),
    ("people", "groups.name != 'Red'", "bob cid"),
    ("people", "groups.name = ''", "cid"),
    ("people", "groups.name != ''", "ann bob eve"),
    ("people", "groups.name != null", "ann bob eve"),
    ("people", "groups.size > 0", "ann bob dan eve"),
    ("people", "groups.size >= 10", "bob"),
    ("people", "groups.name ~ 'e'", "ann bob dan eve"),
    ("people", "groups.name !~ 'l'", "dan eve"),
    ("people", "groups.id = 'red'", "dan eve"),
    # Several relations, any of them.
    ("people", "groups.active ?= true", "ann dan eve"),
    ("people", "groups.active ?= false", "ann bob"),
    ("people", "groups.active ?!= true", "ann bob cid dan"),
    ("people", "groups.name ?= ''", "cid dan"),
    ("people", "groups.name ?!= ''", "ann bob dan eve"),
    ("people", "groups.name ?!~ 'l'", "ann dan eve"),
    ("people", "groups.size ?>= 10", "ann bob"),
    ("people", "groups.id ?= 'blue'", "ann bob"),
    ("people", "groups.id ?= 'gone'", ""),
    # One path, one record: both sides of `&&` speak of the same group.
    ("people", "groups.active ?= true && groups.name ?= 'Blue'", ""),
    ("people", "groups.active ?= true && groups.name ?= 'Red'", "ann dan eve"),
    ("people", "groups.active ?= true || groups.name ?= 'Blue'", "ann bob dan eve"),
    ("people", "groups.name ?= 'Red' && group.name = 'Red'", "ann"),
    # The list itself.
    ("posts", "tags:each = 'a'", "p2"),
    ("posts", "tags:each != 'a'", "p3 p4"),
    ("posts", "tags:each ?= 'a'", "p1 p2 p5"),
    ("posts", "tags:each ?!= 'a'", "p1 p3 p4 p5"),
    ("posts", "tags:length = 2", "p1 p5"),
    ("posts", "tags:length < 1", "p3"),
    ("people", "groups:length > 1", "ann dan"),
    ("people", "groups:each ?= 'gone'", "dan"),
    ("posts", "tags ~ '\"a\"'", "p1 p2 p5"),
    # The other way round.
    ("people", "posts_via_owner.stars = 5", ""),
    ("people", "posts_via_owner.stars ?= 5", "ann"),
    ("people", "posts_via_owner.stars < 0", "bob"),
    ("people", "posts_via_owner.stars != 7", EVERYBODY),
    ("people", "posts_via_owner.title = ''", "cid dan eve"),
    ("people", "posts_via_owner.tags:each ?= 'b'", "ann bob"),
    ("groups", "people_via_groups.name ?= 'Bob'", "blue"),
    ("groups", "people_via_groups.name = 'Bob'", ""),
    ("groups", "people_via_group.posts_via_owner.stars ?> 0", "red"),
    ("people", "cards_via_holder.colour = 'gold'", "ann"),
    ("people", "cards_via_holder.colour != 'gold'", "bob cid dan eve"),
    # Farther.
    ("posts", "owner.group.name = 'Red'", "p1 p2"),
    ("posts", "owner.groups.name ?= 'Blue'", "p1 p2 p4"),
    ("posts", "owner.groups.active = false", "p4"),
    ("posts", "owner.posts_via_owner.owner.posts_via_owner.owner.posts_via_owner.title ?= 'Blue'",
     "p4"),
    # Paths against paths.
    ("posts", "title = owner.name", "p1 p3"),
    ("posts", "title != owner.name", "p2 p4 p5"),
    ("posts", "owner.groups.name ?= title", "p3 p4"),
    ("posts", "owner.groups:length = 0", "p3 p5"),
    ("posts", "title >= owner.groups:length", ""),  # a text that is no number has no place there
    # Plain fields.
    ("posts", "stars = '5'", "p1 p5"),
    ("posts", "stars > '4'", "p1 p3 p5"),
    ("posts", "title = '' || stars < 0 && title ~ 'blu'", "p3 p4"),
    ("posts", "(title = '' || stars < 0) && title ~ 'blu'", "p4"),
    ("posts", "title ~ '50\\%'", "p2"),
    ("posts", "title ~ '_'", "p5"),
    ("posts", "title ~ 'A%'", "p1 p5"),
    ("posts", "'Ann' = title", "p1"),
    ("posts", "title:lower = 'ann'", "p1"),
    # JSON, where nothing and the empty text are two things.
    ("posts", "data.a.0.b = 5", "p1"),
    ("posts", "data.a.0.b = '5'", ""),
    ("posts", "data.a.0.b != 5", "p2 p3 p4 p5"),
    ("posts", "data.s ~ 'X'", "p1"),
    ("posts", "data = null", "p2"),
    ("posts", "data = ''", "p3"),
    ("posts", "data = 5", "p5"),
    ("posts", "loc.lat > 48", "p1 p3"),
    # Functions and moments.
    ("posts", "geoDistance(loc.lon, loc.lat, 2.35, 48.85) < 400", "p1 p3"),
    ("posts", "geoDistance(loc.lon, loc.lat, 0, 0) < 1", "p2 p4 p5"),
    ("posts", "strftime('%Y-%m', day) = '2025-01'", "p3"),
    ("posts", "strftime('%Y', day) = ''", "p2 p4 p5"),
    ("posts", "day = @now", "p1"),
    ("posts", "day >= @yearStart && day < @now", "p3"),
]  # fmt: skip

CALLERS = [
    # What a list rule hides does not exist for a filter. `notes` are seen by who wrote them.
    ("ann", "people", "notes_via_about.text = 'x'", "bob"),
    ("ann", "people", "notes_via_about.text ?= 'y'", "ann"),
    ("bob", "people", "notes_via_about.text = 'x'", "ann"),
    ("cid", "people", "notes_via_about.text ?= 'x'", ""),
    ("cid", "people", "notes_via_about.text = ''", EVERYBODY),
    # An address is compared only where its owner shows it.
    ("ann", "people", "email ~ 'x.io'", "ann dan eve"),
    ("ann", "people", "email != 'ann@x.io'", "dan eve"),
    ("ann", "posts", "owner.email = 'bob@x.io'", ""),
    ("ann", "posts", "owner.email != 'bob@x.io'", "p1 p2"),
]

RULES = [
    # What a rule may say besides. List rules of other collections do not matter to it.
    (None, "people", "notes_via_about.text ?= 'x'", "ann bob"),
    (None, "people", "vaults_via_of.key = 'k'", "ann"),
    (None, "posts", "owner = @request.auth.id", "p3"),
    (None, "posts", "@request.auth.id != ''", ""),
    ("ann", "posts", "owner = @request.auth.id", "p1 p2"),
    ("ann", "posts", "owner.group = @request.auth.group", "p1 p2"),
    ("ann", "groups", "@request.auth.groups.id ?= id", "red blue"),
    ("ann", "groups", "@request.auth.group.name = name", "red"),
    ("ann", "groups", "@request.auth.missing.name = name", "blank"),
    ("ann", "groups", "@request.auth.posts_via_owner.stars ?= size", "red blank"),
    (None, "posts", "owner.email = 'bob@x.io'", "p4"),
    (None, "posts", "secret = 's'", "p1"),
    (None, "posts", "@request.method = 'PATCH' && @request.context = 'default'", "p1 p2 p3 p4 p5"),
    (None, "posts", "stars = @request.query.page", "p1 p5"),
    (None, "posts", "@request.query.none:isset = true", ""),
    (None, "posts", "@request.headers.x_token = 't' && stars = 10", "p3"),
    (None, "posts", "@request.body.title:isset = true && stars = 10", "p3"),
    (None, "posts", "@request.body.title:changed = false", "p1"),
    (None, "posts", "@request.body.tags:changed = false", "p1 p5"),
    (None, "posts", "@request.body.day:changed = true", ""),
    (None, "posts", "@request.body.tags:each ?= 'b' && stars = 10", "p3"),
    (None, "posts", "@request.body.tags:each = 'b'", ""),
    (None, "posts", "@request.body.tags:length = 2 && stars = 10", "p3"),
    (None, "posts", "@request.body.owner.group.name = title", "p4"),
    (None, "posts", "@collection.groups.name ?= title", "p3 p4"),
    (None, "posts", "@collection.groups.name = title", ""),
    (None, "posts", "@collection.groups.name ?= title && @collection.groups.size ?= 10", "p4"),
    (None, "posts", "@collection.groups:x.name ?= title && @collection.groups:y.size ?= 10",
     "p3 p4"),
]  # fmt: skip

SORTS = [
    ("posts", "-stars,title", "p3 p1 p5 p2 p4"),
    ("people", "group.name", "cid dan eve bob ann"),
    ("people", "-group.name", "ann bob eve dan cid"),
    ("posts", "owner.name,-stars", "p3 p5 p1 p2 p4"),
    ("people", "cards_via_holder.colour", "cid dan eve bob ann"),
]

REFUSED = [
    ("posts", "nothing = 1", False),
    ("posts", "title.x = 1", False),
    ("posts", "secret = 's'", False),
    ("posts", "owner.secret = 's'", False),
    ("people", "password = ''", False),
    ("people", "tokenKey != ''", False),
    ("posts", "owner.tokenKey ~ 'a'", False),
    ("people", "vaults_via_of.key = 'k'", False),
    ("people", "posts_via_title.id = 'p1'", False),
    ("people", "nobody_via_owner.id = 'p1'", False),
    ("people", "posts_via_owner = 'p1'", False),
    ("posts", "title:each = 'a'", False),
    ("posts", "title:nothing = 'a'", False),
    ("posts", "loc.height = 1", False),
    ("posts", "owner.posts_via_owner.owner.posts_via_owner.owner.posts_via_owner.owner.name = ''",
     False),
    ("posts", "@request.auth.id = ''", True),
    ("posts", "title = 'a' || @collection.groups.name = 'a'", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "ids"), FILTERS)
def test_a_filter_means(name: str, text: str, ids: str) -> None:
    """A guest's filter, a superuser's and a rule all mean the same rows here."""
    _agree(None, name, text, ids, of="filter")
    _agree(None, name, text, ids, of="rule")


@pytest.mark.parametrize(("caller", "name", "text", "ids"), CALLERS)
def test_a_filter_of_a_caller_means(caller: str, name: str, text: str, ids: str) -> None:
    """Only what the caller may see takes part."""
    _agree(caller, name, text, ids, of="filter")


@pytest.mark.parametrize(("caller", "name", "text", "ids"), RULES)
def test_a_rule_means(caller: str | None, name: str, text: str, ids: str) -> None:
    """Rules see everything, and the request too."""
    _agree(caller, name, text, ids, of="rule")


@pytest.mark.parametrize(("name", "sort", "ids"), SORTS)
def test_a_sort_means(name: str, sort: str, ids: str) -> None:
    """What is missing comes first; ties go by creation, in the direction of the last key."""
    made = world()
    database = Database(made, case_sensitive_like=True)
    assert " ".join(map(str, database.sorted(sort, made.tables[name]))) == ids


@pytest.mark.parametrize(("name", "text", "forbidden"), REFUSED)
def test_a_filter_is_refused(name: str, text: str, forbidden: bool) -> None:
    """It never means all rows instead; only what rules alone may say is forbidden."""
    made = world()
    table = made.tables[name]
    with pytest.raises(ForbiddenError if forbidden else InvalidError):
        meant(read(text), made, table, table.rows, of="filter")
    with pytest.raises(LanguageError) as refused:
        Database(made, case_sensitive_like=True).compiled(text, table, Use.PAGE, of="filter")
    assert isinstance(refused.value, ForbiddenNameError) is forbidden


def _agree(caller: str | None, name: str, text: str, ids: str, *, of: str) -> None:
    made = world(caller)
    table = made.tables[name]
    assert " ".join(map(str, meant(read(text), made, table, table.rows, of=of))) == ids
    database = Database(made, case_sensitive_like=True)
    for use in (Use.PAGE, Use.COUNT):
        predicate = database.compiled(text, table, use, of=of)
        assert " ".join(map(str, database.page(predicate, table))) == ids

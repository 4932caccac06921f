"""Deleting a record that others refer to: by example, and against a naive model."""

from __future__ import annotations

import json

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.limits import CASCADE_LEVELS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.delete import delete_plan_steps, truncate_steps
from shared.sql.plan import StepKind
from tests.shared.schema.side_rows import stale_side_rows
from tests.shared.sql.sample import RefusedError, apply, collection, create, insert

Row = dict[str, list[str]]
Data = dict[str, dict[str, Row]]


def _relation(name: str, target: str, **options: object) -> dict[str, object]:
    return {
        "name": name,
        "type": "relation",
        "collectionId": f"c_{target}",
        "maxSelect": 1,
        **options,
    }


def _catalog(*collections: Collection) -> tuple[Catalog, apsw.Connection]:
    connection = apsw.Connection(":memory:")
    for one in collections:
        create(connection, one)
    return Catalog(1, collections), connection


def _delete(catalog: Catalog, connection: apsw.Connection, name: str, record_id: str) -> None:
    found = catalog.find(name)
    assert found is not None
    apply(connection, delete_plan_steps(catalog, found, record_id, now="2025-01-01 00:00:00.000Z"))


def _ids(connection: apsw.Connection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"SELECT id FROM {table} ORDER BY id")]


def test_without_references_it_is_one_statement() -> None:
    """And a missing record is refused."""
    catalog, connection = _catalog(plain := collection("plain"))
    insert(connection, plain, id="a")
    assert [s.kind for s in delete_plan_steps(catalog, plain, "a")] == [StepKind.RUN]
    _delete(catalog, connection, "plain", "a")
    assert _ids(connection, "plain") == []
    with pytest.raises(RefusedError, match="not_found"):
        _delete(catalog, connection, "plain", "a")


def test_references_are_taken_out() -> None:
    """Of single fields and of lists, whose order stays; the row's update time moves."""
    users = collection("users")
    posts = collection(
        "posts",
        _relation("author", "users"),
        _relation("likes", "users", maxSelect=9),
        {"name": "updated", "type": "autodate", "onUpdate": True},
    )
    catalog, connection = _catalog(users, posts)
    for name in ("u1", "u2", "u3"):
        insert(connection, users, id=name)
    insert(connection, posts, id="p1", author="u1", likes='["u3","u1","u2"]', updated="old")
    insert(connection, posts, id="p2", author="u2", likes='["u2"]', updated="old")
    _delete(catalog, connection, "users", "u1")
    assert connection.execute(
        "SELECT author, likes, updated FROM posts ORDER BY id"
    ).fetchall() == [
        ("", '["u3","u2"]', "2025-01-01 00:00:00.000Z"),
        ("u2", '["u2"]', "old"),
    ]


def test_a_required_reference_refuses() -> None:
    """Only when the last one would go; nothing is changed then."""
    users = collection("users")
    posts = collection("posts", _relation("likes", "users", maxSelect=9, required=True))
    catalog, connection = _catalog(users, posts)
    for name in ("u1", "u2"):
        insert(connection, users, id=name)
    insert(connection, posts, id="p1", likes='["u1","u2"]')
    _delete(catalog, connection, "users", "u1")
    with pytest.raises(RefusedError, match="validation_required_reference:likes"):
        _delete(catalog, connection, "users", "u2")
    assert _ids(connection, "users") == ["u2"]


@pytest.mark.parametrize("extra", [{}, {"maxSelect": 9}])
def test_a_tree_falls_with_its_root(extra: dict[str, object]) -> None:
    """A collection that refers to itself, a thousand levels deep; a second tree stands."""
    nodes = collection("nodes", _relation("parent", "nodes", cascadeDelete=True, **extra))
    catalog, connection = _catalog(nodes)
    insert(connection, nodes, id="n0000")
    for number in range(1, 200 if extra else 1_000):
        parent = f"n{number - 1:04}"
        value = json.dumps([parent]) if extra else parent
        insert(connection, nodes, id=f"n{number:04}", parent=value)
    insert(connection, nodes, id="other")
    _delete(catalog, connection, "nodes", "n0000")
    assert _ids(connection, "nodes") == ["other"]


def test_a_cycle_ends() -> None:
    """Two collections that cascade into each other, with rows that do so too."""
    left = collection("left", _relation("r", "right", cascadeDelete=True))
    right = collection("right", _relation("l", "left", cascadeDelete=True, required=True))
    catalog, connection = _catalog(left, right)
    insert(connection, left, id="a", r="b")
    insert(connection, right, id="b", l="a")
    insert(connection, left, id="c", r="b")
    insert(connection, right, id="d", l="e")
    _delete(catalog, connection, "left", "a")
    assert (_ids(connection, "left"), _ids(connection, "right")) == ([], ["d"])


def test_a_long_cycle_is_refused_whole() -> None:
    """Beyond the bound of levels nothing is deleted at all."""
    left = collection("left", _relation("r", "right", cascadeDelete=True))
    right = collection("right", _relation("l", "left", cascadeDelete=True))
    catalog, connection = _catalog(left, right)
    insert(connection, left, id="n0")
    for number in range(1, CASCADE_LEVELS_MAX + 2):
        made, field = (right, "l") if number % 2 else (left, "r")
        insert(connection, made, id=f"n{number}", **{field: f"n{number - 1}"})
    with pytest.raises(RefusedError, match="validation_cascade_too_deep"):
        _delete(catalog, connection, "left", "n0")
    assert len(_ids(connection, "left") + _ids(connection, "right")) == CASCADE_LEVELS_MAX + 2
    connection.execute("UPDATE right SET l = '' WHERE id = 'n1'")
    _delete(catalog, connection, "left", "n0")
    assert "n1" in _ids(connection, "right")


def test_levels_without_a_circle_fall_together() -> None:
    """Organizations, teams, posts, and a list of posts that empties."""
    orgs = collection("orgs")
    teams = collection("teams", _relation("org", "orgs", cascadeDelete=True, required=True))
    posts = collection("posts", _relation("team", "teams", cascadeDelete=True))
    bundles = collection("bundles", _relation("posts", "posts", maxSelect=9, cascadeDelete=True))
    notes = collection("notes", _relation("post", "posts"), _relation("bundle", "bundles"))
    catalog, connection = _catalog(notes, bundles, posts, teams, orgs)
    insert(connection, orgs, id="o1")
    insert(connection, teams, id="t1", org="o1")
    insert(connection, posts, id="p1", team="t1")
    insert(connection, posts, id="p2", team="t1")
    insert(connection, posts, id="p3")
    insert(connection, bundles, id="b1", posts='["p1","p2"]')
    insert(connection, bundles, id="b2", posts='["p1","p3"]')
    insert(connection, notes, id="n1", post="p1", bundle="b1")
    _delete(catalog, connection, "orgs", "o1")
    assert (_ids(connection, "teams"), _ids(connection, "posts")) == ([], ["p3"])
    assert connection.execute("SELECT id, posts FROM bundles").fetchall() == [("b2", '["p3"]')]
    assert connection.execute("SELECT post, bundle FROM notes").fetchall() == [("", "")]


def test_steps_are_plain_data_statements() -> None:
    """The writer allows nothing else in an ordinary plan."""
    nodes = collection("nodes", _relation("parents", "nodes", maxSelect=9, cascadeDelete=True))
    steps = delete_plan_steps(Catalog(1, [nodes]), nodes, "a")
    assert {step.sql.split()[0] for step in steps} == {"SELECT", "UPDATE", "DELETE"}


# --- against a model ---------------------------------------------------------------------------

_NAMES = ("aa", "bb", "cc")
_edges = st.lists(
    st.tuples(
        st.sampled_from(_NAMES),
        st.sampled_from(_NAMES),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def _collections(edges: list[tuple[str, str, bool, bool, bool]]) -> list[Collection]:
    return [
        collection(
            name,
            *(
                _relation(
                    f"f{number}", target, cascadeDelete=cascade, required=required,
                    maxSelect=9 if many else 1,
                )
                for number, (source, target, cascade, required, many) in enumerate(edges)
                if source == name
            ),
        )
        for name in _NAMES
    ]  # fmt: skip


def _doomed(
    edges: list[tuple[str, str, bool, bool, bool]], data: Data, first: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """What goes with those: the least set that the cascades close."""
    gone = set(first)
    while True:
        more = {
            (source, row_id)
            for number, (source, target, cascade, _, _) in enumerate(edges)
            for row_id, row in data[source].items()
            if cascade and (refs := row[f"f{number}"]) and all((target, r) in gone for r in refs)
        }
        if more <= gone:
            return gone
        gone |= more


def _modelled(
    edges: list[tuple[str, str, bool, bool, bool]], data: Data, first: set[tuple[str, str]]
) -> Data | None:
    """The rows afterwards, None for a refusal."""
    gone = _doomed(edges, data, first)
    left: Data = {}
    for name, rows in data.items():
        left[name] = {}
        for row_id, row in rows.items():
            if (name, row_id) in gone:
                continue
            kept = dict(row)
            for number, (source, target, _, required, _) in enumerate(edges):
                if source == name:
                    refs = row[f"f{number}"]
                    rest = [r for r in refs if (target, r) not in gone]
                    if required and refs and not rest:
                        return None
                    kept[f"f{number}"] = rest
            left[name][row_id] = kept
    return left


@settings(max_examples=250, deadline=None)
@given(_edges, st.booleans(), st.data())
def test_the_steps_do_what_the_model_says(
    edges: list[tuple[str, str, bool, bool, bool]], truncate: bool, draw: st.DataObject
) -> None:
    """Over random collections, fields and references, with all cycles; for one record and all."""
    catalog, connection = _catalog(*(made := _collections(edges)))
    data: Data = {}
    for one in made:
        data[one.name] = {}
        for row_id in map(str, range(4)):
            row: Row = {}
            for number, (source, _, _, _, many) in enumerate(edges):
                if source == one.name:
                    ids = st.lists(st.sampled_from("0123"), max_size=3 if many else 1, unique=True)
                    row[f"f{number}"] = draw.draw(ids)
            stored = {
                name: json.dumps(refs) if edges[int(name[1:])][4] else "".join(refs)
                for name, refs in row.items()
            }
            insert(connection, one, id=row_id, **stored)
            data[one.name][row_id] = row
    first = {("aa", row_id) for row_id in (data["aa"] if truncate else "0")}
    wanted = _modelled(edges, data, first)
    try:
        if truncate:
            apply(connection, truncate_steps(catalog, made[0]))
        else:
            _delete(catalog, connection, "aa", "0")
    except RefusedError as refusal:
        refused = str(refusal)
    else:
        refused = ""
    if "too_deep" in refused:
        return
    assert bool(refused) == (wanted is None), refused
    assert refused or wanted == _read(connection, made, edges)
    assert not stale_side_rows(connection, catalog)


def _read(
    connection: apsw.Connection,
    made: list[Collection],
    edges: list[tuple[str, str, bool, bool, bool]],
) -> Data:
    data: Data = {}
    for one in made:
        names = [field.name for field in one.fields]
        data[one.name] = {}
        for row in connection.execute(f"SELECT {', '.join(names)} FROM {one.name}"):
            values = dict(zip(names, row, strict=True))
            row_id = values.pop("id")
            data[one.name][row_id] = {
                name: (json.loads(value) if edges[int(name[1:])][4] else [value] if value else [])
                for name, value in values.items()
            }
    return data


@pytest.mark.parametrize("many", [1, 9])
@pytest.mark.parametrize("options", [{"required": True}, {}, {"cascadeDelete": True}])
@pytest.mark.parametrize("levels", [1, 2])
def test_what_refers_is_found_by_an_index(
    options: dict[str, object], many: int, levels: int
) -> None:
    """No step reads the referring table to its end: not the guard, not what follows."""
    teams = collection("teams")
    users = collection("users", _relation("team", "teams", cascadeDelete=True))
    posts = collection("posts", _relation("author", "users", maxSelect=many, **options))
    catalog, connection = _catalog(teams, users, posts)
    steps = delete_plan_steps(catalog, users if levels == 1 else teams, "u1")
    assert len(steps) > 1
    for step in steps:
        lines = connection.execute(f"EXPLAIN QUERY PLAN {step.sql}", step.params).fetchall()
        scans = [str(line[3]) for line in lines if str(line[3]).startswith("SCAN")]
        assert not any(scan.split()[1] in ("x", "s", "o", "posts", "users") for scan in scans), (
            lines
        )


def test_all_records_go() -> None:
    """With what cascades, without what does not; a collection's references to itself are no bar."""
    users = collection("users", _relation("boss", "users", required=True))
    posts = collection("posts", _relation("author", "users", cascadeDelete=True))
    notes = collection(
        "notes",
        _relation("likes", "users", maxSelect=9),
        _relation("post", "posts"),
        {"name": "updated", "type": "autodate", "onUpdate": True},
    )
    catalog, connection = _catalog(users, posts, notes)
    insert(connection, users, id="u1", boss="u1")
    insert(connection, users, id="u2", boss="u1")
    insert(connection, posts, id="p1", author="u2")
    insert(connection, posts, id="p2")
    insert(connection, notes, id="n1", likes='["u2","u1"]', post="p1")
    insert(connection, notes, id="n2", post="p2", updated="old")
    apply(connection, truncate_steps(catalog, users, now="2025"))
    assert (_ids(connection, "users"), _ids(connection, "posts")) == ([], ["p2"])
    rows = connection.execute("SELECT likes, post, updated FROM notes ORDER BY id").fetchall()
    assert rows == [("[]", "", "2025"), ("[]", "p2", "old")]
    apply(connection, truncate_steps(catalog, users))


def test_a_required_reference_from_outside_bars_all() -> None:
    """And names its field."""
    users = collection("users")
    posts = collection("posts", _relation("author", "users", required=True))
    catalog, connection = _catalog(users, posts)
    insert(connection, users, id="u1")
    insert(connection, posts, id="p1", author="u1")
    with pytest.raises(RefusedError, match="validation_required_reference:author"):
        apply(connection, truncate_steps(catalog, users))
    assert _ids(connection, "users") == ["u1"]

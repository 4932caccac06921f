"""Steps of creates and updates, run as the writer runs them."""

from __future__ import annotations

import json
from typing import Any

import apsw
import pytest

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.sql.modifiers import Assignment, Guard
from shared.sql.plan import Step, StepKind, Value, run
from shared.sql.predicate import Shape
from shared.sql.shape import shape_of
from shared.sql.write import (
    Candidate,
    existence_guard,
    insert_sql,
    insert_steps,
    other_guard,
    relation_guard,
    row_guard,
    rule_guard,
    stored_guard,
    stored_sql,
    update_steps,
)
from tests.shared.sql.sample import CATALOG, SAMPLE, RefusedError, apply, create, insert, ruling

SHAPE = shape_of(SAMPLE, CATALOG, hidden=False)
Bound = tuple[Value, ...]
CALLER = Identity("c_users", "users", {"id": "u1"})


@pytest.fixture
def connection() -> apsw.Connection:
    """Two rows."""
    made = apsw.Connection(":memory:")
    create(made, SAMPLE)
    insert(made, SAMPLE, id="one", title="One", owner="u1", state="a")
    insert(made, SAMPLE, id="two", title="Two")
    return made


def _insert(values: dict[str, Value], shape: Shape = SHAPE, bound: Bound = ()) -> list[Step]:
    return insert_steps(SAMPLE, insert_sql(SAMPLE, values, shape), values, shape, bound)


def _update(
    record_id: str,
    values: dict[str, Value],
    assignments: tuple[Assignment, ...] = (),
    shape: Shape = SHAPE,
    bound: Bound = (),
) -> list[Step]:
    return update_steps(SAMPLE, record_id, values, assignments, shape, bound)


def _shown(connection: apsw.Connection, steps: list[Step]) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(str(apply(connection, steps)))
    return shown


def test_an_insert_gives_the_shaped_record(connection: apsw.Connection) -> None:
    """With the defaults of what was not given, as a read would show it."""
    steps = _insert({"title": "x", "id": "new", "open": 1, "count": 5.0})
    record = _shown(connection, steps)
    assert (record["id"], record["title"], record["open"], record["count"]) == ("new", "x", True, 5)
    assert (record["state"], record["tags"], record["data"]) == ("", [], None)
    assert [step.kind for step in steps] == [StepKind.RETURN]


def test_an_update_gives_the_shaped_record(connection: apsw.Connection) -> None:
    """After the change; the statement does not depend on the order of the changes."""
    [step] = _update("one", {"state": "b", "title": "1"})
    record = _shown(connection, [step])
    assert (record["title"], record["state"], record["owner"]) == ("1", "b", "u1")
    assert step.sql == _update("one", {"title": "1", "state": "b"})[0].sql
    assert _shown(connection, _update("one", {})) == record


def test_a_shape_that_looks_further_is_read_after_the_write(connection: apsw.Connection) -> None:
    """With parameters, or a query of its own, which RETURNING would answer from before."""
    asking = Shape("json_object('who', ?, 'title', r.\"title\")", ("me",))
    assert _shown(connection, _update("one", {"title": "new"}, shape=asking, bound=("me",))) == {
        "who": "me", "title": "new",
    }  # fmt: skip
    counting = Shape("json_object('n', (SELECT count(*) FROM \"sample\"))")
    assert SAMPLE.table == "sample"
    assert _shown(connection, _insert({"id": "three"}, counting)) == {"n": 3}
    assert [step.kind for step in _insert({"id": "four"}, counting)] == [
        StepKind.RUN,
        StepKind.RETURN,
    ]


def test_an_assignment_is_made_of_the_old_row(connection: apsw.Connection) -> None:
    """Beside plain values, whatever their order."""
    title = SAMPLE.field("title")
    assert title is not None
    longer = Assignment(title, '"title" || ? || "state"', ("+",))
    record = _shown(connection, _update("one", {"state": "new"}, (longer,)))
    assert (record["title"], record["state"]) == ("One+a", "new")


def test_an_update_of_nothing_is_refused(connection: apsw.Connection) -> None:
    """Also when it changes nothing, and when its answer is read after it."""
    asking = Shape("json_object('who', ?)", ("me",))
    for steps in (
        _update("no", {"title": "x"}),
        _update("no", {}),
        _update("no", {"title": "x"}, shape=asking, bound=("me",)),
    ):
        with pytest.raises(RefusedError, match="not_found"):
            apply(connection, steps)


def test_what_was_read_is_still_so(connection: apsw.Connection) -> None:
    """Existence, stored values with their types, and conditions over the row."""
    holding = [
        existence_guard(SAMPLE, "one", exists=True, refusal="again"),
        existence_guard(SAMPLE, "no", exists=False, refusal="again"),
        stored_guard(SAMPLE, "one", {"state": "a", "count": 0}, refusal="again"),
        stored_guard(SAMPLE, "one", {"data": None}, refusal="again"),
        row_guard(SAMPLE, "one", Guard('r."count" + ? < 5', (4,), "again")),
        other_guard(SAMPLE, "one", refusal="again"),
    ]
    apply(connection, holding)
    failing = [
        existence_guard(SAMPLE, "no", exists=True, refusal="again"),
        existence_guard(SAMPLE, "one", exists=False, refusal="again"),
        stored_guard(SAMPLE, "one", {"state": "b"}, refusal="again"),
        stored_guard(SAMPLE, "one", {"data": ""}, refusal="again"),
        stored_guard(SAMPLE, "no", {}, refusal="again"),
        row_guard(SAMPLE, "one", Guard('r."count" + ? < 5', (5,), "again")),
    ]
    for step in failing:
        with pytest.raises(RefusedError, match="again"):
            apply(connection, [step])
    row = connection.execute(stored_sql(SAMPLE, ["state", "count"]), ("one",)).get
    assert row == ("a", 0)
    apply(connection, [run('DELETE FROM "sample" WHERE "id" = \'two\'')])
    with pytest.raises(RefusedError, match="again"):
        apply(connection, [other_guard(SAMPLE, "one", refusal="again")])


def test_a_rule_is_judged_again_by_the_writer(connection: apsw.Connection) -> None:
    """Missing and not meant are told alike."""
    rule = ruling("owner = @request.auth.id && state = 'a'")
    apply(connection, [rule_guard(SAMPLE, "one", rule, rule.bind(AccessRequest(CALLER)))])
    apply(connection, [rule_guard(SAMPLE, "two", None, ())])
    for record_id in ("two", "no"):
        with pytest.raises(RefusedError, match="not_found"):
            apply(
                connection, [rule_guard(SAMPLE, record_id, rule, rule.bind(AccessRequest(CALLER)))]
            )


def test_a_candidate_is_judged_before_it_exists(connection: apsw.Connection) -> None:
    """By its would-be values, those not given being zero."""
    rule = ruling("owner = @request.auth.id && state = '' && count < 5")
    bound = rule.bind(AccessRequest(CALLER))
    apply(connection, [Candidate(SAMPLE, rule).guard({"owner": "u1"}, bound, refusal="rule")])
    others: list[dict[str, Value]] = [
        {"owner": "u2"}, {"owner": "u1", "state": "a"}, {"owner": "u1", "count": 7}
    ]  # fmt: skip
    for values in others:
        with pytest.raises(RefusedError, match="rule"):
            apply(connection, [Candidate(SAMPLE, rule).guard(values, bound, refusal="rule")])


@pytest.mark.parametrize(
    ("rule", "lasting", "bound"),
    [
        ("owner = @request.auth.id", True, 1),
        ("@request.auth.id != ''", True, 0),
        ("owner = state || count > 5", True, 3),
        ("owner = 'a' && @collection.sample.owner ?= 'b'", False, 1),
    ],
)
def test_a_rule_is_given_what_it_reads(rule: str, *, lasting: bool, bound: int) -> None:
    """Columns that it does not name are not bound; what asks for other rows may change."""
    compiled = ruling(rule)
    candidate = Candidate(SAMPLE, compiled)
    params = compiled.bind(AccessRequest(CALLER))
    guard = candidate.guard({"owner": "u1"}, params, refusal="rule")

    assert candidate.lasting is lasting
    assert len(guard.params) - len(params) == bound


@pytest.mark.parametrize("rule", ["owner = @request.auth.id", "state = @request.auth.name"])
@pytest.mark.parametrize("value", ["u1", "U1", "", "é", None])
def test_what_is_told_at_once_is_what_sqlite_says(
    connection: apsw.Connection, rule: str, value: str | None
) -> None:
    """Where nothing is told, as of what is no text, SQLite is asked."""
    compiled = ruling(rule)
    candidate = Candidate(SAMPLE, compiled)
    values: dict[str, Value] = {} if value is None else {"owner": value, "state": value}
    params = compiled.bind(AccessRequest(CALLER))
    guard = candidate.guard(values, params, refusal="rule")

    holds = connection.execute(guard.sql, guard.params).get is not None
    assert candidate.told(values, params) == (None if value is None else holds)
    assert holds is ((value or "") == params[0])


def test_only_one_text_is_compared_without_sqlite() -> None:
    """No number, and no rule that says more."""
    for rule in ("count = 5", "owner = 'a' || count = 5", "owner != 'a'", "owner ~ 'a'"):
        compiled = ruling(rule)
        candidate = Candidate(SAMPLE, compiled)
        params = compiled.bind(AccessRequest(CALLER))
        assert candidate.told({"owner": "a", "count": 5}, params) is None


def test_references_must_exist(connection: apsw.Connection) -> None:
    """One or many; the refusal names the field."""
    for ids in (["one"], ["one", "two"], []):
        apply(connection, [relation_guard(SAMPLE, ids, "friends")])
    for ids in (["no"], ["one", "no"], ['"'], [""]):
        with pytest.raises(RefusedError, match="validation_missing_rel_records:friends"):
            apply(connection, [relation_guard(SAMPLE, ids, "friends")])

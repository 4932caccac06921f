"""Steps of creates and updates, run as the writer runs them."""

from __future__ import annotations

import json

import apsw
import pytest

from shared.access.identity import Identity
from shared.sql.conditions import compile_rule
from shared.sql.plan import StepKind, Value
from shared.sql.select import shape_sql
from shared.sql.write import (
    candidate_guard,
    insert_step,
    relation_guard,
    rule_guard,
    update_step,
)
from tests.shared.sql.sample import SAMPLE, RefusedError, apply, create, insert

SHAPE = shape_sql(SAMPLE, hidden=False)
CALLER = Identity("c_users", "users", {"id": "u1"})


@pytest.fixture
def connection() -> apsw.Connection:
    """Two rows."""
    made = apsw.Connection(":memory:")
    create(made, SAMPLE)
    insert(made, SAMPLE, id="one", title="One", owner="u1", state="a")
    insert(made, SAMPLE, id="two", title="Two")
    return made


def test_an_insert_gives_the_shaped_record(connection: apsw.Connection) -> None:
    """With the defaults of what was not given, as a read would show it."""
    step = insert_step(SAMPLE, {"title": "x", "id": "new", "open": 1, "count": 5.0}, SHAPE)
    record = json.loads(str(apply(connection, [step])))
    assert (record["id"], record["title"], record["open"], record["count"]) == ("new", "x", True, 5)
    assert (record["state"], record["tags"], record["data"]) == ("", [], None)
    assert step.kind is StepKind.RETURN


def test_an_update_gives_the_shaped_record(connection: apsw.Connection) -> None:
    """After the change; the statement does not depend on the order of the changes."""
    step = update_step(SAMPLE, "one", {"state": "b", "title": "1"}, SHAPE)
    record = json.loads(str(apply(connection, [step])))
    assert (record["title"], record["state"], record["owner"]) == ("1", "b", "u1")
    assert step.sql == update_step(SAMPLE, "one", {"title": "1", "state": "b"}, SHAPE).sql
    unchanged = json.loads(str(apply(connection, [update_step(SAMPLE, "one", {}, SHAPE)])))
    assert unchanged == record


def test_an_update_of_nothing_is_refused(connection: apsw.Connection) -> None:
    """Also when it changes nothing."""
    for changes in ({"title": "x"}, {}):
        with pytest.raises(RefusedError, match="not_found"):
            apply(connection, [update_step(SAMPLE, "no", changes, SHAPE)])


def test_a_rule_is_judged_again_by_the_writer(connection: apsw.Connection) -> None:
    """Missing and not meant are told alike."""
    rule = compile_rule("owner = @request.auth.id && state = 'a'", SAMPLE)
    apply(connection, [rule_guard(SAMPLE, "one", rule, rule.bind(CALLER))])
    apply(connection, [rule_guard(SAMPLE, "two", None, ())])
    for record_id in ("two", "no"):
        with pytest.raises(RefusedError, match="not_found"):
            apply(connection, [rule_guard(SAMPLE, record_id, rule, rule.bind(CALLER))])


def test_a_candidate_is_judged_before_it_exists(connection: apsw.Connection) -> None:
    """By its would-be values, those not given being zero."""
    rule = compile_rule("owner = @request.auth.id && state = '' && count < 5", SAMPLE)
    bound = rule.bind(CALLER)
    apply(connection, [candidate_guard(SAMPLE, {"owner": "u1"}, rule, bound, refusal="rule")])
    others: list[dict[str, Value]] = [
        {"owner": "u2"}, {"owner": "u1", "state": "a"}, {"owner": "u1", "count": 7}
    ]  # fmt: skip
    for values in others:
        with pytest.raises(RefusedError, match="rule"):
            apply(connection, [candidate_guard(SAMPLE, values, rule, bound, refusal="rule")])


def test_references_must_exist(connection: apsw.Connection) -> None:
    """One or many; the refusal names the field."""
    for ids in (["one"], ["one", "two"], []):
        apply(connection, [relation_guard(SAMPLE, ids, "friends")])
    for ids in (["no"], ["one", "no"], ['"'], [""]):
        with pytest.raises(RefusedError, match="validation_missing_rel_records:friends"):
            apply(connection, [relation_guard(SAMPLE, ids, "friends")])

"""From proofs to sessions: two different ways, one after the other, and each id once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shared.errors import QuillError
from shared.schema.collection import Collection
from shared.schema.system import USERS_ID
from shared.sql.plan import Step, StepKind
from shared.sql.write import existence_guard
from tests.worker.realtime.place import Place
from worker.auth.entry import REFUSED_PROOF, Proof, look
from worker.auth.mfa import REFUSED_MFA, Begun
from worker.auth.session import Session
from worker.records.caller import Origin

ANN, BOB = "ann", "bob"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Two users who need a second factor."""
    made = Place(tmp_path)
    made.person(ANN)
    made.person(BOB)
    execute = made.database.connection.execute
    execute("UPDATE _collections SET options = json_set(options, '$.mfa.enabled', json('true'))")
    execute("UPDATE _head SET catalog = catalog + 1")
    made.words.catalog_version += 1
    yield made
    made.close()


def _enter(
    place: Place, method: str, mfa_id: str = "", who: str = ANN
) -> tuple[Session | Begun, Sequence[Step]]:
    """What a proof leads to, and what has to be written for it."""

    def guard(collection: Collection) -> Step:
        return existence_guard(collection, who, exists=True, refusal=REFUSED_PROOF)

    proof = Proof(who, method, guard, mfa_id)
    catalog = place.reader.catalog.current()
    entry = look(place.reader.snapshot, catalog, USERS_ID, proof, Origin())
    assert not isinstance(entry, Session), "two factors need a write"
    return entry.outcome, entry.plan.steps


def _apply(place: Place, steps: Sequence[Step]) -> str:
    """The refusal of the first step that does not hold, else what the writer would do."""
    connection = place.database.connection
    for step in steps:
        found = connection.execute(step.sql, step.params).fetchall()
        done = found if step.kind is StepKind.REQUIRE else connection.changes()
        if step.refusal and not done:
            return step.refusal
    return ""


def _begin(place: Place, method: str) -> str:
    begun, steps = _enter(place, method)
    assert isinstance(begun, Begun)
    assert _apply(place, steps) == ""
    return begun.mfa_id


def test_two_different_ways_lead_in(place: Place) -> None:
    """In either order; then the first is forgotten."""
    for first, second in (("password", "otp"), ("otp", "password")):
        entered, steps = _enter(place, second, _begin(place, first))
        assert isinstance(entered, Session)
        assert _apply(place, steps) == ""
        assert not place.database.connection.execute("SELECT 1 FROM _mfas").fetchall()


def test_an_id_is_good_once(place: Place) -> None:
    """Of two who come at the same moment, one is refused by the writer; later ones before."""
    mfa_id = _begin(place, "password")
    _, first = _enter(place, "otp", mfa_id)
    _, second = _enter(place, "otp", mfa_id)
    assert _apply(place, first) == ""
    assert _apply(place, second) == REFUSED_MFA
    with pytest.raises(QuillError, match="unknown"):
        _enter(place, "otp", mfa_id)


def test_one_way_or_another_record_is_no_second_factor(place: Place) -> None:
    """Nothing is written."""
    mfa_id = _begin(place, "otp")
    with pytest.raises(QuillError, match="another way"):
        _enter(place, "otp", mfa_id)
    with pytest.raises(QuillError, match="unknown"):
        _enter(place, "password", mfa_id, BOB)


def test_what_was_proven_must_still_be_so(place: Place) -> None:
    """In the snapshot, and in the transaction."""
    _, steps = _enter(place, "password")
    place.database.connection.execute("DELETE FROM users WHERE id = ?", (ANN,))
    assert _apply(place, steps) == REFUSED_PROOF
    with pytest.raises(QuillError, match="Failed to authenticate"):
        _enter(place, "password")

"""Random writes to record APIs over one table leave what a plain dictionary says they do.

The model knows the bits, rules and conflict strategies of `tests.worker.apis.writing`, and shares
nothing with what plans and runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster_process import ClusterProcess
from tests.worker.apis.writing import EXECUTE, RECORDS, write_depot

Row = tuple[int | None, str]
State = dict[str, Row]
DEFAULTS: Row = (7, "mine")
KEYS = ("ant", "Ant", "b", "bad")
WITH_KEPT = ("plain", "cased")


class Write(NamedTuple):
    """One write: its verb, API, record, and what is sent besides the key of a create."""

    verb: str
    api: str
    key: str
    sent: dict[str, Any]


class FailedError(Exception):
    """The status of a write that fails."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One over the depot that was written by hand."""
    depot = tmp_path_factory.mktemp("model") / "depot"
    write_depot(depot)
    with ClusterProcess(depot, workers=1) as running:
        yield running


SENT = st.fixed_dictionaries(
    {}, optional={"n": st.sampled_from([None, 1, 150, "x"]), "kept": st.just("k")}
)
WRITES = st.one_of(
    st.builds(
        Write,
        st.just("Create"),
        st.sampled_from(["plain", "ignoring", "replacing", "only_new", "cased", "shut"]),
        st.sampled_from(KEYS),
        SENT,
    ),
    st.builds(
        Write, st.just("Update"), st.sampled_from(["plain", "replacing", "cased", "ignoring"]),
        st.sampled_from(KEYS), SENT,
    ),
    st.builds(
        Write, st.just("Delete"), st.sampled_from(["plain", "cased", "shut"]),
        st.sampled_from(KEYS), st.just({}),
    ),
)  # fmt: skip


def apply(state: State, write: Write) -> None:
    """The model. Raises FailedError."""
    if write.verb == "Create":
        _create(state, write)
    elif write.verb == "Update":
        _may_change(state, write, "ignoring")
        _check_sent(write)
        state[write.key] = _merged(state[write.key], write)
    else:
        _may_change(state, write, "shut")
        del state[write.key]


def _create(state: State, write: Write) -> None:
    if write.api == "shut":
        raise FailedError(403)
    _check_sent(write)
    if write.api == "cased" and not write.key.startswith("a"):
        raise FailedError(403)
    old = state.get(write.key)
    if old is not None and write.api == "only_new":
        raise FailedError(403)
    if old is not None and write.api == "replacing" and (old[0] is None or old[0] >= 100):
        raise FailedError(403)
    if write.key == "bad":
        raise FailedError(400)
    if old is not None and write.api in WITH_KEPT:
        raise FailedError(400)
    if old is None or write.api == "replacing":
        new = _merged(DEFAULTS, write)
        state[write.key] = new if old is None else (new[0], old[1])


def _may_change(state: State, write: Write, shut: str) -> None:
    """Raises FailedError where bits or the rule are against it, or there is no record."""
    if write.api == shut:
        raise FailedError(403)
    if write.verb == "Update":
        _check_sent(write)
    if write.verb == "Update" and write.api == "cased":
        if write.key not in state or not write.key.startswith("a"):
            raise FailedError(403)
    elif write.api == "replacing":
        n = state.get(write.key, (None, ""))[0]
        if n is None or n >= 100:
            raise FailedError(403)
    elif write.key not in state:
        raise FailedError(404)


def _check_sent(write: Write) -> None:
    if write.sent.get("n") == "x":
        raise FailedError(400)


def _merged(old: Row, write: Write) -> Row:
    kept = write.sent.get("kept", old[1]) if write.api in WITH_KEPT else old[1]
    return write.sent.get("n", old[0]), kept


def ask(client: httpx.Client, write: Write) -> int:
    """The status of a write over HTTP."""
    path = f"{RECORDS}/{write.api}"
    if write.verb == "Create":
        return client.post(path, json={"id": write.key, **write.sent}).status_code
    if write.verb == "Update":
        return client.patch(f"{path}/{write.key}", json=write.sent).status_code
    return client.delete(f"{path}/{write.key}").status_code


def operation(write: Write) -> dict[str, Any]:
    """The same as an operation of a transaction."""
    value = {"id": write.key, **write.sent} if write.verb == "Create" else write.sent
    asked: dict[str, Any] = {"api_name": write.api}
    if write.verb != "Create":
        asked["record_id"] = write.key
    if write.verb != "Delete":
        asked["value"] = value
    return {write.verb: asked}


def empty(client: httpx.Client) -> None:
    """No row is left of what was drawn before."""
    for key in KEYS:
        client.delete(f"{RECORDS}/plain/{key}")


def found(client: httpx.Client) -> State:
    """What stands in the table."""
    records = client.get(f"{RECORDS}/plain").json()["records"]
    return {one["id"]: (one["n"], one["kept"]) for one in records}


SETTINGS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SETTINGS
@given(st.lists(WRITES, min_size=3, max_size=10))
def test_writes_one_by_one(guest: httpx.Client, writes: list[Write]) -> None:
    """Each has the status that the model says, and leaves its rows."""
    empty(guest)
    state: State = {}
    for write in writes:
        expected = 200
        try:
            apply(state, write)
        except FailedError as error:
            expected = error.args[0]
        assert ask(guest, write) == expected, write
    assert found(guest) == state


@SETTINGS
@given(st.lists(WRITES, min_size=1, max_size=6), st.booleans())
def test_writes_in_one_transaction(guest: httpx.Client, writes: list[Write], atomic: bool) -> None:
    """All of them, or none; one by one, those before the first that fails."""
    empty(guest)
    state: State = {}
    statuses = []
    for write in writes:
        try:
            apply(state, write)
        except FailedError as error:
            statuses.append(error.args[0])
            state = {} if atomic else state
            break
    asked = {"operations": [operation(one) for one in writes], "transaction": atomic}
    status = guest.post(EXECUTE, json=asked).status_code
    if atomic and statuses:  # what is wrong in itself is told before what rows are against
        assert status in (400, 403, 404)
    else:
        assert status == (statuses or [200])[0]
    assert found(guest) == state

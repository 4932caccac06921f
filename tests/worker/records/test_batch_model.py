"""Random batches against a model in plain Python that applies the same requests one by one.

The model rolls back at the first failure; index, status, answers and everything that is left must
be the same. Also `worker.records.batch`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster_process import ClusterProcess
from tests.worker.records.batching import (
    Request,
    changing,
    creating,
    deleting,
    failure,
    ident,
    path,
    send,
    upserting,
)

Rows = dict[str, dict[str, Any]]
State = dict[str, Rows]
IDS = [ident(f"node{number}") for number in range(4)]
LEAVES = [ident(f"leaf{number}") for number in range(3)]
TITLES = ["a", "b", "c", "keep", ""]


class FailedError(Exception):
    """A request fails with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


# --- The model ----------------------------------------------------------------------------------


def _write_node(state: State, record_id: str, row: dict[str, Any]) -> dict[str, Any]:
    others = [one for key, one in state["nodes"].items() if key != record_id]
    bad = not row["title"] or row["n"] > 9 or any(one["title"] == row["title"] for one in others)
    if bad:
        raise FailedError(400)
    state["nodes"][record_id] = row
    return {"id": record_id, **row}


def _write_leaf(state: State, record_id: str, row: dict[str, Any]) -> dict[str, Any]:
    missing = [one for one in [row["up"], *row["also"]] if one and one not in state["nodes"]]
    if missing:
        raise FailedError(400)
    state["leaves"][record_id] = row
    return {"id": record_id, **row}


_ZERO: dict[str, dict[str, Any]] = {
    "nodes": {"title": "", "n": 0},
    "leaves": {"up": "", "also": []},
}
_WRITE: dict[str, Callable[[State, str, dict[str, Any]], dict[str, Any]]] = {
    "nodes": _write_node,
    "leaves": _write_leaf,
}


def _changed(row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    new = deepcopy(row)
    for key, value in body.items():
        if key == "n+":
            new["n"] += value
        elif key == "also+":
            new["also"] += [one for one in value if one not in new["also"]]
        elif key != "id":
            new[key] = value
    return new


def _delete_node(state: State, record_id: str) -> None:
    del state["nodes"][record_id]
    state["leaves"] = {
        key: {**row, "also": [one for one in row["also"] if one != record_id]}
        for key, row in state["leaves"].items()
        if row["up"] != record_id
    }


def apply(state: State, request: Request) -> dict[str, Any] | None:
    """Do one request to the model. Raises FailedError."""
    _, _, _, name, _, *rest = request["url"].split("/")
    rows, body, method = state[name], request.get("body", {}), request["method"]
    record_id = rest[0] if rest else body["id"]
    if method == "POST" or (method == "PUT" and record_id not in rows):
        if record_id in rows or body.get("n", 0) == 7:
            raise FailedError(400)  # taken; and the create rule is n != 7
        return _WRITE[name](state, record_id, _changed(_ZERO[name], body))
    if record_id not in rows:
        raise FailedError(404)
    row = rows[record_id]
    if method == "DELETE":
        if row.get("title") == "keep":
            raise FailedError(404)
        if name == "nodes":
            _delete_node(state, record_id)
        else:
            del rows[record_id]
        return None
    new = _changed(row, body)
    touches_n = any(key in body for key in ("n", "n+"))
    if name == "nodes" and (row["n"] == 5 or (touches_n and new["n"] == 6)):
        raise FailedError(404)
    return _WRITE[name](state, record_id, new)


# --- The requests -------------------------------------------------------------------------------

_nodes, _leaves = st.sampled_from(IDS), st.sampled_from(LEAVES)
_titles, _numbers = st.sampled_from(TITLES), st.integers(0, 10)
_node_body = st.fixed_dictionaries({}, optional={"title": _titles, "n": _numbers})
_node_change = _node_body | st.builds(lambda n: {"n+": n}, _numbers)
_leaf_body = st.fixed_dictionaries(
    {}, optional={"up": _nodes | st.just(""), "also": st.lists(_nodes, unique=True, max_size=3)}
)
_leaf_change = _leaf_body | st.builds(lambda ids: {"also+": ids}, st.lists(_nodes, unique=True))
_requests = st.one_of(
    st.builds(lambda one, title, n: creating("nodes", id=one, title=title, n=n),
              _nodes, _titles, _numbers),
    st.builds(lambda one, body: changing("nodes", one, **body), _nodes, _node_change),
    st.builds(lambda one, body: upserting("nodes", id=one, **body), _nodes, _node_body),
    st.builds(lambda one: deleting("nodes", one), _nodes),
    st.builds(lambda one, body: creating("leaves", id=one, **body), _leaves, _leaf_body),
    st.builds(lambda one, body: changing("leaves", one, **body), _leaves, _leaf_change),
    st.builds(lambda one, body: upserting("leaves", id=one, **body), _leaves, _leaf_body),
    st.builds(lambda one: deleting("leaves", one), _leaves),
)  # fmt: skip


SEED = [
    creating("nodes", id=IDS[0], title="a", n=1),
    creating("nodes", id=IDS[1], title="b", n=5),
    creating("nodes", id=IDS[2], title="keep"),
    creating("leaves", id=LEAVES[0], up=IDS[0], also=[IDS[1], IDS[0]]),
    creating("leaves", id=LEAVES[1], up=IDS[1], also=[IDS[2]]),
]


@pytest.fixture(scope="module", autouse=True)
def _collections(cluster: ClusterProcess) -> None:
    nodes = cluster.collection(
        "nodes",
        [
            {"name": "title", "type": "text", "required": True},
            {"name": "n", "type": "number", "max": 9},
        ],
        indexes=["CREATE UNIQUE INDEX one_title ON nodes (title)"],
        createRule="n != 7",
        updateRule="n != 5 && (@request.body.n:isset = false || @request.body.n != 6)",
        deleteRule="title != 'keep'",
    )
    to_node = {"type": "relation", "collectionId": nodes["id"]}
    cluster.collection(
        "leaves",
        [
            {"name": "up", **to_node, "maxSelect": 1, "cascadeDelete": True},
            {"name": "also", **to_node, "maxSelect": 9},
        ],
    )


def _held(client: httpx.Client) -> State:
    state: State = {}
    for name, zero in _ZERO.items():
        items = client.get(path(name), params={"perPage": 100}).json()["items"]
        state[name] = {item["id"]: {key: item[key] for key in zero} for item in items}
    return state


def _apply_all(
    state: State, requests: list[Request], answers: list[dict[str, Any] | None]
) -> int | None:
    """Add an answer for each request up to the first that fails; the status of that one."""
    for request in requests:
        try:
            answers.append(apply(state, request))
        except FailedError as failed:
            return failed.status
    return None


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(_requests, min_size=1, max_size=8), min_size=1, max_size=4))
def test_a_batch_does_what_its_requests_do(
    guest: httpx.Client, superuser: httpx.Client, batches: list[list[Request]]
) -> None:
    """Or nothing at all, and says which of them is to blame."""
    for name in ("leaves", "nodes"):
        for item in superuser.get(path(name), params={"perPage": 100}).json()["items"]:
            superuser.delete(path(name, item["id"]))
    state: State = {"nodes": {}, "leaves": {}}
    for requests in [SEED, *batches]:
        trial = deepcopy(state)
        answers: list[dict[str, Any] | None] = []
        reply = send(guest, *requests)
        status = _apply_all(trial, requests, answers)
        if status is not None:
            index, response = failure(reply)
            assert (index, response["status"]) == (len(answers), status), response
        else:
            assert reply.status_code == 200, reply.text
            told = [answer["body"] for answer in reply.json()]
            shown = [
                one and {key: one[key] for key in answer or {}}
                for one, answer in zip(told, answers, strict=True)
            ]
            assert shown == answers
            state = trial
        assert _held(superuser) == state

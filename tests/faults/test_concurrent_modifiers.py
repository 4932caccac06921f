"""Additions are the writer's arithmetic, so none is lost however many workers send them."""

from __future__ import annotations

from typing import Any

from tests.cluster_process import ClusterProcess
from tests.hostile.both_workers import send_all, statuses

FIELDS: list[dict[str, Any]] = [
    {"name": "n", "type": "number"},
    {"name": "left", "type": "number", "min": 0},
    {"name": "tags", "type": "select", "values": [f"v{n}" for n in range(40)], "maxSelect": 40},
]


def _counter(cluster: ClusterProcess, name: str, left: int = 0) -> str:
    cluster.collection(name, FIELDS)
    path = f"/api/collections/{name}/records"
    made = cluster.client().post(path, json={"left": left})
    assert made.status_code == 200, made.text
    return f"{path}/{made.json()['id']}"


def test_two_hundred_additions_over_two_workers_all_count(cluster: ClusterProcess) -> None:
    """Each is answered 200 with a number of its own, and the end is 200."""
    one = _counter(cluster, "counters")
    answers = send_all(cluster.url, [("PATCH", one, {"n+": 1})] * 200)
    assert statuses(answers) == {200: 200}
    assert sorted(answer.json()["n"] for answer in answers) == list(range(1, 201))
    assert cluster.client().get(one).json()["n"] == 200


def test_no_more_is_taken_than_there_is(cluster: ClusterProcess) -> None:
    """Of 60 that take one of 25, 25 may, and the others are told the field's bound."""
    one = _counter(cluster, "stocks", left=25)
    answers = send_all(cluster.url, [("PATCH", one, {"left-": 1})] * 60)
    assert statuses(answers) == {200: 25, 400: 35}
    codes = {answer.json()["data"]["left"]["code"] for answer in answers if answer.status == 400}
    assert codes == {"validation_min_number_constraint"}
    assert cluster.client().get(one).json()["left"] == 0


def test_items_added_at_once_are_all_there(cluster: ClusterProcess) -> None:
    """Forty values appended by forty requests, each once."""
    one = _counter(cluster, "labels")
    answers = send_all(cluster.url, [("PATCH", one, {"tags+": f"v{n}"}) for n in range(40)])
    assert statuses(answers) == {200: 40}
    tags = cluster.client().get(one).json()["tags"]
    assert sorted(tags) == sorted(f"v{n}" for n in range(40))

"""Modifiers of many clients at once, on two workers: none is lost, and bounds hold to the last."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.hostile.both_workers import send_all, statuses
from tests.load import Answer

FIELDS: list[dict[str, Any]] = [
    {"name": "n", "type": "number"},
    {"name": "stock", "type": "number", "min": 1, "onlyInt": True},
    {"name": "tags", "type": "select", "maxSelect": 60, "values": [f"t{n}" for n in range(60)]},
    {"name": "few", "type": "select", "maxSelect": 3, "values": [f"t{n}" for n in range(60)]},
]


@pytest.fixture(scope="module", autouse=True)
def _counted(cluster: ClusterProcess) -> None:
    cluster.collection("counted", FIELDS)


def _patch_all(
    cluster: ClusterProcess, path: str, bodies: list[dict[str, Any]]
) -> tuple[Counter[int], list[Answer]]:
    """Send all bodies at once, on connections that the kernel spreads over the workers."""
    answers = send_all(cluster.url, [("PATCH", path, body) for body in bodies])
    return statuses(answers), answers


def _make(client: httpx.Client, **values: Any) -> str:
    made = client.post("/api/collections/counted/records", json=values)
    assert made.status_code == 200, made.text
    return f"/api/collections/counted/records/{made.json()['id']}"


def test_200_increments_end_at_200(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Each is applied to what the ones before it left, and answered with a number of its own."""
    path = _make(guest)
    counted, answers = _patch_all(cluster, path, [{"n+": 1}] * 200)
    assert counted == {200: 200}
    assert sorted(answer.json()["n"] for answer in answers) == list(range(1, 201))
    assert guest.get(path).json()["n"] == 200
    assert _patch_all(cluster, path, [{"n-": 0.5}] * 100)[0] == {200: 100}
    assert guest.get(path).json()["n"] == 150


def test_a_bound_is_kept_by_the_last_one(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """20 in stock, 50 buyers: the value never goes below its least, nor does anyone get too much.

    0 is the empty value, which bounds do not see, so it is jumped over here.
    """
    path = _make(guest, stock=41)
    counted, answers = _patch_all(cluster, path, [{"stock-": 2}] * 50)
    assert counted == {200: 20, 400: 30}
    codes = {answer.json()["data"]["stock"]["code"] for answer in answers if answer.status == 400}
    assert codes == {"validation_min_number_constraint"}
    assert guest.get(path).json()["stock"] == 1
    refused = guest.patch(path, json={"stock-": 2})
    assert refused.json()["data"]["stock"] == {
        "code": "validation_min_number_constraint",
        "message": "Must be at least 1.",
        "params": {"min": 1},
    }


def test_lists_grow_by_what_everyone_adds(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """60 clients add a value each, then half of them are taken out; three fit where three may."""
    path = _make(guest)
    added = [{"tags+": f"t{n}", "few+": []} for n in range(60)]
    assert _patch_all(cluster, path, added)[0] == {200: 60}
    assert sorted(guest.get(path).json()["tags"]) == sorted(f"t{n}" for n in range(60))
    assert _patch_all(cluster, path, [{"tags-": f"t{n}"} for n in range(30)])[0] == {200: 30}
    assert len(guest.get(path).json()["tags"]) == 30
    assert _patch_all(cluster, path, [{"few+": f"t{n}"} for n in range(9)])[0] == {200: 3, 400: 6}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"n+": 1e308, "n-": -1.7e308}, "validation_not_a_number"),
        ({"stock+": 0.5}, "validation_only_int_constraint"),
        ({"tags+": "t99"}, "validation_invalid_value"),
        ({"few+": ["t0", "t1", "t2", "t3"]}, "validation_too_many_values"),
        ({"n+": {"a": 1}}, "validation_invalid_value"),
    ],
)
def test_what_a_modifier_may_not_do(body: dict[str, Any], code: str, guest: httpx.Client) -> None:
    """The code of the field's own check, and nothing is changed."""
    path = _make(guest, n=1, stock=1)
    before = guest.get(path).json()
    refused = guest.patch(path, json=body)
    assert refused.status_code == 400, refused.text
    assert [one["code"] for one in refused.json()["data"].values()] == [code]
    assert guest.get(path).json() == before

"""A reference that is made while its target goes never dangles, from whichever worker it comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.load import Answer, Connection

ROUNDS = 60
PAPERS = "/api/collections/papers/records"
PEOPLE = "/api/collections/people/records"


@pytest.fixture(scope="module")
def papers(cluster: ClusterProcess) -> list[str]:
    """People; papers that refer to them by one value and by a list; ids of two papers that stay."""
    people = cluster.collection("people", [{"name": "name", "type": "text"}])
    one = {"type": "relation", "collectionId": people["id"]}
    fields = [
        {"name": "author", **one, "cascadeDelete": True},
        {"name": "editor", **one},
        {"name": "readers", **one, "maxSelect": 99},
    ]
    cluster.collection("papers", fields)
    with httpx.Client(base_url=cluster.url) as client:
        return [client.post(PAPERS, json={}).json()["id"] for _ in range(2)]


async def _round(url: str, person: str, papers: list[str], seen: Counter[str]) -> None:
    """Six writers refer to a person while a seventh deletes it, each over a new connection."""
    listed, single = papers
    both: dict[str, Any] = {"editor": person, "readers": [person]}
    attempts = [
        ("create", "POST", PAPERS, {"author": person}),
        ("create", "POST", PAPERS, {"author": person, **both}),
        ("create", "POST", PAPERS, both),
        ("delete", "DELETE", f"{PEOPLE}/{person}", None),
        ("update", "PATCH", f"{PAPERS}/{listed}", {"readers": [person]}),
        ("update", "PATCH", f"{PAPERS}/{single}", {"editor": person}),
        ("create", "POST", PAPERS, {"readers": [person]}),
    ]
    connections = [Connection(url, keep_alive=False) for _ in attempts]
    answers: list[Answer] = await asyncio.gather(
        *(
            connection.request(method, path, body)
            for connection, (_, method, path, body) in zip(connections, attempts, strict=True)
        )
    )
    for (name, *_), answer in zip(attempts, answers, strict=True):
        assert answer.status in (200, 204, 400), answer.body
        if answer.status == 400:
            assert b"validation_missing_rel_records" in answer.body
        seen[f"{name} {answer.status}"] += 1


def _dangling(client: httpx.Client) -> list[dict[str, Any]]:
    people = {one["id"] for one in _all(client, PEOPLE)}
    return [
        paper
        for paper in _all(client, PAPERS)
        if not {paper["author"], paper["editor"], *paper["readers"]} - {""} <= people
    ]


def _all(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while items := client.get(path, params={"perPage": 500, "page": page}).json()["items"]:
        found += items
        page += 1
    return found


def test_no_reference_outlives_its_target(cluster: ClusterProcess, papers: list[str]) -> None:
    """Creates and updates that win are settled by the delete; those that lose are refused."""
    seen: Counter[str] = Counter()

    async def rounds(ids: list[str]) -> None:
        for person in ids:
            await _round(cluster.url, person, papers, seen)

    with httpx.Client(base_url=cluster.url) as client:
        ids = [client.post(PEOPLE, json={}).json()["id"] for _ in range(ROUNDS)]
        asyncio.run(rounds(ids))
        assert seen["delete 204"] == ROUNDS
        assert not _all(client, PEOPLE)
        assert not _dangling(client)
    for attempt in ("create", "update"):
        assert seen[f"{attempt} 200"], f"no race: {seen}"
        assert seen[f"{attempt} 400"], f"no race: {seen}"

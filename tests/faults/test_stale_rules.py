"""After a change of rules, fields or superusers was answered, no request is judged by the old one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.load import Answer, Connection
from tests.waiting import until

REQUESTS = 1000
CONNECTIONS = 20
TEXT = {"name": "state", "type": "text"}


async def _spread(
    url: str, method: str, path: str, body: Any = None, token: str = "", times: int = REQUESTS
) -> list[Answer]:
    """The same request many times over many connections, so over all workers."""
    headers = {"Authorization": token} if token else {}

    async def lane() -> list[Answer]:
        connection = Connection(url, headers=headers)
        answers = [
            await connection.request(method, path, body) for _ in range(times // CONNECTIONS)
        ]
        await connection.close()
        return answers

    lanes = await asyncio.gather(*(lane() for _ in range(CONNECTIONS)))
    return [answer for answers in lanes for answer in answers]


def _statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def _workers_that_answer(url: str) -> set[int]:
    answers = asyncio.run(_spread(url, "GET", "/_/health", times=200))
    return {answer.json()["slot"] for answer in answers}


def test_connections_spread_over_both_workers(cluster: ClusterProcess) -> None:
    """What the tests below rely on: twenty connections reach every worker."""
    assert _workers_that_answer(cluster.url) == {0, 1}


def test_a_locked_rule_locks_all_workers_at_once(cluster: ClusterProcess) -> None:
    """Of 1,000 requests after the answer, none is served under the old rule."""
    cluster.collection("open_then_locked", [TEXT])
    path = "/api/collections/open_then_locked/records"
    assert _statuses(asyncio.run(_spread(cluster.url, "GET", path))) == {200: REQUESTS}
    reply = cluster.client().patch(
        "/api/collections/open_then_locked", json={"listRule": None, "createRule": None}
    )
    assert reply.status_code == 200
    assert _statuses(asyncio.run(_spread(cluster.url, "GET", path))) == {403: REQUESTS}
    assert _statuses(asyncio.run(_spread(cluster.url, "POST", path, {}))) == {403: REQUESTS}


def test_a_new_required_field_is_required_by_all_workers_at_once(cluster: ClusterProcess) -> None:
    """Of 1,000 creates after the answer, none is accepted without the new field."""
    made = cluster.collection("grows", [TEXT])
    path = "/api/collections/grows/records"
    assert _statuses(
        asyncio.run(_spread(cluster.url, "POST", path, {"state": "a"}, times=100))
    ) == {200: 100}
    fields = [*made["fields"], {"name": "owner", "type": "text", "required": True}]
    assert cluster.client().patch("/api/collections/grows", json={"fields": fields}).is_success
    refused = asyncio.run(_spread(cluster.url, "POST", path, {"state": "a"}))
    assert _statuses(refused) == {400: REQUESTS}
    assert {answer.json()["data"]["owner"]["code"] for answer in refused} == {"validation_required"}


def _second_superuser(cluster: ClusterProcess, email: str) -> tuple[str, str]:
    """Make one and log in; returns id and token."""
    secret = "another password"
    made = cluster.client().post(
        "/api/collections/_superusers/records",
        json={"email": email, "password": secret, "passwordConfirm": secret},
    )
    assert made.status_code == 200, made.text
    login = httpx.post(
        f"{cluster.url}/api/collections/_superusers/auth-with-password",
        json={"identity": email, "password": secret},
    )
    assert login.status_code == 200, login.text
    return made.json()["id"], login.json()["token"]


def test_a_deleted_superusers_token_is_dead_at_once(cluster: ClusterProcess) -> None:
    """Of 1,000 requests after the deletion, none is served as a superuser's."""
    identity, token = _second_superuser(cluster, "leaving@example.com")
    warm = asyncio.run(_spread(cluster.url, "GET", "/api/collections", token=token, times=100))
    assert _statuses(warm) == {200: 100}
    path = f"/api/collections/_superusers/records/{identity}"
    assert cluster.client().delete(path).status_code == 204
    answers = asyncio.run(_spread(cluster.url, "GET", "/api/collections", token=token))
    assert _statuses(answers) == {401: REQUESTS}


def test_a_changed_password_kills_old_tokens_at_once(cluster: ClusterProcess) -> None:
    """The same after a change of password."""
    identity, token = _second_superuser(cluster, "changing@example.com")
    warm = asyncio.run(_spread(cluster.url, "GET", "/api/collections", token=token, times=100))
    assert _statuses(warm) == {200: 100}
    fresh = "a third password"
    changed = cluster.client().patch(
        f"/api/collections/_superusers/records/{identity}",
        json={"password": fresh, "passwordConfirm": fresh},
    )
    assert changed.status_code == 200, changed.text
    answers = asyncio.run(_spread(cluster.url, "GET", "/api/collections", token=token))
    assert _statuses(answers) == {401: REQUESTS}


@contextmanager
def _cluster_with(folder: Path, failpoint: str) -> Iterator[ClusterProcess]:
    with ClusterProcess(folder / "depot", env={"QUILL_FAILPOINT": failpoint}) as running:
        yield running


def test_a_writer_killed_between_commit_and_reply_leaves_no_old_rule(tmp_path: Path) -> None:
    """The change is answered by the next writer, and from then on no old rule is applied."""
    trigger = tmp_path / "die"
    with _cluster_with(tmp_path, f"writer.after_commit=kill:{trigger}") as cluster:
        cluster.collection("posts", [TEXT])
        client = cluster.client()
        old = cluster.children()["writer"]
        trigger.touch()
        assert client.patch("/api/collections/posts", json={"listRule": None}).status_code == 200
        assert cluster.children()["writer"] != old
        path = "/api/collections/posts/records"
        assert _statuses(asyncio.run(_spread(cluster.url, "GET", path))) == {403: REQUESTS}


@pytest.mark.parametrize("action", ["list", "view"])
def test_a_request_held_between_admit_and_run_is_judged_by_the_new_rule(
    action: str, tmp_path: Path
) -> None:
    """While one request waits, the rule is tightened and a secret written: the request sees neither."""
    hold = tmp_path / "hold"
    held = tmp_path / "hold.held"
    with _cluster_with(tmp_path, f"worker.before_run=hold:{hold}") as cluster:
        cluster.collection("posts", [TEXT])
        client = cluster.client()
        row = client.post("/api/collections/posts/records", json={"state": "open"}).json()
        path = "/api/collections/posts/records" + (f"/{row['id']}" if action == "view" else "")

        async def scenario() -> Answer:
            hold.touch()
            connection = Connection(cluster.url)
            waiting = asyncio.create_task(connection.request("GET", path))
            await asyncio.to_thread(until, held.exists, what="request held")
            rules = {"listRule": "state = 'open'", "viewRule": "state = 'open'"}
            changed = await asyncio.to_thread(client.patch, "/api/collections/posts", json=rules)
            assert changed.status_code == 200
            written = await asyncio.to_thread(
                client.patch,
                f"/api/collections/posts/records/{row['id']}",
                json={"state": "secret"},
            )
            assert written.status_code == 200
            held.unlink()
            answer = await waiting
            await connection.close()
            return answer

        answer = asyncio.run(scenario())
        assert b"secret" not in answer.body
        if action == "list":
            assert answer.json()["items"] == []
        else:
            assert answer.status == 404


def test_two_hundred_claims_of_a_free_record_have_one_winner(cluster: ClusterProcess) -> None:
    """The update rule is judged inside the transaction: exactly one PATCH answers 200."""
    cluster.collection("seats", [TEXT], updateRule="state = 'free'")
    guest = cluster.client(superuser=False)
    seat = guest.post("/api/collections/seats/records", json={"state": "free"}).json()["id"]
    path = f"/api/collections/seats/records/{seat}"

    async def claim() -> int:
        connection = Connection(cluster.url)
        answer = await connection.request("PATCH", path, {"state": "taken"})
        await connection.close()
        return answer.status

    async def all_claims() -> list[int]:
        return await asyncio.gather(*(claim() for _ in range(200)))

    assert Counter(asyncio.run(all_claims())) == {200: 1, 404: 199}

"""Batches, races and logins of many at once: nobody's write is lost, doubled or answered with 500."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx

from tests.cluster_process import ClusterProcess
from tests.hostile.both_workers import TIMES, ask_all, send_all, statuses
from tests.hostile.shape import assert_error
from tests.load import Answer

TITLE: dict[str, Any] = {"name": "title", "type": "text", "required": True}
PASSWORD = "a password of some length"
Creates = list[dict[str, Any]]


def _post(collection: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"method": "POST", "url": f"/api/collections/{collection}/records", "body": body}


def _batch(requests: Creates) -> tuple[str, str, Any]:
    return "POST", "/api/batch", {"requests": requests}


def _user(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "passwordConfirm": PASSWORD,
    }


def _total(client: httpx.Client, collection: str, text: str = "") -> int:
    path = f"/api/collections/{collection}/records"
    reply = client.get(path, params={"filter": text, "perPage": 1})
    assert reply.status_code == 200, reply.text
    total: int = reply.json()["totalItems"]
    return total


def test_parallel_batches_with_passwords_all_succeed(cluster: ClusterProcess) -> None:
    """Eight at once, each of two users whose passwords are hashed meanwhile."""
    cluster.collection("people", [], type="auth")
    batches = [
        _batch([_post("people", _user(f"p{number}-{each}")) for each in range(2)])
        for number in range(8)
    ]
    answers = send_all(cluster.url, batches)
    assert statuses(answers) == {200: 8}, [answer.body for answer in answers]
    assert _total(cluster.client(), "people") == 16
    login = {"identity": "p7-1@example.com", "password": PASSWORD}
    path = "/api/collections/people/auth-with-password"
    assert cluster.client(superuser=False).post(path, json=login).status_code == 200


def test_a_create_beside_failing_batches_is_kept(cluster: ClusterProcess) -> None:
    """What answered 200 is there; of the batches nothing is, though their first requests were good."""
    cluster.collection("ledger", [TITLE])
    path = "/api/collections/ledger/records"
    requests: list[tuple[str, str, Any]] = []
    for number in range(40):
        good = [_post("ledger", {"title": f"batch {number} {each}"}) for each in range(3)]
        requests.append(_batch([*good, _post("ledger", {"title": ""})]))
        requests.append(("POST", path, {"title": f"plain {number}"}))
    answers = send_all(cluster.url, requests)
    batches, creates = answers[0::2], answers[1::2]
    assert statuses(batches) == {400: 40}, batches[0].body
    assert statuses(creates) == {200: 40}, creates[0].body
    for answer in batches:
        failed = answer.json()["data"]["requests"]
        assert list(failed) == ["3"]
        assert failed["3"]["code"] == "batch_request_failed"
        assert failed["3"]["response"]["data"]["title"]["code"] == "validation_required"
    client = cluster.client()
    assert _total(client, "ledger", "title ~ 'batch'") == 0
    for answer in creates:
        assert client.get(f"{path}/{answer.json()['id']}").status_code == 200
    assert _total(client, "ledger") == 40


def test_batches_and_creates_over_one_unique_value_have_one_winner(
    cluster: ClusterProcess,
) -> None:
    """All others are told 400 with the field's code, whichever door they came through."""
    index = "CREATE UNIQUE INDEX `names_title` ON `names` (`title`)"
    cluster.collection("names", [TITLE], indexes=[index])
    path = "/api/collections/names/records"
    plain: tuple[str, str, Any] = ("POST", path, {"title": "wanted"})
    batch = _batch([_post("names", {"title": "wanted"})])
    answers = send_all(cluster.url, [plain, batch] * 25)
    assert Counter(statuses(answers)) == {200: 1, 400: 49}
    for answer in answers:
        if answer.status == 400:
            assert _code(answer, "title") == "validation_not_unique"
    assert _total(cluster.client(), "names") == 1


def _code(answer: Answer, field: str) -> str:
    data = answer.json()["data"]
    if "requests" in data:
        data = data["requests"]["0"]["response"]["data"]
    code: str = data[field]["code"]
    return code


def test_a_race_for_an_email_has_one_winner(cluster: ClusterProcess) -> None:
    """Twelve sign up with one address; one may, the others are told so, none gets a 500."""
    cluster.collection("members", [], type="auth")
    path = "/api/collections/members/records"
    answers = ask_all(cluster.url, "POST", path, _user("wanted"), times=12)
    assert statuses(answers) == {200: 1, 400: 11}
    codes = {answer.json()["data"]["email"]["code"] for answer in answers if answer.status == 400}
    assert codes == {"validation_not_unique"}


def test_a_batch_is_bounded_and_names_only_records(cluster: ClusterProcess) -> None:
    """More than 50 requests, another route or a nested batch is refused whole."""
    cluster.collection("bounded", [TITLE])
    client = cluster.client()
    good = _post("bounded", {"title": "x"})
    bad: list[Creates] = [
        [good] * 51,
        [good, {"method": "POST", "url": "/api/batch", "body": {"requests": [good]}}],
        [good, {"method": "GET", "url": "/api/collections/bounded/records"}],
        [good, {"method": "DELETE", "url": "/api/collections/bounded"}],
        [good, {"method": "POST", "url": "http://127.0.0.1/api/collections/bounded/records"}],
        [good, {"method": "POST"}],
    ]
    for requests in bad:
        assert_error(client.post("/api/batch", json={"requests": requests}), 400)
    assert _total(client, "bounded") == 0
    assert client.post("/api/batch", json={"requests": [good] * 50}).status_code == 200
    assert _total(client, "bounded") == 50


def test_a_batch_asks_every_rule(cluster: ClusterProcess) -> None:
    """A guest's batch with one request that the rule refuses leaves nothing."""
    cluster.collection("open", [TITLE])
    cluster.collection("shut", [TITLE], createRule=None)
    guest = cluster.client(superuser=False)
    requests = [_post("open", {"title": "a"}), _post("shut", {"title": "b"})]
    reply = guest.post("/api/batch", json={"requests": requests})
    assert_error(reply, 400)
    assert reply.json()["data"]["requests"]["1"]["response"]["status"] == 403
    smuggled = {**requests[1], "headers": {"Authorization": cluster.superuser_token()}}
    assert_error(guest.post("/api/batch", json={"requests": [smuggled]}), 400)
    assert _total(cluster.client(), "open") == _total(cluster.client(), "shut") == 0


def test_two_changes_within_a_second_are_two_versions(cluster: ClusterProcess) -> None:
    """`If-Match` tells them apart: of five writers that read the same version one may write."""
    cluster.collection("pages", [TITLE])
    guest = cluster.client(superuser=False)
    path = "/api/collections/pages/records"
    one = f"{path}/{guest.post(path, json={'title': 'first'}).json()['id']}"
    tags = []
    for number in range(3):
        tags.append(guest.get(one).headers["etag"])
        assert guest.patch(one, json={"title": f"title {number}"}).status_code == 200
    assert len(set(tags)) == 3
    stale = guest.patch(one, json={"title": "late"}, headers={"If-Match": tags[-1]})
    assert_error(stale, 412)
    current = {"If-Match": guest.get(one).headers["etag"]}
    answers = [guest.patch(one, json={"title": f"w{n}"}, headers=current) for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 412, 412, 412, 412]


def test_guessing_a_users_password_is_locked_on_all_workers(cluster: ClusterProcess) -> None:
    """After ten failures the right password is not even looked at, wherever it is tried."""
    cluster.collection("guarded", [], type="auth")
    user = _user("victim")
    guest = cluster.client(superuser=False)
    assert guest.post("/api/collections/guarded/records", json=user).status_code == 200
    path = "/api/collections/guarded/auth-with-password"
    wrong = {"identity": user["email"], "password": "not the password"}
    for _ in range(10):
        assert_error(guest.post(path, json=wrong), 400, 429)
    right = {"identity": user["email"], "password": PASSWORD}
    assert statuses(ask_all(cluster.url, "POST", path, right, times=20)) == {429: 20}


def test_a_users_token_ends_with_the_password(cluster: ClusterProcess) -> None:
    """Each of 80 requests with the old token is a guest's, on every worker."""
    rule = "@request.auth.id != ''"
    cluster.collection("tellers", [], type="auth", listRule=rule)
    guest, path = cluster.client(superuser=False), "/api/collections/tellers"
    made = guest.post(f"{path}/records", json=_user("teller")).json()
    login = {"identity": "teller@example.com", "password": PASSWORD}
    token = guest.post(f"{path}/auth-with-password", json=login).json()["token"]
    own = [answer.json()["totalItems"] for answer in ask_all(
        cluster.url, "GET", f"{path}/records", token=token)]  # fmt: skip
    assert own == [1] * TIMES
    fresh = {"password": "another password", "passwordConfirm": "another password"}
    assert cluster.client().patch(f"{path}/records/{made['id']}", json=fresh).status_code == 200
    after = ask_all(cluster.url, "GET", f"{path}/records", token=token)
    assert [answer.json()["totalItems"] for answer in after] == [0] * TIMES
    assert statuses(ask_all(cluster.url, "POST", f"{path}/auth-refresh", token=token)) == {
        401: TIMES
    }

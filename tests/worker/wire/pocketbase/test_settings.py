"""`/api/settings` on a real cluster: one set of settings, in the file, in force and in the answers.

Tests `worker.wire.pocketbase.settings`, `worker.settings.change`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from pocketbase import PocketBase

from shared.config.load import load
from shared.limits import BODY_BYTES_SETTING_MIN, CONFIG_BYTES_MAX
from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess
from tests.hostile.both_workers import ask_all
from tests.waiting import until

SETTINGS = "/api/settings"
HOLD = "hold"
SECRET = "hunter2-of-the-mail-server"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster of two workers with one setting from its environment."""
    folder = tmp_path_factory.mktemp("settings")
    hold = f"worker.settings_written=hold:{folder / HOLD}"
    env = {"QUILL_LOGS_MIN_LEVEL": "4", "QUILL_FAILPOINT": hold}
    with ClusterProcess(folder / "depot", env=env) as running:
        yield running


def change(client: httpx.Client, body: Any, status: int = 200) -> dict[str, Any]:
    reply = client.patch(SETTINGS, json=body)
    assert reply.status_code == status, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def loaded(cluster: ClusterProcess) -> Any:
    """What the depot's files say."""
    config = (cluster.depot / "config.textproto").read_bytes()
    secrets = cluster.depot / "secrets/secrets.textproto"
    return load(config, secrets.read_bytes() if secrets.exists() else b"", {}).config


def test_superusers_only(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A guest is asked who he is, at every call."""
    for method, path in (
        ("GET", SETTINGS),
        ("PATCH", SETTINGS),
        ("POST", f"{SETTINGS}/test/s3"),
        ("POST", f"{SETTINGS}/test/email"),
        ("POST", f"{SETTINGS}/apple/generate-client-secret"),
    ):
        assert guest.request(method, path, json={}).status_code == 401
    user = cluster.client()
    users = user.post(
        "/api/collections/users/records",
        json={"email": "a@example.com", "password": "1234567890", "passwordConfirm": "1234567890"},
    )
    assert users.status_code == 200, users.text
    login = guest.post(
        "/api/collections/users/auth-with-password",
        json={"identity": "a@example.com", "password": "1234567890"},
    )
    headers = {"Authorization": login.json()["token"]}
    assert guest.get(SETTINGS, headers=headers).status_code == 403


def test_a_change_is_in_the_file_and_on_every_worker(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Answered with all settings, cut by fields; at once everywhere; the file says the same."""
    answer = change(superuser, {"meta": {"appName": "Ours", "appURL": "https://ours.example"}})
    assert answer["meta"]["appName"] == "Ours"
    assert set(answer) == {
        "smtp", "backups", "s3", "meta", "rateLimits", "trustedProxy", "batch", "logs",
        "superuserIPs",
    }  # fmt: skip
    assert loaded(cluster).server.application_name == "Ours"
    for number in range(3):
        change(superuser, {"meta": {"appName": f"Name {number}"}})
        replies = ask_all(cluster.url, "GET", SETTINGS, token=cluster.superuser_token(), times=20)
        names = {orjson.loads(reply.body)["meta"]["appName"] for reply in replies}
        assert names == {f"Name {number}"}
    reply = superuser.get(SETTINGS, params={"fields": "meta.appName"})
    assert reply.json() == {"meta": {"appName": "Name 2"}}
    assert "quill-settings-problem" not in reply.headers


def test_what_only_the_file_says_stays(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """A bucket in a switched-off storage stays switched off; other groups are not touched."""
    change(superuser, {"s3": {"bucket": "files"}, "smtp": {"tls": True, "authMethod": "LOGIN"}})
    config = loaded(cluster)
    assert (
        config.server.s3_storage_config.bucket_name,
        config.server.s3_storage_config.in_use,
    ) == ("files", False)
    answer = change(superuser, {"smtp": {"authMethod": ""}})
    assert (answer["smtp"]["tls"], answer["smtp"]["authMethod"]) == (True, "")
    before = (cluster.depot / "config.textproto").stat()
    assert change(superuser, answer) == answer
    assert (cluster.depot / "config.textproto").stat() == before, "nothing new, nothing written"


def test_a_secret_is_nowhere_but_in_its_file(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Not in answers, the settings' file, the database with its log, or any log line."""
    answer = change(superuser, {"smtp": {"password": SECRET, "host": "mx"}})
    assert "password" not in answer["smtp"]
    assert loaded(cluster).email.smtp_password == SECRET
    change(superuser, {"meta": {"appName": "After"}})
    holders = {
        path.name
        for path in cluster.depot.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    }
    assert holders == {"secrets.textproto"}
    assert SECRET not in superuser.get(SETTINGS).text + "".join(cluster.log)
    change(superuser, {"smtp": {"password": ""}})
    assert loaded(cluster).email.smtp_password == ""
    assert SECRET.encode() not in (cluster.depot / "secrets/secrets.textproto").read_bytes()


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"meta": {"appName": ""}}, {"meta": {"appName": "validation_required"}}),
        ({"meta": {"appURL": "nowhere"}}, {"meta": {"appURL": "validation_is_url"}}),
        ({"meta": 5, "smtp": {"port": "x"}}, {"meta": "validation_invalid_value", "smtp": {"port": "validation_invalid_value"}}),
        ({"smtp": {"password": 5}}, {"smtp": {"password": "validation_invalid_value"}}),
        ({"batch": {"maxRequests": 0}}, {"batch": {"maxRequests": "validation_min_greater_equal_than_required"}}),
        ({"superuserIPs": ["1.1.1.1", "x"]}, {"superuserIPs": {"1": "validation_invalid_ip"}}),
        ({"rateLimits": {"rules": [{"label": "/a", "audience": "x"}]}}, {"rateLimits": {"rules": {"0": {"audience": "validation_in_invalid"}}}}),
        ({"rateLimits": {"rules": ["x"]}}, {"rateLimits": {"rules": "validation_invalid_value"}}),
        ({"smtp": {"enabled": True, "host": ""}}, {"smtp": {"host": "validation_required"}}),
        ({"logs": {"minLevel": 8}}, {"logs": {"minLevel": "validation_set_by_environment"}}),
        ({"logs": {"maxDays": 2**62}}, {"logs": {"maxDays": "validation_invalid_value"}}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_key(
    cluster: ClusterProcess, superuser: httpx.Client, body: Any, problems: Any
) -> None:
    """400 in the dialect's shape, nested like the settings; nothing is written."""
    before = (cluster.depot / "config.textproto").read_bytes()

    def codes(data: Any) -> Any:
        return data["code"] if "code" in data else {key: codes(each) for key, each in data.items()}

    answer = change(superuser, body, 400)
    assert (answer["status"], codes(answer["data"])) == (400, problems)
    assert (cluster.depot / "config.textproto").read_bytes() == before


def test_what_has_no_feature_yet_cannot_be_tested(superuser: httpx.Client) -> None:
    """400 that says so."""
    for path in ("test/s3", "test/email", "apple/generate-client-secret"):
        reply = superuser.post(f"{SETTINGS}/{path}", json={"filesystem": "storage"})
        assert (reply.status_code, reply.json()["data"]) == (400, {})
        assert "not supported yet" in reply.json()["message"]


def test_changes_at_once_all_hold(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """Eight clients change a setting each, ten times, over connections to both workers."""
    keys = [
        ("meta", "appName"), ("meta", "senderName"), ("smtp", "host"), ("smtp", "username"),
        ("smtp", "localName"), ("s3", "region"), ("s3", "endpoint"), ("backups", "cron"),
    ]  # fmt: skip
    token, statuses = cluster.superuser_token(), []

    def write(group: str, key: str) -> None:
        for number in range(4):
            reply = httpx.patch(
                f"{cluster.url}{SETTINGS}",
                json={group: {key: f"{key} {number}"}},
                headers={"Authorization": token},
                timeout=30,
            )
            statuses.append(reply.status_code)

    threads = [threading.Thread(target=write, args=pair) for pair in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    answer = superuser.get(SETTINGS).json()
    assert [answer[group][key] for group, key in keys] == [f"{key} 3" for _, key in keys]
    assert loaded(cluster).email.smtp_username == "username 3"
    restored = {"smtp": {"host": "", "username": "", "localName": ""}, "backups": {"cron": ""}}
    change(superuser, restored)


def test_batches_do_as_the_settings_say(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """Off, fewer requests, a smaller body; bodies of all requests, too."""
    cluster.collection("notes", [{"name": "text", "type": "text", "max": 100_000}])
    create = {"method": "POST", "url": "/api/collections/notes/records", "body": {"text": "x"}}
    change(superuser, {"batch": {"maxRequests": 2, "maxBodySize": BODY_BYTES_SETTING_MIN}})
    assert superuser.post("/api/batch", json={"requests": [create] * 2}).status_code == 200
    many = superuser.post("/api/batch", json={"requests": [create] * 3})
    assert many.json()["data"]["requests"]["params"] == {"max": 2, "min": 0}
    large = {**create, "body": {"text": "x" * BODY_BYTES_SETTING_MIN}}
    assert superuser.post("/api/batch", json={"requests": [large]}).status_code == 413
    records = "/api/collections/notes/records"
    assert superuser.post(records, json=large["body"]).status_code == 200
    change(superuser, {"batch": {"enabled": False}})
    assert superuser.post("/api/batch", json={"requests": [create]}).status_code == 403
    change(superuser, {"batch": {"enabled": True, "maxRequests": 50, "maxBodySize": 0}})


def test_an_sdk_reads_and_changes_settings(cluster: ClusterProcess) -> None:
    """Python's SDK: all, and a change."""
    client = PocketBase(cluster.url)
    client.collection("_superusers").auth_with_password(EMAIL, PASSWORD)
    client.settings.update({"meta": {"appName": "By SDK"}})
    assert client.settings.get_all()["meta"]["appName"] == "By SDK"
    client.http_client.close()


def test_a_bad_file_is_mended_first(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """A change over a file that cannot be read is 400 with the reason; the file stays as it is."""
    before = superuser.get(SETTINGS).json()
    config = cluster.depot / "config.textproto"
    text = config.read_bytes()
    config.write_bytes(b"server { nonsense: 1 }")
    answer = change(superuser, {"meta": {"appName": "Never"}}, 400)
    assert "config.textproto:1:10" in answer["message"]
    assert config.read_bytes() == b"server { nonsense: 1 }"
    config.write_bytes(text)
    assert superuser.get(SETTINGS).json() == before


def test_a_refused_plan_puts_the_files_back(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Who is no superuser any more when his plan arrives: 401, and both files as before."""
    body = {"email": "second@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    records = "/api/collections/_superusers/records"
    second = superuser.post(records, json=body).json()["id"]
    login = {"identity": body["email"], "password": PASSWORD}
    reply = superuser.post("/api/collections/_superusers/auth-with-password", json=login)
    headers = {"Authorization": reply.json()["token"]}
    files = [cluster.depot / "config.textproto", cluster.depot / "secrets/secrets.textproto"]
    before = [path.read_bytes() for path in files]
    hold = cluster.depot.parent / HOLD
    held = hold.with_name(f"{HOLD}.held")
    hold.touch()
    replies: list[httpx.Response] = []

    def patch() -> None:
        change = {"meta": {"appName": "Never"}, "smtp": {"password": "never", "host": "never"}}
        url = f"{cluster.url}{SETTINGS}"
        replies.append(httpx.patch(url, json=change, headers=headers, timeout=30))

    thread = threading.Thread(target=patch)
    thread.start()
    until(held.exists, what="the files written")
    assert b"Never" in files[0].read_bytes()
    assert superuser.delete(f"{records}/{second}").status_code == 204
    held.unlink()
    thread.join()
    assert replies[0].status_code == 401, replies[0].text
    assert [path.read_bytes() for path in files] == before
    assert "Never" not in superuser.get(SETTINGS).text


def test_more_than_a_file_may_hold_is_refused(cluster: ClusterProcess) -> None:
    """Before it is written: nobody could read it back."""
    client = cluster.client()
    before = (cluster.depot / "config.textproto").read_bytes()
    headers = ["h" * 100] * (CONFIG_BYTES_MAX // 100)
    answer = change(client, {"trustedProxy": {"headers": headers}}, 400)
    assert "larger than" in answer["message"]
    assert (cluster.depot / "config.textproto").read_bytes() == before

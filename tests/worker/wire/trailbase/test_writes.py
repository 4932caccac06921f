"""Writes in TrailBase's words: content types, forms, where a browser is led, transactions.

Also tests `worker.wire.trailbase.body`, `worker.wire.trailbase.transaction`,
`worker.apis.transaction`, `worker.http.json_body`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.waiting import until
from tests.worker.apis.writing import CONFIG, EXECUTE, RECORDS, write_depot

URLENCODED = "application/x-www-form-urlencoded"
THING = f"{RECORDS}/thing"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One over the depot that was written by hand."""
    depot = tmp_path_factory.mktemp("writes") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        yield running


def read(guest: httpx.Client, reply: httpx.Response, api: str = "thing") -> dict[str, Any]:
    """The one record that was made."""
    assert reply.status_code == 200, reply.text
    (made,) = reply.json()["ids"]
    found: dict[str, Any] = guest.get(f"{RECORDS}/{api}/{made}").json()
    return found


def told(reply: httpx.Response) -> tuple[int, str]:
    """Status and text of an answer."""
    return reply.status_code, reply.text


# --- Bodies -------------------------------------------------------------------------------------


def test_a_form_spells_numbers(guest: httpx.Client) -> None:
    """Texts become what their columns hold; a field that is left empty is NULL, a text is empty."""
    form = {"whole": "42", "real": "1.5", "text": "12", "room": "", "json": '{"a":"b"}'}
    for reply in (
        guest.post(THING, data=form),
        guest.post(THING, data=form, files={"unknown": ("", b"", "text/plain")}),
    ):
        record = read(guest, reply)
        found = {name: record[name] for name in form}
        assert found == {"whole": 42, "real": 1.5, "text": "12", "room": None, "json": {"a": "b"}}
    made = guest.post(THING, data=form).json()["ids"][0]
    assert guest.patch(f"{THING}/{made}", data={"whole": "7"}).status_code == 200
    assert guest.get(f"{THING}/{made}").json()["whole"] == 7


@pytest.mark.parametrize(
    "form", [{"whole": "x"}, {"whole": "1.5"}, {"real": "inf"}, {"text": ["a", "b"]}]
)
def test_a_form_that_spells_none(guest: httpx.Client, form: dict[str, Any]) -> None:
    """Neither is a text with two values."""
    assert guest.post(THING, data=form).status_code == 400


def test_a_form_is_no_larger_than_what_can_be_shown(guest: httpx.Client) -> None:
    """In JSON a control character takes six bytes."""
    for text, status in (("\x01" * 6_000_000, 413), ("a" * 6_000_000, 200)):
        form = {"text": (None, text)}
        assert guest.post(f"{RECORDS}/thing", files=form).status_code == status


def test_a_file_is_not_stored(guest: httpx.Client) -> None:
    """It is said, rather than to keep what is known of it without its bytes."""
    reply = guest.post(THING, files={"file": ("a.txt", b"abc", "text/plain")})
    assert told(reply) == (400, "Invalid value for file: files cannot be stored")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (None, b'{"whole": 1}', 200),
        ("application/json; charset=utf-8", b'{"whole": 1}', 200),
        ("Application/JSON", b'{"whole": 1}', 200),
        ("text/plain", b'{"whole": 1}', 400),
        ("application/json", b"{", 400),
        ("application/json", b"", 400),
        ("application/json", b"1", 400),
        ("application/json", b"[1]", 400),
        ("application/json", b'[[{"whole": 1}]]', 400),
        ("application/json", b'{"text": "\\u0000"}', 400),
        ("application/json", b'{"text": "\xff"}', 400),
        ("application/json", b'{"json": ' + b"[" * 500 + b"]" * 500 + b"}", 400),
        ("application/json", b'{"whole": 99999999999999999999999}', 400),
        ("application/json", b'{"real": 99999999999999999999999}', 200),
        ("multipart/form-data", b"x", 400),
        (URLENCODED, b"text=%FF", 400),
        (URLENCODED, b"text=%00", 400),
    ],
)
def test_the_content_type_decides(
    guest: httpx.Client, kind: str | None, body: bytes, status: int
) -> None:
    """Without one it is JSON; what is wrong is 400 with a text."""
    headers = {} if kind is None else {"Content-Type": kind}
    reply = guest.post(THING, content=body, headers=headers)
    assert reply.status_code == status, reply.text
    assert bool(reply.text)


def test_where_a_browser_is_led(guest: httpx.Client) -> None:
    """To our own pages; anywhere else nothing is written."""
    before = guest.get(THING, params={"count": "true", "limit": 0}).json()["total_count"]
    reply = guest.post(THING, params={"redirect_uri": "/done"}, data={"text": "a"})
    assert (reply.status_code, reply.headers["location"], reply.text) == (303, "/done", "")
    reply = guest.post(THING, data={"text": "a", "redirect_uri": "http://site.example/x"})
    assert (reply.status_code, reply.headers["location"]) == (303, "http://site.example/x")
    for query, form in (("//evil.example", ""), ("http://evil.example", ""), ("", "//evil")):
        reply = guest.post(
            THING, params={"redirect_uri": query}, data={"text": "a", "redirect_uri": form}
        )
        assert told(reply) == (400, "invalid redirect")
    after = guest.get(THING, params={"count": "true", "limit": 0}).json()["total_count"]
    assert after == before + 2


# --- Transactions -------------------------------------------------------------------------------


def execute(client: httpx.Client, *operations: Any, atomic: bool | None = True) -> httpx.Response:
    """A transaction."""
    more = {} if atomic is None else {"transaction": atomic}
    return client.post(EXECUTE, json={"operations": list(operations), **more})


def create(api: str, **value: Any) -> dict[str, Any]:
    """An operation that creates."""
    return {"Create": {"api_name": api, "value": value}}


def update(api: str, record_id: str | int, **value: Any) -> dict[str, Any]:
    """An operation that updates."""
    return {"Update": {"api_name": api, "record_id": record_id, "value": value}}


def delete(api: str, record_id: str | int) -> dict[str, Any]:
    """An operation that deletes."""
    return {"Delete": {"api_name": api, "record_id": record_id}}


@pytest.mark.parametrize("atomic", [True, False, None])
def test_each_operation_has_its_result(guest: httpx.Client, atomic: bool | None) -> None:
    """In the order that they were asked in, by both names; each sees what went before."""
    name = f"t-{atomic}"
    reply = execute(
        guest,
        create("plain", id=name, n=1),
        update("plain", name, n=2),
        create("thing", whole=5),
        create("plain", id=f"{name}-gone"),
        delete("plain", f"{name}-gone"),
        atomic=atomic,
    )
    assert reply.status_code == 200, reply.text
    ids = reply.json()["ids"]
    assert reply.json()["results"] == [{"Id": one} for one in ids]
    assert ids[:2] + ids[3:] == [name, name, f"{name}-gone", f"{name}-gone"]
    assert guest.get(f"{THING}/{ids[2]}").json()["whole"] == 5
    assert guest.get(f"{RECORDS}/plain/{name}").json()["n"] == 2
    assert guest.get(f"{RECORDS}/plain/{name}-gone").status_code == 404


def test_a_record_that_stays_has_an_error(guest: httpx.Client) -> None:
    """By the IGNORE of its API; the operations around it are done."""
    value = {"id": "stay", "n": 1}
    reply = execute(guest, create("ignoring", **value), create("ignoring", **value))
    assert reply.json() == {
        "ids": ["stay", ""],
        "results": [{"Id": "stay"}, {"Error": "ignored"}],
    }


def test_keys_may_be_numbers(guest: httpx.Client) -> None:
    """As older clients send them."""
    assert execute(guest, create("thing", id=777), update("thing", 777, whole=3)).json()["ids"] == [
        "777", "777",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "status", "text"),
    [
        (create("thing", whole=13), 400, "operation 1: db constraint: check"),
        (create("thing", whole="x"), 400,
         "operation 1: Invalid value for whole: a whole number is expected"),
        (update("thing", "x"), 400, "operation 1: Invalid id"),
        (create("thing", later=99), 400, "db constraint: fk"),
        (update("plain", "nobody", n=1), 404, ""),
        (delete("plain", "nobody"), 404, ""),
        (create("failing", id="x"), 403, ""),
        (create("cased", id="X"), 403, ""),
        (create("shut", id="x"), 403, ""),
        (create("names", id=1), 405, ""),
        (create("nothing"), 405, ""),
        (create("note", text="x"), 400, "DB mismatch"),
    ],
)  # fmt: skip
def test_nothing_is_done_where_one_fails(
    guest: httpx.Client, operation: dict[str, Any], status: int, text: str
) -> None:
    """With the status that the write alone has."""
    assert told(execute(guest, create("plain", id="atomic"), operation)) == (status, text)
    assert guest.get(f"{RECORDS}/plain/atomic").status_code == 404


def test_one_by_one_what_went_before_stays(guest: httpx.Client) -> None:
    """And what follows is not begun."""
    reply = execute(
        guest,
        create("plain", id="before"),
        create("plain", id="before"),
        create("plain", id="after"),
        atomic=False,
    )
    assert told(reply) == (400, "operation 1: db constraint: pk")
    assert guest.get(f"{RECORDS}/plain/before").status_code == 200
    assert guest.get(f"{RECORDS}/plain/after").status_code == 404


def test_several_in_a_database_beside_main(guest: httpx.Client) -> None:
    """As in main."""
    reply = execute(guest, create("note", id=1, text="a"), update("note", 1, text="b"))
    assert reply.json()["ids"] == ["1", "1"]
    assert guest.get(f"{RECORDS}/note/1").json()["text"] == "b"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (None, b'{"operations": []}', 415),
        (URLENCODED, b"operations=", 415),
        ("application/json", b"{", 400),
        ("application/json", b"[]", 422),
        ("application/json", b'{"operations": [{}]}', 422),
        ("application/json", b'{"operations": [{"Create": {"api_name": "x"}}]}', 422),
        ("application/json",
         b'{"operations": [{"Delete": {"api_name": "plain", "record_id": 1.5}}]}', 422),
        ("application/json", b'{"operations": [], "transaction": "yes"}', 422),
    ],
)  # fmt: skip
def test_what_is_no_transaction(
    guest: httpx.Client, kind: str | None, body: bytes, status: int
) -> None:
    """JSON only, of its own shape."""
    headers = {} if kind is None else {"Content-Type": kind}
    assert guest.post(EXECUTE, content=body, headers=headers).status_code == status


def test_how_many_operations_there_may_be(guest: httpx.Client) -> None:
    """None, or up to 128."""
    assert execute(guest).json() == {"ids": [], "results": []}
    many = [create("thing", whole=1)] * 129
    assert told(execute(guest, *many)) == (400, "Batch size exceeds limit: 128")
    assert len(set(execute(guest, *many[1:]).json()["ids"])) == 128


def test_the_settings_may_have_none(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Followed without a restart; the last test here, since it changes them."""
    config = CONFIG.replace("enable_record_transactions: true", "")
    (cluster.depot / "config.textproto").write_text(config)
    until(lambda: execute(guest).status_code == 404, seconds=10, what="no transactions")

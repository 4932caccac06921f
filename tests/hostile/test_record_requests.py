"""Generated and odd requests to record APIs: each is served or refused, and none is a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster_process import ClusterProcess
from tests.hostile.test_generated_requests import JSON_VALUES
from tests.worker.apis.writing import EXECUTE, RECORDS, write_depot

FAST = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=4_000, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS: Final = (
    "id", "whole", "real", "text", "blob", "any", "json", "shape", "file", "_secret", "hidden",
    "doubled", "room", "later", "Whole", "rowid", "", "_ROW_", '"', "a.b",
)  # fmt: skip
APIS: Final = (
    "room", "member", "names", "message", "thing", "plain", "ignoring", "replacing", "only_new",
    "cased", "failing", "sent", "tag", "shut", "note", "own_note", "nothing", "",
)  # fmt: skip
OPERATORS: Final = (
    "$eq", "$ne", "$gt", "$lt", "$is", "$like", "$re", "@within", "@intersects", "$and", "$or", "0",
    "", "$no",
)  # fmt: skip
WORDS: Final = (
    "0", "-1", "1", str(2**63), str(-(2**63)), str(2**70), "1e400", "NaN", "true", "NULL", "!NULL",
    "%" * 30, "(a+)+$", "[", "(?<=a)", "POINT(1 2)", "POINT(", "POLYGON((0 0))", "a" * 300, "x'01'",
    "-whole", "whole,whole", "hidden", "_secret", "id,-id", "AAAA", "é", "\ud800", "\x00", "shape",
    "' OR 1 --", "?1", ":x",
)  # fmt: skip
ODD_IDS: Final = (
    "1", "0", "-1", str(2**63 - 1), str(2**63), "1" * 400, "%00", "%2F", "a%2Fb", "..", "%2e%2e", "%FF", "é",
    "schema", "subscribe", "*", "null", "1.5", "1 ", "+1", "0x1", "AAAAAAAAAAAAAAAAAAAAAA==", "~",
    "' OR 1=1 --", "a" * 3_000,
)  # fmt: skip
TEXTS = st.sampled_from(WORDS) | st.text(max_size=12)
KEYS = st.lists(st.sampled_from([*COLUMNS, *OPERATORS]), max_size=5).map(
    lambda parts: "filter" + "".join(f"[{part}]" for part in parts)
)
QUERIES = st.lists(
    st.tuples(
        KEYS
        | st.sampled_from(["limit", "offset", "order", "cursor", "count", "expand", "geojson"])
        | st.text(max_size=6),
        TEXTS,
    ),
    max_size=6,
)
VALUES = JSON_VALUES | st.sampled_from(
    [2**63, -(2**63) - 1, 2**70, 1e308, [1, 255], [256], {"type": "Point", "coordinates": [1, 2]},
     {"type": "Polygon", "coordinates": [[]]}, {"type": "GeometryCollection", "geometries": [{}]}, "AP8=", "{}"]
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=4), VALUES, max_size=6)
OPERATIONS = st.builds(
    lambda verb, api, key, value: {verb: {"api_name": api, "record_id": key, "value": value}},
    st.sampled_from(["Create", "Update", "Delete", "create"]),
    st.sampled_from(APIS),
    st.integers() | TEXTS,
    BODIES | JSON_VALUES,
)
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE", "PUT", "TRACE")
TYPES: Final = (
    "", "application/json", "APPLICATION/JSON; charset=latin1", "application/json;;;=", "text/plain",
    "multipart/form-data", "multipart/form-data; boundary=", "Multipart/Form-Data; boundary=x",
    "application/x-www-form-urlencoded", ";", "application/json, text/html", "\xff",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One over a depot with APIs of every kind, whose processes all live to the end."""
    depot = tmp_path_factory.mktemp("odd") / "depot"
    write_depot(depot)
    with ClusterProcess(depot, workers=1) as running:
        before = running.children()
        yield running
        assert running.children() == before, "no process has died of it"
        faults = [one for one in running.events() if one.get("event") == "request failed"]
        assert not faults


def sane(reply: httpx.Response) -> httpx.Response:
    """Served or refused: a reason where the request is wrong, else nothing but the status."""
    assert reply.status_code < 500, (reply.request.url, reply.request.content[:300], reply.text)
    if 400 < reply.status_code != 422 and reply.request.url.path.startswith(RECORDS):
        assert reply.text == ""
    assert "SQLITE" not in reply.text.upper()
    return reply


def send(client: httpx.Client, method: str, path: str, body: Any) -> None:
    """Send something as JSON, or what looks like it: numbers of any size, half characters."""
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    sane(client.request(method, path, content=content, headers=headers))


def _write(client: httpx.Client, api: str, body: Any) -> None:
    send(client, "POST", f"{RECORDS}/{api}", body)
    send(client, "PATCH", f"{RECORDS}/{api}/1", body)


def _list(client: httpx.Client, api: str, query: list[tuple[str, str]]) -> None:
    encoded = urlencode(query, errors="surrogatepass")
    sane(client.get(f"{RECORDS}/{api}?{encoded}"))


@FAST
@given(api=st.sampled_from(APIS), body=BODIES | st.lists(BODIES, max_size=3) | JSON_VALUES)
def test_no_body_makes_the_server_fail(api: str, body: Any, guest: httpx.Client) -> None:
    """A create and a change are served or refused."""
    _write(guest, api, body)


@FAST
@given(body=BODIES)
def test_no_value_makes_the_server_fail(body: Any, guest: httpx.Client) -> None:
    """The same of a table that has a column of each type; what was created is shown."""
    reply = sane(guest.post(f"{RECORDS}/thing", content=json.dumps(body)))
    if reply.status_code == 200:
        (made,) = reply.json()["ids"]
        assert guest.get(f"{RECORDS}/thing/{made}").status_code == 200


@FAST
@given(api=st.sampled_from(["thing", "plain", "names", "room"]), query=QUERIES)
def test_no_query_makes_the_server_fail(
    api: str, query: list[tuple[str, str]], guest: httpx.Client
) -> None:
    """A list is served or refused."""
    _list(guest, api, query)


@FAST
@given(operations=st.lists(OPERATIONS, max_size=5) | JSON_VALUES, atomic=st.booleans() | st.none())
def test_no_transaction_makes_the_server_fail(
    operations: Any, atomic: bool | None, guest: httpx.Client
) -> None:
    """All together, and one by one."""
    send(guest, "POST", EXECUTE, {"operations": operations, "transaction": atomic})


@FAST
@given(
    content=st.binary(max_size=200) | st.text(max_size=60).map(str.encode),
    kind=st.sampled_from(TYPES),
)
def test_no_bytes_make_the_server_fail(content: bytes, kind: str, guest: httpx.Client) -> None:
    """Of whatever type they say they are."""
    headers = {b"Content-Type": kind.encode("latin-1")}
    for path in (f"{RECORDS}/thing", EXECUTE, "/api/auth/v1/login", "/api/auth/v1/refresh"):
        sane(guest.post(path, content=content, headers=headers))


@pytest.mark.parametrize("method", METHODS)
def test_odd_ids(guest: httpx.Client, method: str) -> None:
    """Of keys of each kind, by every method."""
    for api in ("thing", "plain", "message", "names", "nothing"):
        for one in ODD_IDS:
            path = f"{RECORDS}/{api}/{one if '%' in one else quote(one)}"
            body = b"{}" if method in ("PATCH", "POST", "PUT") else None
            sane(guest.request(method, path, content=body))


ODD_BODIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "deep": b'{"json":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "deeper": b"[" * 100_000,
    "the same key twice": b'{"whole": 1, "whole": "x"}',
    "a huge number": b'{"whole": ' + b"9" * 4_000 + b"}",
    "no number": b'{"real": NaN}',
    "an infinite one": b'{"real": 1e999}',
    "half a character": b'{"text": "\\ud800"}',
    "no UTF-8": b'{"text": "\xff"}',
    "a NUL": b'{"text": "\\u0000"}',
    "a NUL in a name": b'{"te\\u0000xt": 1}',
    "too many": b"[" + b"{}," * 1_024 + b"{}]",
    "many values": b'{"any": [' + b"1," * 250_000 + b"1]}",
    "a large text": b'{"text": "' + b"a" * 10 * 2**20 + b'"}',
    "a large number of columns": b"{" + b",".join(b'"c%d":1' % n for n in range(50_000)) + b"}",
    "none that is a record": b"[[{}]]",
}


@pytest.mark.parametrize("content", ODD_BODIES.values(), ids=ODD_BODIES)
def test_odd_bodies(guest: httpx.Client, content: bytes) -> None:
    """Of a create, a change and a transaction."""
    headers = {"Content-Type": "application/json"}
    sane(guest.post(f"{RECORDS}/thing", content=content, headers=headers))
    sane(guest.patch(f"{RECORDS}/thing/1", content=content, headers=headers))
    operation = b'{"operations":[{"Create":{"api_name":"thing","value":' + content + b"}}]}"
    sane(guest.post(EXECUTE, content=operation, headers=headers))


def test_odd_forms(guest: httpx.Client) -> None:
    """Of many fields, and of many parts."""
    fields = "&".join(f"f{number}=1" for number in range(100_000))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    parts = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n' * 10_000 + b"--x--"
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    for path in (f"{RECORDS}/thing", "/api/auth/v1/register"):
        assert sane(guest.post(path, content=fields, headers=form)).status_code in (400, 413)
        assert sane(guest.post(path, content=parts, headers=multipart)).status_code in (400, 413)


def test_odd_queries(guest: httpx.Client) -> None:
    """Of many brackets, many parameters, and numbers of every size."""
    brackets = "filter" + "[$or][0]" * 900 + "[whole]=1"
    for query in (
        brackets, "&".join(["filter[whole]=1"] * 400), "[" * 10_000, "offset=9223372036854775808",
        "offset=9223372036854775807", "limit=-1", f"limit={2**70}", "limit=1e3", "order=" + "," * 50,
        "cursor=AAAA", "cursor=%00", "cursor=" + "A" * 4_097, "filter[id]=" + "1" * 15_000, "count=2",
        "expand=room", "geojson=whole", "geojson=_secret", "order=_secret", "order=hidden",
        "filter[hidden]=x", "filter[_secret]=x",
    ):  # fmt: skip
        assert sane(guest.get(f"{RECORDS}/thing?{query}")).status_code == 400, query
    sane(guest.get(f"{RECORDS}/thing?offset=999999999999999999"))


@pytest.mark.parametrize("api", ["thing", "plain", "room", "member", "note"])
def test_what_was_stored_can_be_shown(guest: httpx.Client, api: str) -> None:
    """No record that came of all this keeps the others from being listed."""
    assert guest.get(f"{RECORDS}/{api}?limit=1024").status_code == 200


@pytest.mark.long
@LONG
@given(api=st.sampled_from(APIS), body=BODIES | st.lists(BODIES, max_size=3))
def test_thousands_of_bodies(api: str, body: Any, guest: httpx.Client) -> None:
    """The same, at length."""
    _write(guest, api, body)


@pytest.mark.long
@LONG
@given(api=st.sampled_from(["thing", "plain", "names", "room"]), query=QUERIES)
def test_thousands_of_queries(api: str, query: list[tuple[str, str]], guest: httpx.Client) -> None:
    """The same, at length."""
    _list(guest, api, query)

"""Events of record APIs over server-sent events, through a cluster of two workers.

Also tests `worker.engine.database_log`, `worker.apis.events.sight`, `worker.apis.events.exchange`,
`worker.wire.trailbase.subscribe`.
"""

from __future__ import annotations

import asyncio
import shutil

import httpx
import pytest

from shared.sqlite.connect import open_writer
from tests.cluster_process import ClusterProcess
from tests.waiting import until
from tests.worker.apis.events.depot import CONFIG, WITHOUT_OTHER
from tests.worker.apis.events.listening import RefusedError, Stream
from tests.worker.apis.events.people import create, delete, update


def test_what_happens_to_records(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Each event is a block of its own, numbered, with the record as reads show it."""

    async def scenario() -> None:
        async with await Stream.open(cluster.port, "room") as stream:
            assert stream.head["content-type"] == "text/event-stream"
            room = create(guest, "room", name="new", n=2**62)
            update(guest, "room", room, name="newer\n\n")
            delete(guest, "room", room)
            new = {"id": int(room), "name": "new", "n": 2**62}
            newer = {**new, "name": "newer\n\n"}
            assert await stream.whole() == {"Insert": new, "seq": 1}
            assert await stream.whole() == {"Update": newer, "seq": 2}
            assert await stream.whole() == {"Delete": newer, "seq": 3}
            assert stream.chunks[1] == (
                b'data: {"Insert":{"id":%s,"name":"new","n":4611686018427387904},"seq":1}\n\n'
                % room.encode()
            )

    asyncio.run(scenario())


def refused(cluster: ClusterProcess, api: str, record: str = "*", **given: str) -> int:
    """The status of a stream that is not opened."""

    async def scenario() -> int:
        with pytest.raises(RefusedError) as refusal:
            await Stream.open(cluster.port, api, record, **given)
        assert (refusal.value.body == "") is (refusal.value.status != 400)
        return refusal.value.status

    return asyncio.run(scenario())


def test_who_may_not_listen(cluster: ClusterProcess) -> None:
    """Views, APIs without subscriptions, bits, rules, records that are not there, wrong filters."""
    assert refused(cluster, "nothing") == 405
    assert refused(cluster, "rooms") == 405
    assert refused(cluster, "silent") == 403
    assert refused(cluster, "writing") == 403
    assert refused(cluster, "guarded") == 403
    assert refused(cluster, "room", "99") == 404
    assert refused(cluster, "room", "no-number") == 400
    assert refused(cluster, "positive", "99") == 403
    assert refused(cluster, "room", query="filter[secret]=x") == 400
    assert refused(cluster, "room", query="filter[n]=text") == 400
    assert refused(cluster, "place", query="filter[at][@within]=nothing") == 400
    assert refused(cluster, "room", query="ws=true") == 400


def test_rules_decide_for_each_event(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """By the new row, of a delete by the old one; a table's stream leaves out what they hide."""

    async def scenario() -> None:
        async with await Stream.open(cluster.port, "positive") as stream:
            hidden = create(guest, "room", name="hidden", n=0)
            update(guest, "room", hidden, n=-1)
            update(guest, "room", hidden, n=1)
            update(guest, "room", hidden, n=0)
            delete(guest, "room", hidden)
            shown = create(guest, "room", name="shown", n=5)
            delete(guest, "room", shown)
            told = [await stream.next() for _ in range(3)]
        assert [next(iter(one)) for one in told] == ["Update", "Insert", "Delete"]
        assert told[0]["Update"]["n"] == 1

    asyncio.run(scenario())


def test_a_record_that_may_not_be_seen_any_more(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """One error, and the stream ends. A delete alone ends nothing: the record may come back."""

    async def scenario() -> None:
        room, other = (create(guest, "room", name="one", n=1) for _ in range(2))
        stream = await Stream.open(cluster.port, "positive", room)
        update(guest, "room", other, n=0)
        delete(guest, "room", room)
        create(guest, "room", id=int(room), name="again", n=2)
        update(guest, "room", room, n=0)
        told = [await stream.whole() for _ in range(3)]
        assert [next(iter(one)) for one in told] == ["Delete", "Insert", "Error"]
        assert told[2]["Error"]["status"] == 1
        assert told[2]["seq"] == 3
        assert await stream.ended()
        await stream.close()

    asyncio.run(scenario())


def test_filters(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """As in lists: also `$is`, LIKE that tells upper from lower case, geometries; for one record too."""

    async def scenario() -> None:
        near = "filter[at][@within]=POLYGON((0 0,0 9,9 9,9 0,0 0))".replace(" ", "+")
        queries = {
            "null": "filter[thing][$is]=NULL",
            "some": "filter[thing][$is]=!NULL",
            "like": "filter[name][$like]=A%25",
            "equal": "filter[name]=a",
            "near": near,
        }
        streams = {
            name: await Stream.open(cluster.port, "place", query=query)
            for name, query in queries.items()
        }
        point = {"type": "Point", "coordinates": [1, 2]}
        far = {"type": "Point", "coordinates": [10, 2]}
        create(guest, "place", name="a", thing=None, at=point)
        create(guest, "place", name="A", thing=5, at=far)
        for stream in streams.values():
            told = await stream.next()
            place = told["Insert"]
            own = place["thing"] is None
            assert place["at"] == (point if own else far)
        names = {name: "a" if name in ("null", "equal", "near") else "A" for name in queries}
        for name, stream in streams.items():
            assert f'"name":"{names[name]}"'.encode() in stream.chunks[1]
            await stream.close()
        place = create(guest, "place", name="one", thing=1)
        one = await Stream.open(cluster.port, "place", place, query="filter[thing]=2")
        update(guest, "place", place, name="still")
        update(guest, "place", place, thing=2)
        assert (await one.next())["Update"]["thing"] == 2
        await one.close()

    asyncio.run(scenario())


def roll_back(guest: httpx.Client) -> None:
    """A transaction that creates a record, and fails then."""
    operations = [
        {"Create": {"api_name": "positive", "value": {"name": "never", "secret": "seen"}}},
        {"Update": {"api_name": "room", "record_id": "99", "value": {"name": "x"}}},
    ]
    body = {"operations": operations, "transaction": True}
    reply = guest.post("/api/transaction/v1/execute", json=body)
    assert reply.status_code == 404, reply.text


def test_what_is_rolled_back_is_never_told(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """An event follows its commit, and what excluded columns hold is in none."""

    async def scenario() -> None:
        async with await Stream.open(cluster.port, "room") as stream:
            roll_back(guest)
            create(guest, "positive", name="told", secret="seen", n=1)
            assert (await stream.whole())["seq"] == 1
            assert b'"told"' in stream.chunks[1]
            assert b"se" + b"cret" not in b"".join(stream.chunks)
            assert b"seen" not in b"".join(stream.chunks)

    asyncio.run(scenario())


def test_another_database(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Its log is its own; its rules read its tables."""

    async def scenario() -> None:
        streams = [await Stream.open(cluster.port, "note") for _ in range(4)]  # of both workers
        create(guest, "note", id=7, text="hidden")
        create(guest, "note", id=1, text="beside")
        for stream in streams:
            assert await stream.next() == {"Insert": {"id": 1, "text": "beside"}}
            await stream.close()
        delete(guest, "note", "1")

    asyncio.run(scenario())


def test_a_database_that_becomes_another_file(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A stream that is open meanwhile is told of the loss, and then what happens in the new file."""
    create(guest, "note", id=2, text="of old")
    file, config = cluster.depot / "data" / "other.db", cluster.depot / "config.textproto"

    def closed() -> int:
        return sum(one["event"] == "database is closed" for one in cluster.events())

    def replace() -> None:
        before = closed()
        config.write_text(WITHOUT_OTHER)
        until(lambda: closed() > before, what="the database is closed")
        new = file.with_name("new.db")
        shutil.copy(file, new)
        for old in file.parent.glob("other.db-*"):
            old.unlink()
        new.rename(file)
        connection = open_writer(file)
        connection.execute("UPDATE _head SET feed = feed + 2")
        connection.close()
        config.write_text(CONFIG)

    async def scenario() -> None:
        streams = [await Stream.open(cluster.port, "note") for _ in range(4)]  # of both workers
        replace()
        for stream in streams:
            assert (await stream.next())["Error"]["status"] == 2
        path = "/api/records/v1/note/2"
        until(lambda: guest.get(path).status_code == 200, what="the database is open")
        update(guest, "note", "2", text="of new")
        for stream in streams:
            assert await stream.next() == {"Update": {"id": 2, "text": "of new"}}
            await stream.close()

    asyncio.run(scenario())


def test_virtual_columns(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """They are told, filtered and judged like others, also of what is deleted."""

    async def scenario() -> None:
        streams = [
            await Stream.open(cluster.port, "sum", query=query) for query in ("", "filter[twice]=8")
        ]
        key = create(guest, "sum", n=3)
        update(guest, "sum", key, n=4)
        delete(guest, "sum", key)
        last = create(guest, "sum", n=50)
        update(guest, "sum", last, n=4)
        row = {"id": key, "twice": 8, "n": 4}
        told = [
            {"Update": row},
            {"Delete": row},
            {"Update": {**row, "id": last}},
        ]
        first = {"Insert": {"id": key, "twice": 6, "n": 3}}
        assert [await streams[0].next() for _ in range(4)] == [first, *told]
        assert [await streams[1].next() for _ in range(3)] == told
        for stream in streams:
            await stream.close()

    asyncio.run(scenario())

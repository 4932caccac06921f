"""The bare worker: Falcon's routes over a read-only connection and the write link."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Final

import falcon
import falcon.asgi
import orjson
import uvloop
from granian.server.embed import Server

from benchmarks.bare.database import DRAFT, GET, GUARD, LIST, MEMO, OWNED_LIST, open_reader
from benchmarks.bare.link import Link
from benchmarks.dataset import FIELDS

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_GUEST: Final = ("guest", "guest")


class Health:
    """A constant answer."""

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Say that this worker serves."""
        response.data = b'{"code":200,"message":"API is healthy.","data":{}}'


class Post:
    """One post."""

    def __init__(self, folder: Path) -> None:
        self._execute = open_reader(folder / "main.db").execute

    async def on_get(
        self, _: falcon.asgi.Request, response: falcon.asgi.Response, record_id: str
    ) -> None:
        """The post with this id."""
        record = self._execute(GET, (record_id,)).get
        if record is None:
            raise falcon.HTTPNotFound
        response.data = record.encode()


class Posts:
    """The posts."""

    def __init__(self, folder: Path) -> None:
        self._execute = open_reader(folder / "main.db").execute

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The newest thirty, without a total."""
        items = self._execute(LIST).get
        response.data = (
            f'{{"items":{items},"page":1,"perPage":30,"totalItems":-1,"totalPages":-1}}'.encode()
        )


class Notes:
    """The notes of whoever asks."""

    def __init__(self, folder: Path) -> None:
        self._execute = open_reader(folder / "main.db").execute

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The newest thirty of the caller, whose account must stand."""
        caller = request.auth
        if self._execute(GUARD, (caller, caller)).get is None:
            raise falcon.HTTPUnauthorized
        items = self._execute(OWNED_LIST, (caller,)).get
        response.data = (
            f'{{"items":{items},"page":1,"perPage":30,"totalItems":-1,"totalPages":-1}}'.encode()
        )


class Drafts:
    """The drafts, which anybody makes, or the memos, which their author makes."""

    def __init__(self, link: Link, insert: int) -> None:
        self._link = link
        self._insert = insert

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Insert a draft; answer once it is durable."""
        body = orjson.loads(await request.stream.read())
        identifier = body.get("id") or "".join(
            [_ALPHABET[byte % 36] for byte in secrets.token_bytes(15)]
        )
        body["active"] = int(body["active"])
        values = (identifier, *[body[name] for name in FIELDS])
        guard = (request.auth, body["author"]) if self._insert == MEMO else _GUEST
        record = await self._link.submit(self._insert, guard, values)
        if record is None:
            raise falcon.HTTPBadRequest
        response.data = record.encode()


async def serve(folder: Path, port: int) -> None:
    """Serve on an SO_REUSEPORT socket of our own until killed."""
    link = Link(folder)
    app = falcon.asgi.App()
    app.add_route("/api/health", Health())
    app.add_route("/api/collections/posts/records", Posts(folder))
    app.add_route("/api/collections/drafts/records", Drafts(link, DRAFT))
    app.add_route("/api/collections/memos/records", Drafts(link, MEMO))
    app.add_route("/api/collections/notes/records", Notes(folder))
    app.add_route("/api/collections/posts/records/{record_id}", Post(folder))
    server = Server(
        app,
        port=port,
        interface="asginl",  # type: ignore[arg-type]
        websockets=False,
        backlog=4096,
        backpressure=16_384,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))

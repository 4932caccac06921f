"""From a method and a path to a handler: a short path for the hot routes, Falcon for the rest.

Falcon's whole way through request, router, responder and response costs 17 to 20 µs of CPU over a
bare ASGI call (m), 27 of the 74 µs of a point read in the prototype. Splitting the path and one
dictionary look-up cost about 1 µs, so routes of the shapes `/word/word/{name}/word[/{name}]` and
`/word/word/word/{name}[/{name}]` are found here, and everything else goes through Falcon, which
will also carry what users add.

It must not send anything: every answer goes out in one place, server.py.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import falcon
import falcon.asgi

from shared.errors import Kind, QuillError, not_found
from worker.http.request import Request
from worker.http.response import Response

Handler = Callable[..., Awaitable[Response]]
"""`async (context, request, *path parameters) -> Response`."""

_SHORT = re.compile(r"/([^/{}]+)/([^/{}]+)/\{\w+\}/([^/{}]+)(/\{\w+\})?\Z")
_NAMED_LAST = re.compile(r"/([^/{}]+)/([^/{}]+)/([^/{}]+)/\{\w+\}(/\{\w+\})?\Z")
_WORD_LAST = re.compile(r"/[^/{}]+/[^/{}]+/[^/{}]+/\{\w+\}/([^/{}]+)\Z")
_PARAMETER = re.compile(r"\{(\w+)\}")
_CALL = "quillbase.call"


class Route(NamedTuple):
    """`label`: class for the metrics, from the closed set of shared/metrics.py."""

    method: str
    template: str
    handler: Handler
    label: str


class _Call:
    """A request's way through Falcon: what came out of it."""

    __slots__ = ("error", "request", "response")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.response: Response | None = None
        self.error: Exception | None = None


class Routes:
    """All routes of a worker. `context` is given to each handler."""

    def __init__(self, context: object, routes: Iterable[Route]) -> None:
        self._context = context
        self._short: dict[tuple[str, int, str, str, str], tuple[Handler, str]] = {}
        self._named_last: dict[tuple[str, int, str, str, str], tuple[Handler, str]] = {}
        self._words_last: set[str] = set()  # words of other routes where these have a name
        by_template: dict[str, list[Route]] = {}
        for route in routes:
            by_template.setdefault(route.template, []).append(route)
            match = _SHORT.match(route.template)
            if match:
                first, second, fourth, record = match.groups()
                key = (route.method, 6 if record else 5, first, second, fourth)
                self._short[key] = (route.handler, route.label)
            self._add_named_last(route)
        self._falcon = self._falcon_app(by_template)

    def _add_named_last(self, route: Route) -> None:
        match = _NAMED_LAST.match(route.template)
        if match:
            first, second, third, record = match.groups()
            key = (route.method, 6 if record else 5, first, second, third)
            self._named_last[key] = (route.handler, route.label)
        word = _WORD_LAST.match(route.template)
        if word:
            self._words_last.add(word[1])

    def respond(self, request: Request) -> Awaitable[Response]:
        """The call of a request's handler, to be awaited.

        Awaiting raises what the handler raises; QuillError NOT_FOUND or METHOD without a handler.
        """
        parts = request.path.split("/")
        count = len(parts)
        if count == 5 or count == 6:  # noqa: PLR1714 - two comparisons are quicker than a set
            found = self._short.get((request.method, count, parts[1], parts[2], parts[4]))
            if found is not None and parts[3] and parts[-1]:
                handler, request.route = found
                if count == 5:
                    return handler(self._context, request, parts[3])
                return handler(self._context, request, parts[3], parts[5])
            found = self._named_last.get((request.method, count, parts[1], parts[2], parts[3]))
            if found is not None and parts[4] and parts[-1] and parts[-1] not in self._words_last:
                handler, request.route = found
                if count == 5:
                    return handler(self._context, request, parts[4])
                return handler(self._context, request, parts[4], parts[5])
        return self._respond_by_falcon(request)

    # --- Falcon ---------------------------------------------------------------------------------

    def _falcon_app(self, by_template: dict[str, list[Route]]) -> Any:
        app: Any = falcon.asgi.App()
        app.req_options.strip_url_path_trailing_slash = True
        app.add_error_handler(Exception, _keep_error)
        for template, routes in by_template.items():
            app.add_route(template, _Resource(self._context, routes))
        return app

    async def _respond_by_falcon(self, request: Request) -> Response:
        call = _Call(request)
        # Falcon refuses granian's "1" for HTTP/1.0; to us it makes no difference.
        version = "1.1" if request.scope["http_version"] == "1" else request.scope["http_version"]
        scope = {**request.scope, "method": request.method, "http_version": version, _CALL: call}
        await self._falcon(scope, _no_body, _discard)
        error, call.error = call.error, None
        if error is not None:
            # An error that its own traceback leads to would keep the request's body, and so the
            # connection of a client that never sends it, until garbage is collected.
            try:
                raise error
            finally:
                del error
        if call.response is None:
            raise not_found()
        return call.response


class _Resource:
    """A Falcon resource whose responders are our handlers."""

    def __init__(self, context: object, routes: list[Route]) -> None:
        for route in routes:
            setattr(self, f"on_{route.method.lower()}", _responder(context, route))


def _responder(context: object, route: Route) -> Callable[..., Awaitable[None]]:
    names = _PARAMETER.findall(route.template)

    async def respond(req: Any, _resp: Any, **parameters: str) -> None:
        call: _Call = req.scope[_CALL]
        call.request.route = route.label
        values = [parameters[name] for name in names]
        call.response = await route.handler(context, call.request, *values)

    return respond


async def _keep_error(req: Any, _resp: Any, error: Exception, _parameters: Any, **_: Any) -> None:
    """Falcon's own refusals become ours; all other errors are kept as they are."""
    call: _Call = req.scope[_CALL]
    if not isinstance(error, falcon.HTTPError):
        call.error = error
    elif error.status_code == 404:
        call.error = not_found()
    else:
        call.error = QuillError(Kind.METHOD, "This method is not served here.")


async def _no_body() -> dict[str, Any]:
    """Falcon takes the first message before it routes; the real one is for the handler."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def _discard(_message: Any) -> None:
    """Falcon's answer is empty: ours is sent by server.py."""

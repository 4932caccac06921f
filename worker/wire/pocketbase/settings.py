"""Settings over HTTP: `/api/settings…`, for superusers.

The same settings as in `config.textproto`, in the shape that this dialect has for them. Mail and
object storage are not there yet, so there is nothing to test them with: those calls are 400.
"""

from __future__ import annotations

from typing import Final

from shared.errors import QuillError, invalid
from worker.auth.identity import origin_of
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Header, Response
from worker.records.fields import check_fields, project
from worker.records.submit import Ask
from worker.settings.change import change_settings, refused_files, view_settings
from worker.wire.pocketbase.decode import json_object
from worker.wire.pocketbase.encode import json_response

_PROBLEM: Final = b"quill-settings-problem"
_PROBLEM_CHARS_MAX: Final = 500


async def view(context: Context, request: Request) -> Response:
    """GET /api/settings; a header says why files that were changed are not in force."""
    settings = await view_settings(context, origin_of(request))
    return _answer(request, settings, _headers(await refused_files(context)))


async def update(context: Context, request: Request) -> Response:
    """PATCH /api/settings: what is not named stays as it is.

    To send it twice is to send it once, so it takes no Idempotency-Key.
    """
    body = await json_object(request)
    check_fields(request.query.get("fields", ""))
    settings = await change_settings(context, body, origin_of(request), Ask(request.id))
    return _answer(request, settings)


async def test_storage(context: Context, request: Request) -> Response:
    """POST /api/settings/test/s3."""
    raise await _unbuilt(context, request, "Object storage is not supported yet.")


async def test_email(context: Context, request: Request) -> Response:
    """POST /api/settings/test/email."""
    raise await _unbuilt(context, request, "Sending mail is not supported yet.")


async def apple_secret(context: Context, request: Request) -> Response:
    """POST /api/settings/apple/generate-client-secret."""
    raise await _unbuilt(context, request, "OAuth2 is not supported yet.")


async def _unbuilt(context: Context, request: Request, message: str) -> QuillError:
    """What a superuser is told; others hear what they would hear of any call that is not theirs."""
    await view_settings(context, origin_of(request))
    return invalid(message)


def _answer(
    request: Request, settings: dict[str, object], headers: tuple[Header, ...] = ()
) -> Response:
    fields = request.query.get("fields", "")
    return json_response(project(settings, fields) if fields else settings, headers)


def _headers(problem: str) -> tuple[Header, ...]:
    if not problem:
        return ()
    told = "".join(char if " " <= char <= "~" else "?" for char in problem[:_PROBLEM_CHARS_MAX])
    return ((_PROBLEM, told.encode()),)

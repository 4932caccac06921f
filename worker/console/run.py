"""A text of the SQL console: read on this worker, or written through the writer as one plan.

Which of the two SQLite says, having prepared it. The writer judges it again as it runs it, under
the very catalog that it was planned for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.depot.databases import is_database_name
from shared.depot.layout import MAIN, DepotLayout
from shared.errors import Kind, QuillError, invalid
from shared.limits import ATTACHED_DATABASES_MAX, CONSOLE_WRITE_SECONDS, REPLANS_MAX
from shared.logs import get_logger
from shared.messages.commands import Result, Status
from shared.messages.console import TOO_MANY_ROWS, Answer, Scope, console_step, read_answer
from shared.schema.catalog import Catalog
from shared.sql.plan import Bulk, Plan, Step
from worker.console.text import read_text, shown
from worker.context import Context
from worker.engine.console import Place, Writes
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, caller_guards, identity_in
from worker.records.superuser_plan import require_superuser

_PRIMARY_CODE: Final = 0xFF
_INTERRUPT: Final = 9
_OURS: Final = frozenset({1, 18, 19, 20, 23, 25})
"""ERROR, TOOBIG, CONSTRAINT, MISMATCH, AUTH and RANGE: what the text itself brings about."""
_TOO_LONG: Final = (
    f"The query took longer than {CONSOLE_WRITE_SECONDS:g} seconds and was not applied."
)
_log = get_logger()


class Asked(NamedTuple):
    """A text for one database, and others that a reading text may name."""

    text: object
    database: str = MAIN
    attached: Sequence[str] = ()


class Outcome(NamedTuple):
    """What it gave, and how long that took."""

    answer: Answer
    milliseconds: float


class _Stand(NamedTuple):
    """Who asks, and the versions that the text is judged under."""

    identity: Identity
    catalog: Catalog
    version: int
    scope: Scope


async def run_text(
    context: Context, asked: Asked, caller: Caller | None, request_id: str
) -> Outcome:
    """Run a text for a superuser: all of it or nothing.

    Raises UNAUTHENTICATED, FORBIDDEN; INVALID with SQLite's reason, CONFLICT, UNAVAILABLE.
    """
    statements = read_text(asked.text)
    _tell(await _stand(context, asked, caller), asked, request_id)
    started = perf_counter()
    bulk = False
    for _ in range(REPLANS_MAX + 1):
        stand = await _stand(context, asked, caller)
        path, beside = _places(context, asked)
        found = await context.console.run(path, beside, statements, stand.scope)
        if not context.catalog.is_current(stand.catalog):
            continue
        if isinstance(found, Answer):
            await require_admin(context, caller)  # it may have waited for long
            return _outcome(found, started)
        plan = _plan(stand, asked, statements, found, bulk=bulk)
        async with context.console.writing():
            result = await context.writer.submit(
                plan, request_id=request_id, actor=stand.identity.actor
            )
        if result.status is Status.OK:
            return _outcome(read_answer(result.payload), started)
        bulk = _again(result, bulk=bulk)
    raise QuillError(
        Kind.CONFLICT, "The schema or the caller kept changing; try again.", retry_after_seconds=1
    )


async def require_admin(context: Context, caller: Caller | None) -> None:
    """Raises UNAUTHENTICATED, FORBIDDEN for whoever is no superuser."""
    await _stand(context, Asked(""), caller)


async def _stand(context: Context, asked: Asked, caller: Caller | None) -> _Stand:
    def read(snapshot: Snapshot, catalog: Catalog) -> tuple[Identity, Catalog]:
        return identity_in(caller, snapshot, catalog), catalog

    identity, catalog = await context.reader.read(read)
    require_superuser(identity)
    if asked.database == MAIN:
        return _Stand(identity, catalog, catalog.version, _scope(catalog))
    version = _other(context, asked.database).version
    return _Stand(identity, catalog, version, Scope())


class _Other(NamedTuple):
    place: Place
    version: int


def _other(context: Context, name: str) -> _Other:
    """A database beside main. Raises INVALID."""
    if is_database_name(name):
        try:
            found = context.reader.other(name)
        except QuillError:
            pass
        else:
            return _Other(Place(name, found.path), found.words.catalog_version)
    raise invalid(f"The database {name} is not there, or not open.")


def _places(context: Context, asked: Asked) -> tuple[Path, list[Place]]:
    """The file that is `main` to the text, and those beside it. Raises INVALID."""
    names = [one for one in dict.fromkeys(asked.attached) if one not in (MAIN, asked.database)]
    if len(names) > ATTACHED_DATABASES_MAX:
        raise invalid(f"At most {ATTACHED_DATABASES_MAX} databases can be attached.")
    beside = [_other(context, name).place for name in names]
    if asked.database == MAIN:
        return DepotLayout(Path(context.settings.depot)).database(), beside
    return _other(context, asked.database).place.path, beside


def _scope(catalog: Catalog) -> Scope:
    return Scope(
        owned=frozenset(one.name.lower() for one in catalog.all()),
        secrets={
            one.name.lower(): secrets
            for one in catalog.all()
            if (secrets := frozenset(f.name.lower() for f in one.fields if f.secret))
        },
    )


def _plan(stand: _Stand, asked: Asked, statements: list[str], found: Writes, *, bulk: bool) -> Plan:
    """The caller's row is in main, so only there it is looked at once more. Raises INVALID."""
    if found.places != {MAIN}:
        raise invalid(
            "A text that writes names no other database: send it for that one, as `database`."
        )
    is_main = asked.database == MAIN
    guards: list[Step] = caller_guards(stand.identity) if is_main else []
    alone = found.defines or bulk
    return Plan(
        stand.version,
        (*guards, console_step(stand.scope, statements)),
        changes_catalog=found.defines,
        database=asked.database,
        bulk=Bulk(CONSOLE_WRITE_SECONDS) if alone else None,
        main_version=0 if is_main else stand.catalog.version,
    )


def _again(result: Result, *, bulk: bool) -> bool:
    """Whether the next attempt is told as resets. Raises what another attempt would not change."""
    if result.status in (Status.STALE, Status.REFUSED):
        return bulk
    payload = result.payload
    code, message = payload if isinstance(payload, list | tuple) else (0, result.status.name)
    if message == TOO_MANY_ROWS and not bulk:
        return True
    primary = int(code) & _PRIMARY_CODE
    if primary == _INTERRUPT:
        raise invalid(_TOO_LONG)
    if result.status is Status.FAILED and primary in _OURS:
        raise invalid(str(message))
    raise QuillError(Kind.INTERNAL, "The write failed.")


def _tell(stand: _Stand, asked: Asked, request_id: str) -> None:
    """Who is about to run what; under the same id stands what became of it."""
    _log.info(
        "text in the SQL console",
        request_id=request_id,
        actor=stand.identity.actor,
        database=asked.database,
        sql=shown(str(asked.text)),
    )


def _outcome(answer: Answer, started: float) -> Outcome:
    return Outcome(answer, (perf_counter() - started) * 1000)

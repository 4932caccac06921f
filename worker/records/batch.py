"""A batch: several writes in one plan, which the writer applies as one or not at all.

A later request may use what an earlier one made, so all but the first are judged by the writer
alone. Whether an upsert finds its record is taken from the snapshot and the earlier requests, with
a guard; where that was wrong (somebody else was quicker, or an earlier request took the record
along), the plan is made again the other way.

The first request that fails is the one that is told. A request that cannot even be planned may
stand behind one that fails at the writer; so those before it are submitted all the same, with a
guard at their end that never holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.access.request import AccessRequest
from shared.dates import now_text
from shared.errors import QuillError
from shared.messages.commands import Result
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.write import never
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records import idempotency
from worker.records.actions import add_create, add_delete, add_update, add_upsert
from worker.records.caller import Origin, identity_in
from worker.records.draft import Call, Draft, Part, Rows
from worker.records.idempotency import Places, Stored
from worker.records.plans import PlanCache
from worker.records.rules import bind, failed_at_a_row
from worker.records.submit import (
    REFUSED_PLANNING,
    Ask,
    BatchFailedError,
    Needs,
    Place,
    Planned,
    Secrets,
    Written,
    submit_planned,
)
from worker.records.write import shown_now

_NEVER: Final = never(refusal=REFUSED_PLANNING)
_ADD: Final = {"create": add_create, "update": add_update, "delete": add_delete}


class BatchRequest(NamedTuple):
    """One request of a batch.

    `action`: create, update or delete; create for an upsert, whose `upsert` is the same as an
    update.
    """

    action: str
    call: Call
    upsert: Call | None = None


class _Made(NamedTuple):
    planned: Planned
    parts: list[Part]


async def run_batch(
    context: Context,
    requests: Sequence[BatchRequest],
    origin: Origin,
    ask: Ask,
    deadline_seconds: float,
) -> Written:
    """Apply all requests, or none. The answer is a JSON array of `{"body", "status"}`.

    Raises BatchFailedError naming the first request that fails, and QuillError for what is no
    single request's fault.
    """
    planning = _Planning(context, requests, origin, ask)
    written = await submit_planned(
        context,
        planning.plan,
        ask,
        deadline_seconds=deadline_seconds,
        again=planning.learn,
    )
    if written.replayed:
        return written
    return Written(_answer(planning.parts, written.body), replayed=False)


class _Planning:
    """The plans of one batch, each wiser than the one before.

    `_exist`: by index of an upsert, whether its record is there, as the writer has told.
    """

    def __init__(
        self, context: Context, requests: Sequence[BatchRequest], origin: Origin, ask: Ask
    ) -> None:
        self._context = context
        self._requests = requests
        self._origin = origin
        self._ask = ask
        self._exist: dict[int, bool] = {}
        self._at = 0
        self.parts: list[Part] = []

    async def plan(self, secrets: Secrets) -> Planned | Needs | Stored:
        """One attempt. Raises BatchFailedError where the very first request is hopeless."""
        try:
            made = await self._context.reader.read(self._plan, self._context.plans, secrets)
        except SQLError as error:
            raise BatchFailedError(self._at, failed_at_a_row(error)) from None
        if isinstance(made, BatchFailedError):
            raise made
        if isinstance(made, _Made):
            self.parts = made.parts
            return made.planned
        return made

    def learn(self, planned: Planned, result: Result) -> int:
        """Take a refused choice the other way. The first time does not count as an attempt."""
        index = planned.index_of(result.step)
        if index < 0 or self.parts[index].chose is None:
            return 0
        first = index not in self._exist
        self._exist[index] = not self.parts[index].chose
        return int(first)

    def _plan(
        self, snapshot: Snapshot, catalog: Catalog, plans: PlanCache, secrets: Secrets
    ) -> _Made | Needs | Stored | BatchFailedError:
        """One read's work."""
        identity = identity_in(self._origin.caller, snapshot, catalog)
        asked, actor = self._ask.idempotency, identity.actor
        if asked is not None:
            stored = idempotency.find_stored(snapshot, asked, actor)
            if stored is not None:
                request = self._origin.request(identity)
                return _replay(snapshot, catalog, plans, stored, request)
        draft = Draft(snapshot, catalog, plans, identity, secrets, now_text(), Rows())
        failure = self._add_all(draft)
        if failure is not None and len(draft.parts) == 1:
            return BatchFailedError(0, failure)
        if failure is None and draft.needs:
            return draft.needs
        opening = draft.opening(self._ask)
        if asked is not None:
            opening.append(idempotency.begin_batch(asked, actor))
            draft.steps.append(idempotency.end_batch(asked, actor, _places(draft.parts)))
        places = [Place(len(opening) + part.first, part.collection) for part in draft.parts]
        plan = draft.plan(opening, returns_all=True)
        return _Made(Planned(plan, actor, None, None, places, failure), draft.parts)

    def _add_all(self, draft: Draft) -> QuillError | None:
        """Add the requests up to the first that cannot be planned, and say why it cannot."""
        for index, request in enumerate(self._requests):
            self._at = index
            draft.begin()
            try:
                self._add(draft, request)
            except QuillError as error:
                draft.steps.append(_NEVER)
                return error
        return None

    def _add(self, draft: Draft, request: BatchRequest) -> None:
        call = request.call
        if request.upsert is not None:
            add_upsert(draft, request.upsert, call, exists=self._exist.get(self._at))
        else:
            _ADD[request.action](draft, call)
        asked = self._ask.idempotency
        if asked is None:
            return
        part, actor = draft.part, draft.identity.actor
        around = _around(part, self._at)
        source, params = "", tuple[Value, ...]()
        if part.shows and part.form is not None:
            source = part.form.answer_source
            shape = bind(part.form.shape, call.origin.request(draft.identity))
            params = (*shape, part.record_id)
        draft.steps.append(idempotency.add_to_batch(asked, actor, around, source, params))


# --- Answers ------------------------------------------------------------------------------------


def _answer(parts: Sequence[Part], results: str) -> str:
    """The answer from the results of the requests that have any."""
    found = iter(msgspec.json.decode(results, type=list[msgspec.Raw]))
    texts: list[str] = []
    for index, part in enumerate(parts):
        before, after = _around(part, index)
        body = bytes(next(found)).decode() if part.shows else "null"
        texts += (before, body, after)
    return f"[{''.join(texts)}]"


def _around(part: Part, index: int) -> tuple[str, str]:
    """What stands before and after the body of one request's answer."""
    comma = "," if index else ""
    return f'{comma}{{"body":', f',"status":{200 if part.shows else 204}}}'


def _places(parts: Sequence[Part]) -> Places:
    return [
        (part.collection.id, part.record_id) if part.shows and part.collection else None
        for part in parts
    ]


def _replay(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, stored: Stored, request: AccessRequest
) -> Stored:
    """The first answer; where it was too large, the records as the caller may see them now."""
    if stored.places is None:
        return stored
    texts = []
    for place in stored.places:
        shown = shown_now(snapshot, catalog, plans, place, request) if place else ""
        status = 204 if place is None else 200
        texts.append(f'{{"body":{shown or "null"},"status":{status}}}')
    return Stored(f"[{','.join(texts)}]")

"""The delivery: the one task of a worker that tells live subscriptions what changed.

It takes changes in the order of the log and queues events in that order, so each client hears of
each record in the order of its commits. The catalog is compared again after the judging and right
before the telling: no event is judged by a rule that was replaced when the change of the rule had
been answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.errors import QuillError
from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.logs import get_logger
from shared.messages.changes import Act, Change
from worker.engine.failures import SQLError
from worker.engine.feed import EVERY_TABLE
from worker.realtime.clients.client import Client
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.backlog import Backlog
from worker.realtime.delivery.groups import Group
from worker.realtime.delivery.telling import (
    case_of,
    chunks,
    deny,
    message_of,
    tell,
    told_of,
    untellable,
    weigh,
)
from worker.realtime.principal import Principal
from worker.realtime.reasons import FAULT, RESET
from worker.realtime.views.judge import DENIED, Case, Verdict, Verdicts
from worker.realtime.views.viewpoint import Seen

if TYPE_CHECKING:
    from worker.realtime.exchange import Exchange
    from worker.realtime.views.sight import State

_log = get_logger()


class Delivery:
    """Changes that wait, and the rounds in which they are told."""

    def __init__(self, hub: Exchange) -> None:
        self._hub = hub
        self._sight = hub.sight
        self._index = hub.index
        self._changes = Backlog()
        self._suspects: set[Principal] = set()
        self._version: object = None
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._deliver())

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    def take(self, changes: list[Change]) -> None:
        """Take committed changes that somebody may hear of, in order. Never waits."""
        hub = self._hub
        heard = [one for one in changes if hub.interest(one.table, one.key)]
        if not heard:
            return
        for change in heard:
            self._suspects.update(hub.principals(change.table, change.key))
        if self._changes.extend(heard):
            self._arrived.set()
            return
        self._changes = Backlog()  # a new one: the round that runs still holds the old one
        _log.warning("realtime is overrun", clients=len(self._hub))
        _lose(self._index.clients())

    def look(self) -> None:
        """See what the definitions are by now, though nothing has changed that they are about."""
        self._arrived.set()

    def told_upto(self) -> int:
        """Everything up to this n has been told."""
        return self._changes.first().n - 1 if self._changes else self._hub.mark()

    @property
    def idle(self) -> bool:
        """Nothing waits to be told."""
        return not self._changes and not self._arrived.is_set()

    async def _deliver(self) -> None:
        """The delivery loop: one for the worker, and never ended by a fault in one round."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if not self._changes:
                await self._look()
            while self._changes:
                changes = self._changes
                try:
                    await self._round(changes)
                except Exception:  # noqa: BLE001 - the outermost loop of the delivery
                    _log.exception("realtime round failed")
                    _lose(self._index.clients())
                    changes.drop(len(changes))
                await asyncio.sleep(0)  # let the transports send what was told

    def _cases(self, change: Change, groups: list[Group], state: State) -> list[Case]:
        if not groups:
            return []
        rows = self._sight.rows(change, state)
        return [case_of(Seen(group.viewpoint, group.view), change, rows) for group in groups]

    # --- Many changes in one read ---------------------------------------------------------------

    async def _round(self, changes: Backlog) -> None:
        """Gather, judge and tell what fits in one read; leave it all in place if a rule moved."""
        await self._check_suspects()
        state = await self._placed()
        edits = self._index.edits
        taken, groups, cases = self._gather(changes, state)
        if not taken:
            await self._tell_apart(changes.first())
            changes.drop(1)
            return
        verdicts: Verdicts | None = Verdicts()
        if cases:
            try:
                verdicts = await self._sight.judge(state, cases, Verdicts())
            except (QuillError, SQLError) as error:
                _log.warning("realtime judging failed", reason=str(error), cases=len(cases))
                edits = -1
        if verdicts is None or self._sight.current().version != state.version:
            return
        if verdicts.lost:
            self._hub.demote(verdicts.lost)
            return
        if self._index.edits != edits:
            # The read has failed, or somebody moved during it and is in no group of it.
            await self._tell_apart(changes.first())
            changes.drop(1)
            return
        self._tell(list(changes.head(taken)), groups, verdicts, state)
        changes.drop(taken)

    async def _check_suspects(self) -> None:
        """Make guests of those whose records, or whose collections' secrets, have changed.

        What may be shown to them is looked at anew for each event; but where a rule finds its
        listeners by their ids, an event that concerns guests would not find them.
        """
        hub = self._hub
        version = self._sight.current().version
        if version != self._version:
            self._suspects.update(hub.all_principals())
        suspects, self._suspects = list(self._suspects), set()
        for start in range(0, len(suspects), REALTIME_JUDGEMENTS_PER_READ):
            some = suspects[start : start + REALTIME_JUDGEMENTS_PER_READ]
            try:
                hub.demote(await self._sight.ended(some))
            except (QuillError, SQLError) as error:  # at the latest when they are judged
                _log.warning("realtime identities not checked", reason=str(error))
        self._version = version

    async def _look(self) -> None:
        try:
            await self._check_suspects()
            await self._placed()
        except Exception:  # noqa: BLE001 - the outermost loop of the delivery
            _log.exception("realtime look failed")

    async def _placed(self) -> State:
        """The state of the moment, when every subscription was compiled for it."""
        while True:
            state = await self._sight.settled()
            if self._index.refresh(state):
                return state
            await asyncio.sleep(0)

    def _gather(self, changes: Backlog, state: State) -> tuple[int, list[list[Group]], list[Case]]:
        """The groups and the cases of the first changes that wait; how many changes they are of.

        None of them when the first one alone is too much for one read.
        """
        taken, found, cases = 0, list[list[Group]](), list[Case]()
        room = REALTIME_JUDGEMENTS_PER_READ
        for change in changes:
            groups = [] if untellable(change) else list(self._index.groups(change))
            room -= weigh(groups)
            if room < 0:
                break
            taken += 1
            found.append(groups)
            cases += self._cases(change, groups, state)
            if change.act is Act.RESET:
                break  # what comes after it may be numbered anew
        return taken, found, cases

    def _tell(
        self,
        changes: list[Change],
        groups: list[list[Group]],
        verdicts: Verdicts,
        state: State,
    ) -> None:
        """Tell each change to its groups, in order."""
        records = iter(verdicts.records)
        for change, found in zip(changes, groups, strict=True):
            if untellable(change):
                self._reset(change)
            elif change.act is Act.MESSAGE:
                self._tell_message(change)
            elif found:
                position, name = self._hub.position(change.n), self._sight.name(change.table, state)
                for group in found:
                    self._tell_group(change, next(records), name, position, group)

    def _tell_group(
        self, change: Change, verdict: Verdict, name: str, position: str, group: Group
    ) -> None:
        if verdict is DENIED:
            deny(change, group.members)
        else:
            tell(change, told_of(change, verdict, name, position), group.members)

    def _tell_message(self, change: Change) -> None:
        position = self._hub.position(change.n)
        tell(change, message_of(change, position), self._index.custom(change))

    # --- One change in many reads ---------------------------------------------------------------

    async def _tell_apart(self, change: Change) -> None:
        """Tell one change in as many reads as it needs, each to whom it was judged for.

        Between the reads clients come, go and change their topics, rules move, and a read may
        fail; so it is gathered again until all have been told, which each of them remembers.
        """
        if untellable(change):
            self._reset(change)
            return
        state = await self._placed()
        if change.act is Act.MESSAGE:
            self._tell_message(change)
        while groups := self._unheard(change):
            for some in chunks(groups):
                if not await self._tell_some(change, state, some):
                    break
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            state = await self._placed()

    def _unheard(self, change: Change) -> list[Group]:
        return [
            group
            for group in self._index.groups(change)
            if any(member.after < change.n and not member.client.closed for member in group.members)
        ]

    async def _tell_some(self, change: Change, state: State, groups: list[Group]) -> bool:
        """Judge and tell some groups in one read. False: gather again, and go on with the rest.

        When the read fails, those that it had judged are told. One that fails as the first has
        had all the time there is: its clients have lost an event.
        """
        groups = [group for group in groups if group.members]
        if not groups:
            return True
        cases = self._cases(change, groups, state)
        verdicts, failed = Verdicts(), False
        try:
            if await self._sight.judge(state, cases, verdicts) is None:
                return False
        except (QuillError, SQLError) as error:
            _log.warning("realtime judging failed", reason=str(error), cases=len(cases))
            failed = True
        if self._sight.current().version != state.version:
            return False
        if verdicts.lost:
            self._hub.demote(verdicts.lost)
            return False
        position, name = self._hub.position(change.n), self._sight.name(change.table, state)
        for group, verdict in zip(groups, verdicts.records, strict=False):
            self._tell_group(change, verdict, name, position, group)
        if failed and not verdicts.records:
            self._miss(change, groups[0])
        return not failed

    # --- What cannot be told --------------------------------------------------------------------

    def _miss(self, change: Change, group: Group) -> None:
        """The rule of this group could not be judged for this change: its clients lost an event."""
        members = [member for member in group.members if member.after < change.n]
        for member in members:
            member.after = change.n
        self._resync(members, change.n, FAULT)
        for member in members:
            if member.client.closed:  # not when its stream has ended: the next would fail as well
                self._index.remove(member)

    def _reset(self, change: Change) -> None:
        """Too much changed to be told. After a reset of everything numbers may begin anew."""
        if change.table == EVERY_TABLE:
            feed = self._hub.feed = self._hub.words.feed
            members = [one for one in self._index.all() if one.feed != feed or one.after < change.n]
        else:
            members = [one for one in self._index.listeners(change.table) if one.after < change.n]
        for member in members:
            member.after, member.feed = change.n, self._hub.feed
        self._resync(members, change.n, RESET)

    def _resync(self, members: Iterable[Subscription], n: int, reason: str) -> None:
        position = self._hub.position(n)
        by_client: dict[Client, list[Subscription]] = {}
        for member in members:
            by_client.setdefault(member.client, []).append(member)
        for client, concerned in by_client.items():
            client.resync(concerned, position, reason)


def _lose(clients: Iterable[Client]) -> None:
    """Tell them that they have lost events, and end their connections."""
    for client in clients:
        client.overflow()

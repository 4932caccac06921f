"""Plays one case with real processes, and says where reads and subscriptions differ.

A step is one commit: the writes of the case, and its signal. When everybody has heard the signal,
what was told is compared with what requests of the same viewers show before and after the step.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.load import Connection
from tests.visibility.case import MISSING, Apart, Case, Step, Write, ident, keys_of
from tests.visibility.listeners import (
    EVERY,
    Heard,
    Listener,
    SocketListener,
    StreamListener,
    Told,
    missed,
    snapshot,
)
from tests.visibility.readers import Reader, Shown, spelled
from tests.visibility.stage import SIGNALS, Stage, signal_of

_ACTIONS = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
_ID = re.compile(r'.*"id": "([a-z0-9]*)".*')
ANYTHING = "whatever is shown of it"
"""Stands for the record where no read shows what is told."""


@dataclass
class Viewer:
    """One who looks: his requests, his listeners, and what the last reads showed."""

    name: str
    token: str
    reader: Reader
    listeners: list[Listener] = field(default_factory=list)
    shown: Shown = field(default_factory=Shown)
    began: str = ""
    heard: Heard = field(default_factory=dict)


class Scene:
    """One case on the stage. `problems`: all that is wrong, in words."""

    def __init__(self, stage: Stage, case: Case, *, sockets: bool) -> None:
        self._stage = stage
        self._case = case
        self._sockets = sockets
        self._connection = Connection(stage.url)
        self._viewers: list[Viewer] = []
        self._number = 0
        self.problems: list[str] = []

    async def play(self) -> list[str]:
        """All steps; what is wrong."""
        case = self._case
        last = all_steps(case)[-2].name
        try:
            await self._enter()
            for step in all_steps(case):
                await self._step(step)
                if step.name == "touch" and case.late and not case.kept:
                    await self._come_back("touch")
                if self._sockets and step.name in ("touch", last):
                    await self._snapshots(step)
            if not case.late:
                await self._come_back("the end")
        finally:
            await self._leave()
        return self.problems

    async def _enter(self) -> None:
        case = self._case
        for name in case.viewers:
            token = await asyncio.to_thread(self._stage.token_of, name, case)
            viewer = Viewer(name, token, Reader(self._connection, case, token))
            viewer.listeners.append(await StreamListener.open(self._stage.port, case, token))
            if self._sockets:
                socket = await SocketListener.open(self._stage.port, case, token)
                viewer.listeners.append(socket)
                viewer.began = socket.client.position
            viewer.shown = await viewer.reader.look(case.keys)
            self._viewers.append(viewer)

    async def _leave(self) -> None:
        await self._connection.close()
        for viewer in self._viewers:
            for listener in viewer.listeners:
                await listener.close()

    # --- One step -----------------------------------------------------------------------------

    async def _step(self, step: Step) -> None:
        self._number += 1
        await self._write(step.writes)
        for viewer in self._viewers:
            before, viewer.shown = viewer.shown, await viewer.reader.look(self._case.keys)
            self._check_reads(viewer, step)
            for listener in viewer.listeners:
                heard = await listener.until(self._number)
                self._check(viewer, listener, step, before, heard)
                if isinstance(listener, SocketListener):
                    for target, told in heard.items():
                        viewer.heard.setdefault(target, []).extend(told)

    async def _write(self, writes: Iterable[Write]) -> None:
        signal = Write("PATCH", signal_of(self._case.name), {"n": self._number}, SIGNALS)
        requests = [self._request(write) for write in (*writes, signal)]
        answer = await self._connection.request(
            "POST", "/api/batch", {"requests": requests}, self._root
        )
        assert answer.status == 200, (self._case.name, answer.body)

    def _request(self, write: Write) -> dict[str, object]:
        url = f"/api/collections/{write.where or self._case.name}/records"
        own_id = ident(write.key) if write.where else self._case.ident(write.key)
        if write.method == "POST":
            return {"method": "POST", "url": url, "body": {**(write.body or {}), "id": own_id}}
        return {"method": write.method, "url": f"{url}/{own_id}", "body": write.body or {}}

    @property
    def _root(self) -> dict[str, str]:
        return {"Authorization": self._stage.cluster.superuser_token()}

    # --- What must hold -----------------------------------------------------------------------

    def _check_reads(self, viewer: Viewer, step: Step) -> None:
        """What requests show is what a person expects."""
        listed, viewed = expected_keys(self._case, step, viewer.name)
        for kind, wanted, found in (
            ("list", listed, viewer.shown.listed), ("view", viewed, viewer.shown.viewed),
        ):  # fmt: skip
            if set(found) != set(map(self._case.ident, wanted)):
                self._say(viewer, step.name, kind, sorted(wanted), sorted(found))
        if step.name != "create":
            return
        for key, part in self._case.shows.get(viewer.name, {}).items():
            for shown in (viewer.shown.listed, viewer.shown.viewed):
                record = json.loads(shown[self._case.ident(key)])
                if not _holds(record, part):
                    self._say(viewer, step.name, f"record {key}", part, record)

    def _check(
        self, viewer: Viewer, listener: Listener, step: Step, before: Shown, heard: Heard
    ) -> None:
        """What was told is what requests show: after a create and an update, before a delete."""
        wanted = self._wanted(viewer, step, before, leaves=listener.leaves)
        for target in sorted({*wanted, *heard}):
            one, other = wanted.get(target, []), heard.get(target, [])
            same = len(one) == len(other) and all(map(_agree, one, other))
            if not same:
                self._say(viewer, step.name, f"{listener.name} {target}", one, other)

    def _wanted(self, viewer: Viewer, step: Step, before: Shown, *, leaves: bool) -> Heard:
        apart = self._apart(step)
        heard: Heard = {}
        for action, key in happened(step):
            own_id = self._case.ident(key)
            for target in (EVERY, own_id):
                old, new = (self._record(shown, target, own_id) for shown in (before, viewer.shown))
                record = old if action == "delete" else new
                if apart is not None:
                    hears = keys_of(apart.hears, viewer.name, " ".join(self._case.keys))
                    known = record if apart.alike else None
                    record = (known or ANYTHING) if key in hears else None
                if record is not None:
                    heard.setdefault(target, []).append(Told(action, record))
                elif leaves and action == "update" and old is not None and apart is None:
                    heard.setdefault(target, []).append(Told("leave", own_id))
        return heard

    def _apart(self, step: Step) -> Apart | None:
        return next((one for one in self._case.apart if one.at == step.name), None)

    def _record(self, shown: Shown, target: str, own_id: str) -> str | None:
        """As a read shows it. A view takes no filter; a subscription to one record does."""
        if target == EVERY:
            return shown.listed.get(own_id)
        if self._case.options.filter and own_id not in shown.listed:
            return None
        return shown.viewed.get(own_id)

    # --- Other ways in ------------------------------------------------------------------------

    async def _snapshots(self, step: Step) -> None:
        """A snapshot is the list, but for what the design has apart."""
        apart = self._apart(step)
        for viewer in self._viewers:
            found = await snapshot(self._stage.port, self._case, viewer.token)
            listed = sorted(viewer.shown.listed.values())
            if found is None:
                same = viewer.shown.refused
            elif apart is not None and apart.joining:
                hears = keys_of(apart.hears, viewer.name, " ".join(self._case.keys))
                same = {one["id"] for one in found} == set(map(self._case.ident, hears))
            else:
                same = sorted(map(spelled, found)) == listed
            if not same:
                self._say(viewer, step.name, "snapshot", listed, found)

    async def _come_back(self, when: str) -> None:
        """Who comes back with an old position is told what he would have been told."""
        if not self._sockets:
            return
        for viewer in self._viewers:
            found = await missed(self._stage.port, self._case, viewer.token, viewer.began)
            if found != viewer.heard:
                self._say(viewer, when, "come back", viewer.heard, found)

    def _say(self, viewer: Viewer, step: str, what: str, wanted: object, found: object) -> None:
        if _brief(wanted) != _brief(found):
            wanted, found = _brief(wanted), _brief(found)
        self.problems.append(
            f"{self._case.name} ({self._case.rule!r}) {viewer.name}, {step}, {what}:\n"
            f"    wanted {wanted}\n    found  {found}"
        )


def _agree(wanted: Told, found: Told) -> bool:
    return wanted == found or (wanted.action == found.action and wanted.record == ANYTHING)


def _brief(told: object) -> object:
    """Events by action and id, where that is enough to see what went wrong."""
    if isinstance(told, dict):
        return {target: _brief(each) for target, each in told.items()}
    if not isinstance(told, list):
        return told
    return [
        f"{one.action} " + _ID.sub(r"\1", one.record) if isinstance(one, Told) else one
        for one in told
    ]


def happened(step: Step) -> list[tuple[str, str]]:
    """What a step does to the records of its case, by action and key."""
    own = ((_ACTIONS[write.method], write.key) for write in step.writes if not write.where)
    return [*step.brings, *own]


def _holds(found: object, part: object) -> bool:
    """Whether `found` has all that `part` has, and nothing that it says is missing."""
    if not isinstance(part, dict):
        return spelled(found) == spelled(part)
    if not isinstance(found, dict):
        return False
    return all(
        key not in found if value == MISSING else key in found and _holds(found[key], value)
        for key, value in part.items()
    )


def all_steps(case: Case) -> list[Step]:
    """Creates, an update of each that changes nothing to see, the case's own, and deletes."""
    first = [key for key in case.keys if key not in case.later]
    gone = {key for step in case.steps for action, key in happened(step) if action == "delete"}
    left = [] if case.kept else [key for key in (*case.rows, *case.later) if key not in gone]
    return [
        Step("create", tuple(Write("POST", key, row) for key, row in case.rows.items())),
        Step("touch", tuple(Write("PATCH", key, {"turn": 1}) for key in first)),
        *case.steps,
        Step("delete", tuple(Write("DELETE", key) for key in left)),
    ]


def expected_keys(case: Case, step: Step, viewer: str) -> tuple[set[str], set[str]]:
    """The keys that the list and the views show after a step, as a person wrote them down."""
    every = " ".join(case.keys)
    said, there = case.sees, set(case.seeds)
    single = every if case.options.filter and case.rule == "" else None
    for one in all_steps(case):
        for action, key in happened(one):
            (there.discard if action == "delete" else there.add)(key)
        said = said if one.sees is None else one.sees
        if one.name == step.name:
            break
    found = said if case.views is None else case.views
    listed, viewed = keys_of(said, viewer, every), keys_of(single or found, viewer, every)
    return listed & there, viewed & there

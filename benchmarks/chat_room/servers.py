"""The two servers of a run, both started, and which requests of theirs stand against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import bare_target, quill_target
from benchmarks.bare_target import BareTarget
from benchmarks.chat_room import depot
from benchmarks.chat_room.pairs import Contest, Send
from benchmarks.chat_room.rounds import Load
from benchmarks.dataset import ID_FORMAT
from benchmarks.target import check

INSERT_CPU_US: Final = 160.0
READ_CPU_US: Final = 90.0
_WARM_UP: Final = 1_000
_MESSAGE: Final = json.dumps({"room": depot.ROOM, "data": "a message of some forty letters, or so"})


class Servers:
    """Our chat room, and bare with its memos (create) and posts (get)."""

    def __init__(self, ours: Load, bare: BareTarget, connections: int) -> None:
        self._ours = ours
        self._bare = bare
        self._bare_load = Load(bare.base_url, bare.owner, bare.pids, ours.folder, connections)
        self._scenarios = {each.name: each for each in bare.scenarios}

    def warm_up(self) -> None:
        """Let both write a little first."""
        self._insert("warm-up")(_WARM_UP)
        self._create("warm-up")(_WARM_UP)

    def check_bare(self) -> None:
        """Bare answers what it is asked truly. Raises TargetError."""
        for name in ("get", "create_owned"):
            check(self._bare, self._scenarios[name])

    def writes(self, count: int) -> Contest:
        """Messages by a member of the room, against memos by their author."""
        what = f"{count:,}"
        return Contest(
            count, INSERT_CPU_US, self._insert(f"insert {what}"), self._create(f"create {what}")
        )

    def reads(self, count: int, ids: list[str]) -> Contest:
        """These messages by their ids, against as many of bare's posts by theirs."""
        path = self._scenarios["get"].path.removesuffix("/{id}")
        theirs = [ID_FORMAT % number for number in range(len(ids))]
        return Contest(
            count,
            READ_CPU_US,
            partial(self._ours.read, f"read {count:,}", depot.MESSAGES, ids),
            partial(self._bare_load.read, f"get {count:,}", path, theirs),
        )

    def message_ids(self, count: int) -> list[str]:
        """The ids of so many messages. Raises TargetError."""
        return depot.message_ids(self._ours.base_url, self._ours.headers, count)

    def _insert(self, what: str) -> Send:
        return partial(self._ours.insert, what, depot.MESSAGES, _MESSAGE)

    def _create(self, what: str) -> Send:
        create = self._scenarios["create_owned"]
        return partial(self._bare_load.insert, what, create.path, create.body)


@contextmanager
def running(folder: Path, workers: int, connections: int) -> Iterator[Servers]:
    """Both, with as many workers each, until the block ends. Raises TargetError."""
    place = folder / "depot"
    depot.make(place)
    with (
        quill_target.cluster(place, workers) as quill,
        bare_target.running(folder, workers) as bare,
    ):
        depot.add_member(place)
        headers = depot.login(quill.base_url)
        ours = Load(quill.base_url, headers, quill.pids, folder, connections)
        yield Servers(ours, bare, connections)

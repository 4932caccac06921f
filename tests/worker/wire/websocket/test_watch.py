"""Who is looked for when a worker grows, and who is left alone."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import pytest

from tests.waiting import until_async
from worker.http.connections import End
from worker.wire.websocket import watch
from worker.wire.websocket.watch import Watch

UNSEEN = 1_000


@dataclass(eq=False)
class Someone:
    """A watched client over a real connection."""

    ends: tuple[End, End]
    seen: int = 0
    excused: int = 0
    cuts: list[int] = field(default_factory=list)

    def cut(self) -> None:
        """Remember that it was cut."""
        self.cuts.append(self.seen)


@pytest.fixture(autouse=True)
def _bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SOCKET_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(watch, "SOCKET_GROWTH_BYTES", 20_000_000)
    monkeypatch.setattr(watch, "SOCKET_UNSEEN_BYTES_MAX", UNSEEN)


def _count(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """What a function of the kernel said, each time it was asked."""
    original = getattr(watch, name)
    answers: list[int] = []

    def asked() -> object:
        answer = original()
        answers.append(answer)
        return answer

    monkeypatch.setattr(watch, name, asked)
    return answers


def test_growth_makes_it_look_for_those_who_sent_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sent what was handed over, or little else, stays; nobody is cut twice for the same."""
    looks = _count(monkeypatch, "received_bytes")

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            pairs = []
            for _ in range(3):
                client = socket.create_connection(listening.getsockname())
                pairs.append((client, listening.accept()[0]))
            flooder, talker, quiet = (
                Someone((served.getpeername(), served.getsockname())) for _client, served in pairs
            )
            unix = Someone((None, None))
            everybody = (flooder, talker, quiet, unix)
            watching = Watch()
            for someone in everybody:
                watching.add(someone)
            talker.seen = UNSEEN * 10
            for client, _served in pairs[:2]:
                client.sendall(b"x" * UNSEEN * 10)
            pairs[2][0].sendall(b"x" * UNSEEN)
            held = []
            for _ in range(2):
                held.append(b"x" * 60_000_000)
                await until_async(lambda: len(looks) == len(held), what="another look")
            assert [len(someone.cuts) for someone in everybody] == [1, 0, 0, 0]
            for someone in everybody:
                watching.remove(someone)
            for pair in pairs:
                for each in pair:
                    each.close()

    asyncio.run(scenario())


def test_without_growth_nobody_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sockets are not looked at; the size is."""
    looks, sizes = (_count(monkeypatch, name) for name in ("received_bytes", "resident_bytes"))

    async def scenario() -> None:
        watching = Watch()
        someone = Someone((None, None))
        watching.add(someone)
        await until_async(lambda: len(sizes) > 5)
        watching.remove(someone)
        assert not looks

    asyncio.run(scenario())

"""Calls between workers, and what becomes of them when a worker is replaced."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.errors import Kind, QuillError
from shared.run_directory import RunDirectory
from worker.engine import peers as peers_module
from worker.engine.peers import PeerGoneError, Peers


@pytest.fixture
def run_directory() -> Iterator[RunDirectory]:
    """A folder with a short path, since ipc paths are bounded."""
    made = Path(tempfile.mkdtemp(prefix="quill-"))
    yield RunDirectory(made)
    shutil.rmtree(made)


async def _shout(payload: bytes) -> bytes:
    return payload.upper()


@contextmanager
def started(run_directory: RunDirectory, slot: int, incarnation: int) -> Iterator[Peers]:
    """A worker's peer socket, bound."""
    peers = Peers(run_directory, slot, incarnation)
    peers.serve("shout", _shout)
    peers.start()
    try:
        yield peers
    finally:
        peers.close()


def test_a_call_is_answered(run_directory: RunDirectory) -> None:
    """Many calls at once, each gets its own answer."""

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one, started(run_directory, 1, 20) as two:
            words = [f"word{n}".encode() for n in range(200)]
            answers = await asyncio.gather(*(one.call(1, 20, "shout", word) for word in words))
            assert answers == [word.upper() for word in words]
            assert await two.call(0, 10, "shout", b"back") == b"BACK"

    asyncio.run(scenario())


def test_another_incarnation_is_gone(run_directory: RunDirectory) -> None:
    """The slot's new holder does not answer for the old one; an unknown kind is gone, too."""

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one, started(run_directory, 1, 20):
            with pytest.raises(PeerGoneError):
                await one.call(1, 19, "shout", b"x")
            with pytest.raises(PeerGoneError):
                await one.call(1, 20, "whisper", b"x")

    asyncio.run(scenario())


def test_a_predecessor_asks_its_successor(run_directory: RunDirectory) -> None:
    """Who is still connected to a worker that drains reaches the one that took its slot."""

    async def scenario() -> None:
        with (
            started(run_directory, 0, 10) as one,
            started(run_directory, 1, 20),
        ):
            assert await one.call(1, 20, "shout", b"a") == b"A"
            with started(run_directory, 1, 21):
                assert await one.call(1, 21, "shout", b"b") == b"B"
                with pytest.raises(PeerGoneError):
                    await one.call(1, 19, "shout", b"c")

    asyncio.run(scenario())


def test_a_successor_takes_the_address_over(run_directory: RunDirectory) -> None:
    """A predecessor that ends later does not take its successor's address away."""

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one, ExitStack() as life_of_old:
            life_of_old.enter_context(started(run_directory, 1, 20))
            assert await one.call(1, 20, "shout", b"a") == b"A"
            with started(run_directory, 1, 21):
                assert await one.call(1, 20, "shout", b"still connected") == b"STILL CONNECTED"
                life_of_old.close()
                assert await _answered(one, 21) == b"B"
                with pytest.raises(PeerGoneError):
                    await one.call(1, 20, "shout", b"x")

    asyncio.run(scenario())


async def _answered(peers: Peers, incarnation: int) -> bytes:
    """Ask until the connection to the predecessor is gone."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await peers.call(1, incarnation, "shout", b"b")
            except QuillError:
                await asyncio.sleep(0.01)


def test_nobody_there_is_a_time_out(
    run_directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot without a process ends in UNAVAILABLE."""
    monkeypatch.setattr(peers_module, "PEER_TIMEOUT_SECONDS", 0.1)

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one:
            with pytest.raises(QuillError) as caught:
                await one.call(7, 1, "shout", b"x")
            assert caught.value.kind is Kind.UNAVAILABLE

    asyncio.run(scenario())


def test_sockets_are_bounded_and_their_failure_is_an_answer(
    run_directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One socket too many, or one that cannot connect, is UNAVAILABLE and leaves nothing open."""
    monkeypatch.setattr(peers_module, "PEER_SOCKETS_MAX", 1)

    async def refused(one: Peers, slot: int) -> None:
        with pytest.raises(QuillError) as caught:
            await one.call(slot, 20, "shout", b"x")
        assert caught.value.kind is Kind.UNAVAILABLE

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one, started(run_directory, 1, 20):
            await refused(one, 10**120)  # too long for a path: ZeroMQ refuses
            assert not one._dealers
            assert await one.call(1, 20, "shout", b"x") == b"X"
            await refused(one, 2)
            assert await one.call(1, 20, "shout", b"x") == b"X"
            assert (list(one._dealers), len(one._descriptors), one._waiting) == ([1], 2, {})

    asyncio.run(scenario())


def test_a_handler_that_fails_is_told(run_directory: RunDirectory) -> None:
    """The caller gets UNAVAILABLE, and the peer goes on."""

    async def fail(_payload: bytes) -> bytes:
        raise ValueError

    async def scenario() -> None:
        with started(run_directory, 0, 10) as one, started(run_directory, 1, 20) as two:
            two.serve("fail", fail)
            with pytest.raises(QuillError) as caught:
                await one.call(1, 20, "fail", b"x")
            assert caught.value.kind is Kind.UNAVAILABLE
            assert await one.call(1, 20, "shout", b"x") == b"X"

    asyncio.run(scenario())

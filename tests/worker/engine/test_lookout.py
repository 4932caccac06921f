"""A look that fails ends nothing, and each reason is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from shared.errors import invalid
from worker.engine import lookout
from worker.engine.lookout import Lookout


class _Log:
    """Levels and reasons of what is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def warning(self, event: str, *, reason: str) -> None:
        self.told.append(("warning", event, reason))

    def error(self, event: str, *, exc_info: bool) -> None:
        assert exc_info
        self.told.append(("error", event, ""))


async def _run(slot: int, results: Iterator[Exception | None]) -> int:
    """Look until the results are used up; how often it was looked."""
    looks, ended = 0, asyncio.Event()

    async def look() -> None:
        nonlocal looks
        looks += 1
        try:
            result = next(results)
        except StopIteration:
            ended.set()
            await asyncio.Event().wait()
        if result is not None:
            raise result

    watch = Lookout(slot, "clouds", 0, look)
    watch.start()
    if slot == 0:
        await asyncio.wait_for(ended.wait(), 30)
    else:
        await asyncio.sleep(0)
    watch.stop()
    return looks


def test_it_goes_on_and_tells_each_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that was gone in between is told anew; a fault of ours each time."""
    log, event = _Log(), "clouds cannot be looked at"
    monkeypatch.setattr(lookout, "_log", log)
    results = [invalid("fog"), invalid("fog"), OSError("rain"), None, OSError("rain"), ValueError()]
    assert asyncio.run(_run(0, iter(results))) == len(results) + 1
    assert log.told == [
        ("warning", event, "fog"),
        ("warning", event, "rain"),
        ("warning", event, "rain"),
        ("error", event, ""),
    ]


def test_workers_of_other_slots_do_not_look() -> None:
    """One is enough."""
    assert asyncio.run(_run(1, iter([None]))) == 0

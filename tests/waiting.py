"""Waiting for a condition with a deadline: the one place in the tests that sleeps to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, seconds: float = 10.0, what: str = "condition") -> T:
    """Poll until `condition` returns something true, and return it.

    Raises AssertionError after `seconds`, naming `what` and the last value seen.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: still {value!r} after {seconds} s"
        time.sleep(0.01)


async def until_async(
    condition: Callable[[], T], *, seconds: float = 10.0, what: str = "condition"
) -> T:
    """The same on an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: still {value!r} after {seconds} s"
        await asyncio.sleep(0.005)

"""The board example in headless Chromium, driven by Playwright: its server, and one object a tab."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess
from tests.waiting import until

EXAMPLE = Path(__file__).parents[2] / "examples/board"
CHANGES = ("create", "update", "delete")
_SECONDS = 30.0
_RELOADS_MAX = 40  # the chance that all land on the same one of two workers is nil


class Told(NamedTuple):
    """One message of the server about a card, as the page logged it."""

    type: str
    id: str
    position: str

    @property
    def number(self) -> int:
        """Place in the log of changes."""
        return int(self.position.rsplit(":", 1)[1])


def require_chromium() -> str:
    """Its path. Skips without it on a developer's machine; in CI it must be there."""
    path = shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "chromium is missing: run `make tools`"
        pytest.skip("chromium is not installed: run `make tools`")
    return path


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    path = require_chromium()
    with sync_playwright() as playwright:
        # No sandbox: Chromium has none for root, and tests run as root in containers.
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield running
        finally:
            running.close()


@contextmanager
def served(cluster: ClusterProcess) -> Iterator[str]:
    """Run `setup.py` as its page says; the address that it prints."""
    cluster.superuser_token()
    command = [sys.executable, "setup.py", cluster.url, EMAIL, PASSWORD, "0"]
    with subprocess.Popen(command, cwd=EXAMPLE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/\?api=\S+", said)
            assert found, said
            yield found[0]
        finally:
            process.terminate()


class Tab:
    """One tab that shows the board."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.live()

    def live(self) -> None:
        """Wait until the header says so."""
        self.page.wait_for_selector('#status[data-state="live"]', timeout=_SECONDS * 1000)

    @property
    def slot(self) -> int:
        """The worker that the header names."""
        return int(self.page.inner_text("#slot").removeprefix("on worker "))

    def reload_until_on(self, slot: int) -> None:
        """The kernel chooses a worker for each connection."""
        for _ in range(_RELOADS_MAX):
            if self.slot == slot:
                return
            self.page.reload()
            self.live()
        raise AssertionError(f"never on worker {slot}")

    def cards(self, column: str) -> list[str]:
        """Titles in a column from top to bottom, one a DOM element."""
        return self.page.locator(f"#{column} li .title").all_inner_texts()

    def shows(self, column: str, *titles: str) -> None:
        """Wait until a column holds just these, in this order."""
        wanted = list(titles)
        what = f"{column} = {wanted}"
        until(lambda: self.cards(column) == wanted, seconds=_SECONDS, what=what)

    def holds(self, column: str, ids: list[str]) -> None:
        """Wait until the elements of a column are these cards, in this order."""
        until(lambda: self.ids(column) == ids, seconds=_SECONDS, what=f"{column} is right")

    def ids(self, column: str) -> list[str]:
        """The ids of the cards in a column from top to bottom."""
        script = "column => [...document.querySelectorAll(`#${column} li`)].map(e => e.dataset.id)"
        found: list[str] = self.page.evaluate(script, column)
        return found

    def messages(self) -> list[dict[str, Any]]:
        """Everything that the server said since the page was loaded."""
        found: list[dict[str, Any]] = self.page.evaluate("board.log")
        return found

    def told(self, *types: str) -> list[Told]:
        """The messages of these types about single cards."""
        return [
            Told(each["type"], each.get("id") or each["record"]["id"], each["position"])
            for each in self.messages()
            if each["type"] in types
        ]

    def add(self, column: str, title: str) -> None:
        """Type a new card."""
        self.page.fill(f"#{column} input[name=title]", title)
        self.page.press(f"#{column} input[name=title]", "Enter")

    def press(self, title: str, button: str) -> None:
        """Press left, right or delete on a card."""
        self.page.locator("li", has_text=title).locator(f".{button}").click()

    def retitle(self, title: str, new: str) -> None:
        """Edit a card's title in its place."""
        self.page.locator("li .title", has_text=title).fill(new)
        self.page.keyboard.press("Enter")

    def label(self, title: str, label: str) -> None:
        """Choose a card's label."""
        self.page.locator("li", has_text=title).locator(".label").select_option(label)

    def drag(self, title: str, onto: str) -> None:
        """Drag a card onto a selector."""
        self.page.locator("li", has_text=title).locator("footer").drag_to(self.page.locator(onto))

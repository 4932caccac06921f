"""One JSON line an event, without secrets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import logs

_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6ImEifQ.c2lnbmF0dXJl"


def _events(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_an_event_is_one_line_with_its_process(capfd: pytest.CaptureFixture[str]) -> None:
    """Time in UTC, level, process, slot and pid, and the caller's fields."""
    logs.configure("worker", "info", slot=2)
    logs.get_logger().info("slow request", request_id="r1", text="two\nlines")
    logs.get_logger().debug("not wanted")
    (event,) = _events(capfd)
    assert event["event"] == "slow request"
    assert (event["process"], event["slot"], event["level"]) == ("worker", 2, "info")
    assert (event["request_id"], event["text"]) == ("r1", "two\nlines")
    assert event["pid"] > 0
    age = datetime.now(UTC) - datetime.fromisoformat(event["time"])
    assert abs(age.total_seconds()) < 60


def test_secrets_are_redacted(capfd: pytest.CaptureFixture[str]) -> None:
    """By name one level deep, and token-like text anywhere."""
    logs.configure("worker", "info")
    logs.get_logger().info(
        f"saw {_JWT}",
        password="p1",
        tokenKey="k1",
        body={"newPassword": "p2", "title": "kept", "note": f"x {_JWT}"},
        headers=[{"Authorization": "p3"}, f"Bearer {_JWT}"],
        url="/_/setup?token=p4&x=1",
        raw=b"bytes",
    )
    text = capfd.readouterr().err
    for secret in ("p1", "k1", "p2", "p3", "p4", _JWT):
        assert secret not in text
    event = json.loads(text)
    assert event["body"]["title"] == "kept"
    assert event["url"] == "/_/setup?token=[redacted]&x=1"
    assert event["raw"] == "bytes"


def test_exceptions_and_library_logs_are_events(capfd: pytest.CaptureFixture[str]) -> None:
    """A traceback is a field; the standard library's records come the same way."""
    logs.configure("writer", "info")
    try:
        raise ValueError(_JWT)
    except ValueError:
        logs.get_logger().exception("it failed")
    logging.getLogger("asyncio").warning("task %s", 3)
    failed, task = _events(capfd)
    assert "ValueError" in failed["exception"]
    assert _JWT not in failed["exception"]
    assert (task["event"], task["logger"], task["level"]) == ("task 3", "asyncio", "warning")


def test_what_json_cannot_say_is_told_by_its_repr(capfd: pytest.CaptureFixture[str]) -> None:
    """A log call never fails for its values."""
    logs.configure("cli")
    logs.get_logger().info("odd", value=object, not_utf8=b"\xff", number=float("nan"))
    (event,) = _events(capfd)
    assert event["value"] == "<class 'object'>"


def test_the_import_leaves_rich_out() -> None:
    """structlog's console renderer would cost every process 9 MB."""
    code = (
        "import sys, shared.logs; print('rich' in sys.modules); import rich; print(rich.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "rich"]

"""Structured logs: one JSON line an event on stderr, UTC time, secrets redacted.

`configure(process, level)` once at the start of a process, then `log = get_logger()` anywhere and
`log.info("event in plain words", request_id=…, key=value)`. It must not grow handlers, files or
rotation: systemd, Docker or the shell own the stream.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import msgspec

# structlog's console renderer, which we never use, would import rich: 9 MB in every process (m).
_BLOCKED = "rich" not in sys.modules
if _BLOCKED:
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _BLOCKED:
        del sys.modules["rich"]

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
REDACTED: Final = "[redacted]"

_SECRET_PARTS = ("password", "secret", "token", "authorization", "cookie", "apikey")
_SECRET_TEXT = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JWT, wherever it stands
    r"|(?<=[?&]token=)[^&\s\"']+"  # the token of a link
)
_STDERR = 2

Event = MutableMapping[str, Any]


class _Lines:
    """Writes each event with one write(2), so that the lines of many processes stay whole.

    A closed log pipe never ends a process that serves requests.
    """

    def msg(self, line: bytes) -> None:
        """Write one rendered event."""
        with contextlib.suppress(OSError):
            os.write(_STDERR, line + b"\n")

    debug = info = warning = error = critical = exception = log = msg


class _Forwarded(logging.Handler):
    """Sends what libraries log through the standard library the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Turn one record into one event."""
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.ERROR)
        get_logger().log(
            level, record.getMessage(), logger=record.name, exc_info=record.exc_info or None
        )


def configure(process: str, level: str = "info", *, slot: int | None = None) -> None:
    """Set up the logs of this process; `process` is supervisor, writer, worker or cli.

    Raises KeyError for a level that does not exist.
    """
    threshold = LEVELS[level.lower()]
    fixed = {"process": process, "pid": os.getpid()}
    if slot is not None:
        fixed["slot"] = slot

    def add_process(_logger: object, _method: str, event: Event) -> Event:
        for name, value in fixed.items():
            event.setdefault(name, value)
        return event

    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.add_log_level,
            add_process,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[_Forwarded()], force=True)


def is_debugging() -> bool:
    """Debug events are wanted. Hot paths ask once, when built: an unwanted event costs 10 µs."""
    wanted = structlog.make_filtering_bound_logger(logging.DEBUG)  # one object a level
    return structlog.get_config()["wrapper_class"] is wanted


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of this process; configured for `cli` when nobody has done it yet."""
    if not structlog.is_configured():
        configure("cli")
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def redact(_logger: object, _method: str, event: Event) -> Event:
    """Hide values of secret names, one level deep, and token-like text anywhere."""
    for name, value in event.items():
        if name == "event":
            event[name] = _clean(value)
        elif _is_secret(name):
            event[name] = REDACTED
        elif isinstance(value, Mapping):
            event[name] = _clean_mapping(value)
        elif isinstance(value, (list, tuple)):
            event[name] = [
                _clean_mapping(item) if isinstance(item, Mapping) else _clean(item)
                for item in value
            ]
        else:
            event[name] = _clean(value)
    return event


def _clean_mapping(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): REDACTED if _is_secret(str(name)) else _clean(value)
        for name, value in values.items()
    }


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return any(part in plain for part in _SECRET_PARTS)


def _clean(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _SECRET_TEXT.sub(REDACTED, value) if isinstance(value, str) else value


def _encode(event: Event, **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)

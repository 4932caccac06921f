"""What a depot's settings are read from: two files, the environment, and a mark of their state.

It takes nothing apart, so that asking whether anything has changed costs two calls of stat.

The mark is made of the files' identity, size and times rather than of what they hold, and of the
environment without its secrets: it is kept in the database, and nobody who has that should be able
to try out passwords on it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from shared.config.default_text import DEFAULT_TEXT
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from shared.limits import CONFIG_BYTES_MAX

SECTIONS: Final = (
    "EMAIL", "SERVER", "AUTH", "BATCH", "RATE_LIMITS", "TRUSTED_PROXY", "LOGS", "BACKUPS",
)  # fmt: skip
"""Groups of settings that environment variables may override."""
_OVERRIDE: Final = re.compile(rf"(?:QUILL|TRAIL)_(?:{'|'.join(SECTIONS)})_[A-Z0-9_]+")
_SECRET: Final = re.compile(r"(?:PASSWORD|SECRET|SECRET_ACCESS_KEY)$")
_DEFAULT: Final = DEFAULT_TEXT.encode()
_ATTEMPTS: Final = 20
_NO_FILE: Final = "no file"


class Sources(NamedTuple):
    """What settings are made of, as bytes and texts; a file that is not there is empty.

    `digest`: the mark of exactly this state; `""` where nothing is set at all.
    """

    config: bytes
    secrets: bytes
    environment: Mapping[str, str]
    digest: str


def overrides(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that may override a setting."""
    return {name: text for name, text in environment.items() if _OVERRIDE.fullmatch(name)}


def sources_digest(layout: DepotLayout, environment: Mapping[str, str]) -> str:
    """The mark of the present state. What cannot be read has one, too, which no settings are of."""
    marks = [_mark_at(layout.config), _mark_at(layout.secrets)]
    return _digest(marks, overrides(environment))


def read_sources(layout: DepotLayout, environment: Mapping[str, str]) -> Sources:
    """Read all of it. Raises ConfigError for what is no file, too large, or never stands still."""
    config, config_mark = _read(layout.config)
    secrets, secrets_mark = _read(layout.secrets)
    given = overrides(environment)
    return Sources(config, secrets, given, _digest([config_mark, secrets_mark], given))


def _digest(marks: list[str], given: Mapping[str, str]) -> str:
    if not any(marks) and not given:
        return ""
    told = {name: "" if _SECRET.search(name) else text for name, text in given.items()}
    # As ASCII: the bytes of a variable may be no UTF-8, for which it is refused only later.
    return sha256(ascii([marks, sorted(told.items())]).encode()).hexdigest()


def _mark_at(path: Path) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return _NO_FILE
        if found.st_size == len(_DEFAULT) and path.read_bytes() == _DEFAULT:
            return ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{_NO_FILE}: {error.errno}"
    return _mark(found)


def _mark(found: os.stat_result) -> str:
    times = f"{found.st_mtime_ns}:{found.st_ctime_ns}"
    return f"{found.st_ino}:{found.st_size}:{times}" if found.st_size else ""


def _read(path: Path) -> tuple[bytes, str]:
    """What a file holds and the mark of that: read again where it changed meanwhile."""
    for _ in range(_ATTEMPTS):
        try:
            with open(path, "rb", opener=_at_once) as file:
                before = os.fstat(file.fileno())
                if not stat.S_ISREG(before.st_mode):
                    raise ConfigError(f"{path} is no file")
                if before.st_size > CONFIG_BYTES_MAX:
                    raise ConfigError(f"{path} is larger than {CONFIG_BYTES_MAX} bytes")
                content = file.read(CONFIG_BYTES_MAX + 1)
                after = os.fstat(file.fileno())
        except FileNotFoundError:
            return b"", ""
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
        if _mark(before) == _mark(after) and len(content) == after.st_size:
            return content, "" if content == _DEFAULT else _mark(after)
    raise ConfigError(f"{path} keeps changing while it is read")


def _at_once(path: str, flags: int) -> int:
    """A pipe would have its reader wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)

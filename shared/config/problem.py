"""What is wrong with settings, as something to raise and something to read."""

from __future__ import annotations

from shared.errors import FieldError, Problems


class ConfigError(Exception):
    """Settings that cannot be accepted; nothing of them holds.

    `problems`: by the dotted path of the setting, as `server.site_url` or `record_apis.0.name`;
    empty where the text as a whole cannot be read. No value is told: it may be a secret.
    """

    def __init__(self, message: str, problems: Problems | None = None) -> None:
        self.problems = problems or {}
        told = [f"{path}: {problem.message}" for path, problem in self.problems.items()]
        super().__init__(f"{message}: {' '.join(told)}" if told else message)


def wrong(code: str, message: str, **params: object) -> FieldError:
    """What is wrong with one setting."""
    return FieldError(code, message, params or None)

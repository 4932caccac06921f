"""Settings from command-line words and the environment, both named by the fields of `Settings`.

The words of `quillbase run`, which become those of `python -P -m cluster supervisor`, are read here
without a command-line library, since it is parsed on the way to the first answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from shared.settings import Settings

ENVIRONMENT_PREFIX = "QUILL_"


class ArgumentError(Exception):
    """The words make no settings. The message is for the user."""


def flag(field: str) -> str:
    """`ops_port` → `--ops-port`."""
    return "--" + field.replace("_", "-")


def from_words(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Settings:
    """Read `--name value` and `--name=value`; QUILL_NAME of `environment` stands in for a flag.

    Raises ArgumentError with a sentence for the user.
    """
    given = _from_environment(environment or {})
    fields = {flag(name): name for name in Settings.__struct_fields__}
    rest = list(words)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word not in fields:
            raise ArgumentError(f"There is no option {word}.")
        if not equals:
            if not rest:
                raise ArgumentError(f"{word} needs a value.")
            value = rest.pop(0)
        given[fields[word]] = value
    return build(given)


def build(values: Mapping[str, object]) -> Settings:
    """Settings from texts or typed values; lists are separated by commas.

    Raises ArgumentError with a sentence for the user.
    """
    typed = {
        name: tuple(filter(None, (part.strip() for part in value.split(","))))
        if isinstance(value, str) and isinstance(getattr(_DEFAULTS, name), tuple)
        else value
        for name, value in values.items()
    }
    try:
        settings = msgspec.convert(typed, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at `$.")
        option = flag(at.rstrip("`")) if at else "the options"
        raise ArgumentError(f"{option}: {reason}.") from None
    if settings.log_level.lower() not in ("debug", "info", "warning", "error"):
        raise ArgumentError("--log-level: debug, info, warning or error.")
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in Settings.__struct_fields__:
        value = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if value is not None:
            found[name] = value
    return found


_DEFAULTS = Settings()

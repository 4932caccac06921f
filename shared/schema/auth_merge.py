"""The options of an auth collection as a definition asks for them, merged with those it has.

An object is merged key by key, a list is replaced, null means no change (a rule apart, for which it
is a value). Secrets that are not sent stay; they are never shown, so nobody could send them back.
Whether all of it holds together is judged afterwards (`shared.schema.auth_judge`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError, Problems
from shared.limits import MAIL_TEMPLATE_CHARS_MAX, OPTION_ITEMS_MAX
from shared.schema.auth_options import new_secret
from shared.schema.fields.field import WRONG_TYPE, Field
from shared.schema.fields.options import (
    OptionError,
    is_clean_text,
    read_bool,
    read_count,
    read_text,
    read_texts,
)
from shared.schema.index_list import renamed_fields


def read_rule(raw: object) -> str | None:
    """A rule's text, or None. Raises OptionError."""
    if raw is not None and (not isinstance(raw, str) or not is_clean_text(raw)):
        raise OptionError(WRONG_TYPE)
    return raw


def _read_mail(raw: object) -> str:
    if not isinstance(raw, str) or not is_clean_text(raw):
        raise OptionError(WRONG_TYPE)
    if len(raw) > MAIL_TEMPLATE_CHARS_MAX:
        message = f"Must be no longer than {MAIL_TEMPLATE_CHARS_MAX} characters."
        raise OptionError(FieldError("validation_length_too_long", message))
    return raw


def _read_list(raw: object) -> list[Any]:
    return list(read_texts(raw))


def _read_providers(raw: object) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > OPTION_ITEMS_MAX:
        raise OptionError(WRONG_TYPE)
    return raw


def _read_pkce(raw: object) -> bool | None:
    return None if raw is None else read_bool(raw)


def _read_extra(raw: object) -> dict[str, Any] | None:
    if raw is not None and not isinstance(raw, dict):
        raise OptionError(WRONG_TYPE)
    return raw


_MAIL: Final = {"subject": read_text, "body": _read_mail}
_TOKEN: Final = {"duration": read_count, "secret": read_text}
_SHAPE: Final[dict[str, Any]] = {
    "authRule": read_rule,
    "manageRule": read_rule,
    "authAlert": {"enabled": read_bool, "emailTemplate": _MAIL},
    "oauth2": {
        "enabled": read_bool,
        "providers": _read_providers,
        "mappedFields": dict.fromkeys(("id", "name", "username", "avatarURL"), read_text),
    },
    "passwordAuth": {"enabled": read_bool, "identityFields": _read_list},
    "mfa": {"enabled": read_bool, "duration": read_count, "rule": read_text},
    "otp": {
        "enabled": read_bool,
        "duration": read_count,
        "length": read_count,
        "emailTemplate": _MAIL,
    },
    "authToken": _TOKEN,
    "passwordResetToken": _TOKEN,
    "emailChangeToken": _TOKEN,
    "verificationToken": _TOKEN,
    "fileToken": _TOKEN,
    "verificationTemplate": _MAIL,
    "resetPasswordTemplate": _MAIL,
    "confirmEmailChangeTemplate": _MAIL,
}
_PROVIDER: Final[dict[str, Any]] = {
    "pkce": _read_pkce,
    "name": read_text,
    "clientId": read_text,
    "clientSecret": read_text,
    "authURL": read_text,
    "tokenURL": read_text,
    "userInfoURL": read_text,
    "displayName": read_text,
    "extra": _read_extra,
}
_NULLABLE: Final = (read_rule, _read_pkce, _read_extra)
_NEW_PROVIDER: Final[dict[str, Any]] = {
    **dict.fromkeys(_PROVIDER, ""), "pkce": None, "extra": None,
}  # fmt: skip


def merge_options(
    old: Mapping[str, Any], body: Mapping[str, object]
) -> tuple[dict[str, Any], Problems]:
    """`old` with the changes that `body` asks for, and what cannot be read of them.

    A new rule for logins makes the sessions begun under the former one end: their secret goes.
    """
    merged = copy.deepcopy(dict(old))
    problems: Problems = {}
    asked = {key: value for key, value in body.items() if key in merged}
    _merge_object(merged, asked, _SHAPE, "", problems)
    _merge_providers(merged, old, problems)
    _keep_secrets(merged, old)
    rotates = merged.get("authRule") != old.get("authRule")
    if rotates and merged["authToken"]["secret"] == old["authToken"]["secret"]:
        merged["authToken"]["secret"] = new_secret()
    return merged, problems


def _merge_object(
    into: dict[str, Any],
    asked: Mapping[str, object],
    shape: Mapping[str, Any],
    place: str,
    problems: Problems,
) -> None:
    for key, read in shape.items():
        if key not in asked:
            continue
        value, where = asked[key], f"{place}{key}"
        if value is None and read not in _NULLABLE:
            continue
        if isinstance(read, dict):
            if isinstance(value, Mapping):
                inner = into.setdefault(key, {})
                _merge_object(inner, value, read, f"{where}.", problems)
            else:
                problems[where] = WRONG_TYPE
            continue
        try:
            into[key] = read(value)
        except OptionError as problem:
            problems[where] = problem.error


def _merge_providers(merged: dict[str, Any], old: Mapping[str, Any], problems: Problems) -> None:
    """Each provider as its own object; a secret that is not sent is that of the same name."""
    before = {
        one.get("name"): one.get("clientSecret", "")
        for one in old.get("oauth2", {}).get("providers") or ()
    }
    read: list[dict[str, Any]] = []
    for position, raw in enumerate(merged.get("oauth2", {}).get("providers") or ()):
        place = f"oauth2.providers.{position}"
        if not isinstance(raw, Mapping):
            problems[place] = WRONG_TYPE
            continue
        provider = dict(_NEW_PROVIDER)
        _merge_object(provider, raw, _PROVIDER, f"{place}.", problems)
        provider["clientSecret"] = provider["clientSecret"] or before.get(provider["name"], "")
        read.append(provider)
    if "oauth2" in merged:
        merged["oauth2"]["providers"] = read


def _keep_secrets(merged: dict[str, Any], old: Mapping[str, Any]) -> None:
    """An empty secret is no new one."""
    for key, value in merged.items():
        if isinstance(value, dict) and value.get("secret") == "":
            value["secret"] = old[key]["secret"]


def carry_field_names(
    options: dict[str, Any], old_fields: Sequence[Field], fields: Sequence[Field]
) -> None:
    """Let options that name a field by its former name go on with its present one."""
    present = {field.name for field in fields}
    former = renamed_fields(old_fields, fields)

    def now(name: str) -> str:
        return name if name in present else former.get(name.lower(), name)

    password = options["passwordAuth"]
    password["identityFields"] = [now(name) for name in password["identityFields"]]
    mapped = options["oauth2"]["mappedFields"]
    mapped.update({key: now(name) for key, name in mapped.items() if name})

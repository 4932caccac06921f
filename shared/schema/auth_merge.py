"""The options of an auth collection as a definition asks for them: merged, then judged as a whole.

An object is merged key by key, a list is replaced, null means no change (a rule apart, for which it
is a value). Secrets that are not sent stay; they are never shown, so nobody could send them back.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError
from shared.limits import MAIL_TEMPLATE_CHARS_MAX, OPTION_ITEMS_MAX
from shared.schema.auth_options import OAUTH2_PROVIDERS, new_secret
from shared.schema.fields.field import REQUIRED, Field
from shared.schema.fields.options import (
    OptionError,
    at_least,
    at_most,
    is_clean_text,
    read_bool,
    read_count,
    read_text,
    read_texts,
)
from shared.schema.index_list import renamed_fields, unique_fields

Problems = dict[str, FieldError]

_WRONG: Final = FieldError("validation_invalid_value", "The value has the wrong type.")


def read_rule(raw: object) -> str | None:
    """A rule's text, or None. Raises OptionError."""
    if raw is not None and (not isinstance(raw, str) or not is_clean_text(raw)):
        raise OptionError(_WRONG)
    return raw


def _read_mail(raw: object) -> str:
    if not isinstance(raw, str) or not is_clean_text(raw):
        raise OptionError(_WRONG)
    if len(raw) > MAIL_TEMPLATE_CHARS_MAX:
        message = f"Must be no longer than {MAIL_TEMPLATE_CHARS_MAX} characters."
        raise OptionError(FieldError("validation_length_too_long", message))
    return raw


def _read_list(raw: object) -> list[Any]:
    return list(read_texts(raw))


def _read_providers(raw: object) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > OPTION_ITEMS_MAX:
        raise OptionError(_WRONG)
    return raw


def _read_pkce(raw: object) -> bool | None:
    return None if raw is None else read_bool(raw)


def _read_extra(raw: object) -> dict[str, Any] | None:
    if raw is not None and not isinstance(raw, dict):
        raise OptionError(_WRONG)
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
                problems[where] = _WRONG
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
            problems[place] = _WRONG
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


# --- Judging ------------------------------------------------------------------------------------

_SECRET_CHARS: Final = (30, 255)
_TOKEN_SECONDS: Final = (10, 94_670_856)  # three years
_CODE_SECONDS: Final = (10, 86_400)
_CODE_CHARS: Final = (4, 100)
_NOT_YET: Final = FieldError("validation_invalid_value", "This is not supported yet.")


def option_problems(
    options: Mapping[str, Any], fields: Sequence[Field], indexes: Sequence[str], *, superusers: bool
) -> Problems:
    """What is wrong with the options of an auth collection with these fields and indexes.

    `superusers`: these must not shut themselves out by what is not built.
    """
    problems: Problems = {}
    if options["manageRule"] == "":
        message = "Must be null or a rule: an empty one would let everybody manage all records."
        problems["manageRule"] = FieldError("validation_nil_or_not_empty_required", message)
    _judge_numbers(options, problems)
    _judge_mails(options, problems)
    _judge_password(options["passwordAuth"], fields, indexes, problems)
    _judge_providers(options["oauth2"]["providers"], problems)
    ways = sum(bool(options[key]["enabled"]) for key in ("passwordAuth", "oauth2", "otp"))
    if options["mfa"]["enabled"] and ways < 2:
        message = "There must be at least two ways to log in."
        problems["mfa.enabled"] = FieldError("validation_mfa_not_enough_auths", message)
    if superusers:
        _judge_superusers(options, problems)
    return problems


def _judge_numbers(options: Mapping[str, Any], problems: Problems) -> None:
    for key, value in options.items():
        if key.endswith("Token"):
            _bound(f"{key}.duration", value["duration"], _TOKEN_SECONDS, problems)
            if not _SECRET_CHARS[0] <= len(value["secret"]) <= _SECRET_CHARS[1]:
                problems[f"{key}.secret"] = FieldError(
                    "validation_length_out_of_range",
                    f"Must have between {_SECRET_CHARS[0]} and {_SECRET_CHARS[1]} characters.",
                    {"min": _SECRET_CHARS[0], "max": _SECRET_CHARS[1]},
                )
    for key in ("mfa", "otp"):
        if options[key]["enabled"]:
            _bound(f"{key}.duration", options[key]["duration"], _CODE_SECONDS, problems)
    if options["otp"]["enabled"]:
        _bound("otp.length", options["otp"]["length"], _CODE_CHARS, problems)


def _bound(place: str, value: int, bounds: tuple[int, int], problems: Problems) -> None:
    if not value:
        problems[place] = REQUIRED
    elif value < bounds[0]:
        problems[place] = at_least(bounds[0])
    elif value > bounds[1]:
        problems[place] = at_most(bounds[1])


def _judge_mails(options: Mapping[str, Any], problems: Problems) -> None:
    places = {key: value for key, value in options.items() if key.endswith("Template")}
    for key in ("authAlert", "otp"):
        places[f"{key}.emailTemplate"] = options[key]["emailTemplate"]
    for place, mail in places.items():
        for key in ("subject", "body"):
            if not mail[key]:
                problems[f"{place}.{key}"] = REQUIRED


def _judge_password(
    password: Mapping[str, Any],
    fields: Sequence[Field],
    indexes: Sequence[str],
    problems: Problems,
) -> None:
    """A login must find one record at most, and never by a secret."""
    place = "passwordAuth.identityFields"
    if password["enabled"] and not password["identityFields"]:
        problems[place] = REQUIRED
        return
    known = {field.name: field for field in fields}
    unique = unique_fields(indexes)
    for name in password["identityFields"]:
        if name not in known or known[name].secret:
            problems[place] = FieldError(
                "validation_missing_field", f"There is no field {name!r} to log in with."
            )
        elif name not in unique and name != "id":
            problems[place] = FieldError(
                "validation_missing_unique_constraint",
                f"The field {name} has no unique index of its own.",
                {"fieldName": name},
            )


def _judge_providers(providers: Sequence[Mapping[str, Any]], problems: Problems) -> None:
    seen: set[str] = set()
    for position, provider in enumerate(providers):
        place, name = f"oauth2.providers.{position}", provider["name"]
        for key in ("name", "clientId", "clientSecret"):
            if not provider[key]:
                problems[f"{place}.{key}"] = REQUIRED
        if name and name not in OAUTH2_PROVIDERS:
            problems[f"{place}.name"] = FieldError(
                "validation_missing_provider", "There is no provider of this name."
            )
        elif name in seen:
            problems[f"{place}.name"] = FieldError(
                "validation_duplicated_provider", "This provider is listed twice."
            )
        seen.add(name)


def _judge_superusers(options: Mapping[str, Any], problems: Problems) -> None:
    for key in ("mfa", "otp", "oauth2"):
        if options[key]["enabled"]:
            problems[f"{key}.enabled"] = _NOT_YET
    if not options["passwordAuth"]["enabled"]:
        message = "Superusers log in by password."
        problems["passwordAuth.enabled"] = FieldError("validation_invalid_value", message)

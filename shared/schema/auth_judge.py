"""Whether the options of an auth collection hold together: bounds, texts, and ways to log in.

They are of the right types by now (`shared.schema.auth_merge`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError, Problems
from shared.schema.auth_options import OAUTH2_PROVIDERS
from shared.schema.fields.field import REQUIRED, Field
from shared.schema.fields.options import at_least, at_most
from shared.schema.index_list import unique_fields

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

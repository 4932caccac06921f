"""What a Config must hold beyond the types and bounds of each setting: names, addresses, relations.

What rules and schedules say is judged by the features that use them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

import orjson

from shared.config.config import Config
from shared.config.one_line import check_lines
from shared.config.operation import RateLimitRule
from shared.config.places import TRAIL, variable
from shared.config.problem import wrong
from shared.config.server import S3Storage
from shared.depot.databases import is_database_name
from shared.errors import FieldError, Problems
from shared.limits import BODY_BYTES_SETTING_MIN, DATABASES_MAX

_PROVIDER: Final = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_LABEL: Final = re.compile(
    r"(?:(?:[A-Z]+ )?/\S*"  # a path, also of one method
    r"|(?:\*|[A-Za-z0-9_]+):[A-Za-z]+)"  # an action of one collection or of all
)
_AUDIENCES: Final = ("", "@guest", "@auth")
_REQUIRED: Final = wrong("validation_required", "Must not be empty.")


def check(config: Config) -> Problems:
    """Everything that is wrong, by path."""
    problems: Problems = {}
    check_lines(config, problems)
    _check_server(config, problems)
    _check_email(config, problems)
    _check_providers(config, problems)
    _check_databases(config, problems)
    _check_apis(config, problems)
    _check_schemas(config, problems)
    _check_rate_limits(config, problems)
    _check_storage(config.server.s3_storage_config, "server.s3_storage_config", problems)
    _check_storage(config.backups.s3, "backups.s3", problems)
    if 0 < config.batch.max_body_bytes < BODY_BYTES_SETTING_MIN:
        problems["batch.max_body_bytes"] = wrong(
            "validation_min_greater_equal_than_required",
            f"Must be 0, or {BODY_BYTES_SETTING_MIN} or more.",
            min=BODY_BYTES_SETTING_MIN,
        )
    return problems


def _check_server(config: Config, problems: Problems) -> None:
    if config.server.site_url and not is_url(config.server.site_url):
        problems["server.site_url"] = wrong("validation_is_url", "Must be a valid URL.")
    _check_networks(config.server.superuser_ips, "server.superuser_ips", problems)


def _check_email(config: Config, problems: Problems) -> None:
    email = config.email
    if email.sender_address and not _EMAIL.fullmatch(email.sender_address):
        problems["email.sender_address"] = wrong(
            "validation_is_email", "Must be a valid email address."
        )
    if email.smtp_enabled:
        if not email.smtp_host:
            problems["email.smtp_host"] = _REQUIRED
        if not email.smtp_port:
            problems["email.smtp_port"] = _REQUIRED


def _check_providers(config: Config, problems: Problems) -> None:
    """Their names stand in paths, in variables and in the vault, where each must be found again."""
    seen: set[str] = set()
    for name in config.auth.oauth_providers:
        path = f"auth.oauth_providers.{name}"
        if not _PROVIDER.fullmatch(name):
            problems[path] = wrong(
                "validation_match_invalid", "A name has letters, digits, _ and - only."
            )
        elif variable(TRAIL, path) in seen:
            problems[path] = wrong(
                "validation_not_unique", "Another name differs in case, _ or - only."
            )
        seen.add(variable(TRAIL, path))


def _check_databases(config: Config, problems: Problems) -> None:
    names = [one.name for one in config.databases]
    for at, name in enumerate(names):
        if name and not is_database_name(name):
            problems[f"databases.{at}.name"] = wrong(
                "validation_not_in_invalid", f"The name {name} is reserved."
            )
    if len(names) > DATABASES_MAX:
        problems["databases"] = wrong(
            "validation_length_too_long", f"Must be {DATABASES_MAX} at most.", max=DATABASES_MAX
        )
    _check_names(names, "databases", problems, fold=True)


def _check_apis(config: Config, problems: Problems) -> None:
    known = {"main", *(one.name for one in config.databases)}
    for at, api in enumerate(config.record_apis):
        if not api.table_name:
            problems[f"record_apis.{at}.table_name"] = _REQUIRED
        own, dot, _ = api.table_name.rpartition(".")
        named = [*api.attached_databases, *([own] if dot else [])]
        for name in named:
            if name not in known:
                field = "table_name" if dot and name == own else "attached_databases"
                problems[f"record_apis.{at}.{field}"] = wrong(
                    "validation_in_invalid", f"There is no database {name} in databases."
                )
    _check_names([one.name for one in config.record_apis], "record_apis", problems)


def _check_schemas(config: Config, problems: Problems) -> None:
    _check_names([one.name for one in config.schemas], "schemas", problems)
    for at, one in enumerate(config.schemas):
        try:
            orjson.loads(one.schema)
        except orjson.JSONDecodeError:
            problems[f"schemas.{at}.schema"] = wrong("validation_invalid_json", "Must be JSON.")


def _check_names(
    names: Sequence[str], path: str, problems: Problems, *, fold: bool = False
) -> None:
    """Each must be there, and once. `fold`: in any case, as file systems may have it."""
    seen: set[str] = set()
    for at, name in enumerate(names):
        key = name.lower() if fold else name
        if not name:
            problems.setdefault(f"{path}.{at}.name", _REQUIRED)
        elif key in seen:
            problems.setdefault(
                f"{path}.{at}.name",
                wrong("validation_not_unique", f"The name {name} stands there twice."),
            )
        seen.add(key)


def _check_rate_limits(config: Config, problems: Problems) -> None:
    seen: set[tuple[str, str]] = set()
    for at, rule in enumerate(config.rate_limits.rules):
        place = f"rate_limits.rules.{at}"
        problem = _label_problem(rule, seen)
        if problem is not None:
            problems[f"{place}.label"] = problem
        if rule.audience not in _AUDIENCES:
            problems[f"{place}.audience"] = wrong(
                "validation_in_invalid", "Must be empty, @guest or @auth."
            )
        seen.add((rule.label, rule.audience))
    _check_networks(config.rate_limits.excluded_ips, "rate_limits.excluded_ips", problems)


def _label_problem(rule: RateLimitRule, seen: Iterable[tuple[str, str]]) -> FieldError | None:
    if not rule.label:
        return _REQUIRED
    if not _LABEL.fullmatch(rule.label):
        return wrong(
            "validation_match_invalid",
            "Must be a path, METHOD and path, or collection:action.",
        )
    if (rule.label, rule.audience) in seen:
        return wrong("validation_not_unique", "There is such a rule already.")
    return None


def _check_storage(storage: S3Storage | None, path: str, problems: Problems) -> None:
    """One that is switched on must be complete; its key may come from the environment later."""
    if storage is None or not storage.enabled:
        return
    for name in ("bucket_name", "region", "endpoint", "access_key"):
        if not getattr(storage, name):
            problems[f"{path}.{name}"] = _REQUIRED


def _check_networks(texts: Sequence[str], path: str, problems: Problems) -> None:
    for at, text in enumerate(texts):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            problems[f"{path}.{at}"] = wrong(
                "validation_invalid_ip", "Must be an address or a network."
            )


def is_url(text: str) -> bool:
    """An absolute address of the web."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text
    except ValueError:
        return False

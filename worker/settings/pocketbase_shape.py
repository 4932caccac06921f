"""The same settings in the shape that PocketBase's dialect and its depots know, both ways.

Pure, and one table: each leaf of that shape names the setting that it is. What only we have keeps
its value, whatever a client of that dialect sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from shared.config.build import check_value
from shared.config.config import Config
from shared.config.declaration import Declared, Form, Tree, declared
from shared.config.email import SmtpAuthMethod, SmtpEncryption
from shared.config.places import get, put
from shared.config.problem import wrong
from shared.config.server import S3Storage
from shared.errors import FieldError, Problems

Settings = dict[str, Any]
_DAY_SECONDS: Final = 86_400
_RULE: Final = (
    ("label", "label"), ("audience", "audience"), ("duration", "duration_sec"),
    ("maxRequests", "max_requests"),
)  # fmt: skip
"""Keys of a rate limit there and here."""


class Leaf(NamedTuple):
    """One leaf. `key`: its dotted place there.  `path`: the setting's here.

    `read`: what it is in a config.  `write`: from there to what a tree holds, None for nothing;
    raises ValueError.  `secret`: it is only ever written.
    """

    key: str
    path: str
    read: Callable[[Config], Any]
    write: Callable[[Any], Any]
    secret: bool = False


def to_settings(config: Config) -> Settings:
    """The settings as a client sees them: no secrets."""
    settings: Settings = {}
    for leaf in LEAVES:
        if not leaf.secret:
            put(settings, leaf.key, leaf.read(config))
    return settings


def merged(settings: Settings, changes: Mapping[str, Any], problems: Problems) -> Settings:
    """The settings with what `changes` says; keys that nobody knows, and null, say nothing."""
    new: Settings = {}
    for leaf in LEAVES:
        value = _find(changes, leaf.key, problems)
        put(new, leaf.key, get(settings, leaf.key) if value is None else value)
    return new


def write_leaf(tree: Tree, leaf: Leaf, value: Any) -> FieldError | None:
    """Set one leaf in a tree. Returns what is wrong with the value, and then nothing is set."""
    wanted = _declared(leaf.path)
    try:
        written = leaf.write(value)
    except (TypeError, ValueError, KeyError):
        return wrong("validation_invalid_value", "Invalid value.")
    if written is not None and wanted.form is not Form.GROUPS:  # rules: judged with the whole
        problem = check_value(wanted, written)
        if problem is not None:
            return problem
    put(tree, leaf.path, written)
    return None


def key_of(path: str) -> str:
    """The key there of what is wrong with the setting at `path`."""
    best = max((leaf for leaf in LEAVES if _within(path, leaf.path)), key=_length, default=None)
    if best is None:
        return path
    rest = path[len(best.path) :]
    names = {ours: theirs for theirs, ours in _RULE}
    return best.key + ".".join(names.get(name, name) for name in rest.split("."))


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}.")


def _length(leaf: Leaf) -> int:
    return len(leaf.path)


def _find(changes: Mapping[str, Any], key: str, problems: Problems) -> Any:
    """What `changes` says of a key; a group that is no object is a problem."""
    found: Any = changes
    names = key.split(".")
    for at, name in enumerate(names):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            problems[".".join(names[:at])] = wrong("validation_invalid_value", "Must be an object.")
            return None
        found = found.get(name)
    return found


def _declared(path: str) -> Declared:
    group: Any = Config
    for name in path.split("."):
        one = declared(group)[name]
        group = one.kind
    return one


# --- The table ----------------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _plain(key: str, path: str) -> Leaf:
    return Leaf(key, path, lambda config: _at(config, path), _same)


def _listed(key: str, path: str) -> Leaf:
    return Leaf(key, path, lambda config: list(_at(config, path)), _same)


def _hidden(key: str, path: str) -> Leaf:
    return Leaf(key, path, lambda _config: None, lambda value: value or None, secret=True)


def _at(config: Config, path: str) -> Any:
    found: Any = config
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _storage(key: str, path: str, of: Callable[[Config], S3Storage | None]) -> Iterator[Leaf]:
    """The leaves of an object storage; where there is none they are empty."""

    def part(name: str) -> Callable[[Config], Any]:
        return lambda config: getattr(of(config) or S3Storage(), name)

    yield Leaf(f"{key}.enabled", f"{path}.enabled", part("in_use"), _same)
    for theirs, ours in (
        ("bucket", "bucket_name"),
        ("region", "region"),
        ("endpoint", "endpoint"),
        ("accessKey", "access_key"),
        ("forcePathStyle", "force_path_style"),
    ):
        yield Leaf(f"{key}.{theirs}", f"{path}.{ours}", part(ours), _same)
    yield _hidden(f"{key}.secret", f"{path}.secret_access_key")


def _read_method(config: Config) -> str:
    method = config.email.smtp_auth_method
    return "" if method is None else method.name


def _write_method(value: Any) -> int | None:
    return SmtpAuthMethod[value].value if value else None


def _write_tls(value: Any) -> int:
    if not isinstance(value, bool):
        raise TypeError
    return (SmtpEncryption.TLS if value else SmtpEncryption.STARTTLS).value


def _read_rules(config: Config) -> list[dict[str, Any]]:
    return [
        {theirs: getattr(rule, ours) for theirs, ours in _RULE} for rule in config.rate_limits.rules
    ]


def _write_rules(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(rule, dict) for rule in value):
        raise TypeError
    return [
        {ours: rule[theirs] for theirs, ours in _RULE if rule.get(theirs) is not None}
        for rule in value
    ]


def _read_days(config: Config) -> int:
    return -(-config.server.logs_retention_sec // _DAY_SECONDS)


def _write_days(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value * _DAY_SECONDS


LEAVES: Final[tuple[Leaf, ...]] = (
    Leaf("smtp.enabled", "email.smtp_enabled", lambda config: config.email.uses_smtp, _same),
    _plain("smtp.port", "email.smtp_port"),
    _plain("smtp.host", "email.smtp_host"),
    _plain("smtp.username", "email.smtp_username"),
    _hidden("smtp.password", "email.smtp_password"),
    Leaf("smtp.authMethod", "email.smtp_auth_method", _read_method, _write_method),
    Leaf(
        "smtp.tls",
        "email.smtp_encryption",
        lambda config: config.email.smtp_encryption is SmtpEncryption.TLS,
        _write_tls,
    ),
    _plain("smtp.localName", "email.smtp_local_name"),
    _plain("backups.cron", "backups.cron"),
    _plain("backups.cronMaxKeep", "server.backup_window_size"),
    *_storage("backups.s3", "backups.s3", lambda config: config.backups.s3),
    *_storage("s3", "server.s3_storage_config", lambda config: config.server.s3_storage_config),
    _plain("meta.appName", "server.application_name"),
    _plain("meta.appURL", "server.site_url"),
    _plain("meta.senderName", "email.sender_name"),
    _plain("meta.senderAddress", "email.sender_address"),
    _plain("meta.hideControls", "server.hide_controls"),
    _plain("meta.accentColor", "server.accent_color"),
    Leaf("rateLimits.rules", "rate_limits.rules", _read_rules, _write_rules),
    _listed("rateLimits.excludedIPs", "rate_limits.excluded_ips"),
    _plain("rateLimits.enabled", "rate_limits.enabled"),
    _listed("trustedProxy.headers", "trusted_proxy.headers"),
    _plain("trustedProxy.useLeftmostIP", "trusted_proxy.use_leftmost_ip"),
    _plain("batch.enabled", "batch.enabled"),
    _plain("batch.maxRequests", "batch.max_requests"),
    _plain("batch.timeout", "batch.timeout_sec"),
    _plain("batch.maxBodySize", "batch.max_body_bytes"),
    Leaf("logs.maxDays", "server.logs_retention_sec", _read_days, _write_days),
    _plain("logs.minLevel", "logs.min_level"),
    _plain("logs.logIP", "logs.log_ip"),
    _plain("logs.logAuthId", "logs.log_auth_id"),
    _listed("superuserIPs", "server.superuser_ips"),
)

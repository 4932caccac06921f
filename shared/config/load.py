"""From the texts of a depot and the environment to one accepted Config, or to what is wrong.

    read → unlock → override → build → check

The order is that of precedence: the file, the vault for its secrets, the environment over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from shared.config.build import build
from shared.config.check import check
from shared.config.config import Config
from shared.config.declaration import Form, Group, Tree, declared
from shared.config.environment import override, unknown
from shared.config.places import leaves
from shared.config.problem import ConfigError
from shared.config.vault import Vault, unlock, without_secrets
from shared.errors import Problems

REFUSED: Final = "the settings cannot be accepted"
FROM_FILE, FROM_SECRETS = "file", "secrets"
CONFIG_NAME: Final = "config.textproto"


class Loaded(NamedTuple):
    """Settings that can be accepted.

    `config`: with secrets.  `public`: without.  `tree`, `vault`: what the two files hold.
    `sources`: where each setting that is set comes from, by path: `file`, `secrets`, or the name of
    a variable.  `notes`: what is odd about them and no fault.
    """

    config: Config
    public: Config
    tree: Tree
    vault: Vault
    sources: dict[str, str]
    notes: tuple[str, ...]


def load(
    config: bytes, secrets: bytes, environment: Mapping[str, str], name: str = CONFIG_NAME
) -> Loaded:
    """Read the two files and the variables. `name`: what errors call the first.

    Raises ConfigError.
    """
    # Imported late: a process that only reads accepted settings needs no protocol buffers.
    from shared.config.text import read_secrets, read_text  # noqa: PLC0415

    return load_trees(read_text(config, name), read_secrets(secrets), environment)


def load_trees(tree: Tree, vault: Vault, environment: Mapping[str, str]) -> Loaded:
    """As `load`, of files that have been read. Raises ConfigError with all problems by path."""
    problems: Problems = {}
    opened, taken, missing = unlock(tree, vault)
    whole, variables = override(opened, environment, problems)
    config = build(whole, problems)
    problems = problems or check(config)
    if problems:
        raise ConfigError(REFUSED, problems)
    sources = {path: FROM_FILE for path, _ in leaves(tree)}
    sources |= dict.fromkeys(taken, FROM_SECRETS) | variables
    public = build(without_secrets(whole), {})
    notes = [f"{path} is redacted and not among the secrets" for path in missing]
    notes += [f"{name} is no setting" for name in unknown(environment, variables, tree)]
    return Loaded(config, public, tree, vault, sources, tuple(notes))


def idle(paths: Iterable[str]) -> list[str]:
    """Those settings among the paths that nothing reads yet; of a list, the list."""
    found = (_waiting(path) for path in paths)
    return sorted({path for path in found if path})


def _waiting(path: str) -> str:
    """The path up to a list or map, where its setting still waits for its feature; else ""."""
    group: Group = Config
    named: list[str] = []
    for name in path.split("."):
        one = declared(group)[name]
        named.append(name)
        if one.form is not Form.GROUP:
            return ".".join(named) if one.waits else ""
        group = one.kind
    return ""

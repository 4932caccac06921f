"""What every auth collection has before its own fields: keys of logins and tokens, and their indexes."""

from __future__ import annotations

from typing import Any

from shared.ids import TOKEN_KEY_CHARS, field_id
from shared.schema.field_list import ID_FIELD
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.index_list import unique_fields


def system_field(kind: str, name: str, **options: Any) -> Field:
    """A field that no definition can drop or rename."""
    common = {"id": field_id(kind, name), "name": name, "type": kind, "system": True}
    return field_from_json({**common, **options})


def auth_fields() -> tuple[Field, ...]:
    """The system fields that every auth collection begins with."""
    token_key: dict[str, Any] = {
        "min": 30,
        "max": 60,
        "autogeneratePattern": f"[a-zA-Z0-9]{{{TOKEN_KEY_CHARS}}}",
        "hidden": True,
        "required": True,
    }
    return (
        field_from_json(ID_FIELD),
        system_field("password", "password", min=8, hidden=True, required=True),
        system_field("text", "tokenKey", **token_key),
        system_field("email", "email", required=True),
        system_field("bool", "emailVisibility"),
        system_field("bool", "verified"),
    )


def auth_indexes(own_id: str, table: str) -> tuple[str, ...]:
    """The unique indexes on which logins and tokens rest."""
    name = f"`idx_tokenKey_{own_id}`", f"`idx_email_{own_id}`"
    return (
        f"CREATE UNIQUE INDEX {name[0]} ON `{table}` (`tokenKey`)",
        f"CREATE UNIQUE INDEX {name[1]} ON `{table}` (`email`) WHERE `email` != ''",
    )


def missing_auth_indexes(own_id: str, table: str, indexes: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `auth_indexes` whose field has no unique index in a definition yet."""
    covered = unique_fields(indexes)
    token_key, email = auth_indexes(own_id, table)
    return (*((token_key,) if "tokenKey" not in covered else ()),
            *((email,) if "email" not in covered else ()))  # fmt: skip

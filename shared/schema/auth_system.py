"""The system collections beside the auth collections: what logins leave behind, told by reference.

    _mfas           a record has passed one way to log in, and is asked for another
    _otps           a one-time code that was sent
    _externalAuths  a record's account with a provider
    _authOrigins    a place from which a record has logged in

Each row names its auth record by `collectionRef` and `recordRef`; it goes with the record. Owners
read their own rows; codes and second factors are made and ended by the server alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.ids import collection_id
from shared.schema.auth_fields import system_field
from shared.schema.collection import BASE, Collection
from shared.schema.field_list import ID_FIELD
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field

MFAS: Final = "_mfas"
OTPS: Final = "_otps"
EXTERNAL_AUTHS: Final = "_externalAuths"
AUTH_ORIGINS: Final = "_authOrigins"
COLLECTION_REF: Final = "collectionRef"
RECORD_REF: Final = "recordRef"
OWNER_RULE: Final = (
    "@request.auth.id != '' && recordRef = @request.auth.id"
    " && collectionRef = @request.auth.collectionId"
)
_CODE_COST: Final = 8  # bcrypt's, for imported schemas; stored codes are hashed like passwords


def auth_system(now: str) -> tuple[Collection, ...]:
    """All four, as a new depot has them. Their ids follow from their names."""
    return (
        _collection(
            MFAS,
            (_text("method"),),
            {"idx_mfas_collectionRef_recordRef": (COLLECTION_REF, RECORD_REF)},
            now,
        ),
        _collection(
            OTPS,
            (
                system_field("password", "password", hidden=True, required=True, cost=_CODE_COST),
                system_field("text", "sentTo", hidden=True),
            ),
            {"idx_otps_collectionRef_recordRef": (COLLECTION_REF, RECORD_REF)},
            now,
        ),
        _collection(
            EXTERNAL_AUTHS,
            (_text("provider"), _text("providerId")),
            {
                "idx_externalAuths_record_provider": (COLLECTION_REF, RECORD_REF, "provider"),
                "idx_externalAuths_collection_provider": (COLLECTION_REF, "provider", "providerId"),
            },
            now,
            unique=True,
            owner_deletes=True,
        ),
        _collection(
            AUTH_ORIGINS,
            (_text("fingerprint"),),
            {"idx_authOrigins_unique_pairs": (COLLECTION_REF, RECORD_REF, "fingerprint")},
            now,
            unique=True,
            owner_deletes=True,
        ),
    )


def _collection(
    name: str,
    own: tuple[Field, ...],
    indexes: Mapping[str, tuple[str, ...]],
    now: str,
    *,
    unique: bool = False,
    owner_deletes: bool = False,
) -> Collection:
    return Collection(
        id=collection_id(BASE, name),
        name=name,
        type=BASE,
        system=True,
        fields=(
            field_from_json(ID_FIELD),
            _text(COLLECTION_REF),
            _text(RECORD_REF),
            *own,
            system_field("autodate", "created", onCreate=True),
            system_field("autodate", "updated", onCreate=True, onUpdate=True),
        ),
        indexes=tuple(_index(index, name, keys, unique=unique) for index, keys in indexes.items()),
        list_rule=OWNER_RULE,
        view_rule=OWNER_RULE,
        delete_rule=OWNER_RULE if owner_deletes else None,
        created=now,
        updated=now,
    )


def _text(name: str) -> Field:
    options: dict[str, Any] = {"required": True}
    return system_field("text", name, **options)


def _index(name: str, table: str, keys: tuple[str, ...], *, unique: bool) -> str:
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f"CREATE {kind} `{name}` ON `{table}` ({', '.join(f'`{key}`' for key in keys)})"

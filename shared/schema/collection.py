"""A collection: typed fields, rules and indexes over a table of the same name.

Never changed after it is made: a new definition is a new `Collection`, and a catalog version with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from shared.schema.auth_options import shown_options
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field, Value

BASE: Final = "base"
AUTH: Final = "auth"
VIEW: Final = "view"

RULE_ATTRIBUTES: Final = {
    "listRule": "list_rule",
    "viewRule": "view_rule",
    "createRule": "create_rule",
    "updateRule": "update_rule",
    "deleteRule": "delete_rule",
}
"""Wire key → attribute. None: superusers only; `""`: everybody; else an expression."""

VIEW_QUERY: Final = "viewQuery"
"""The option of a view that holds its SELECT."""


@dataclass(frozen=True, eq=False)
class Collection:
    """One collection. `options` holds what only its kind has, token secrets included."""

    id: str
    name: str
    type: str
    system: bool
    fields: tuple[Field, ...]
    indexes: tuple[str, ...] = ()
    list_rule: str | None = None
    view_rule: str | None = None
    create_rule: str | None = None
    update_rule: str | None = None
    delete_rule: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    created: str = ""
    updated: str = ""

    updated_fields: tuple[Field, ...] = field(init=False, repr=False)
    """Fields whose `on_update` has something to say."""
    by_name: dict[str, Field] = field(init=False, repr=False)
    by_id: dict[str, Field] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "by_name", {one.name: one for one in self.fields})
        put(self, "by_id", {one.id: one for one in self.fields})
        put(self, "updated_fields", tuple(one for one in self.fields if one.fills_on_update))

    @property
    def is_view(self) -> bool:
        """Its rows are those of a query: they are read and never written."""
        return self.type == VIEW

    @property
    def table(self) -> str:
        """The table's name, unquoted."""
        return self.name

    def field(self, name: str) -> Field | None:
        """The field of exactly that name."""
        return self.by_name.get(name)

    def rule(self, action: str) -> str | None:
        """The rule for `list`, `view`, `create`, `update` or `delete`."""
        found: str | None = getattr(self, f"{action}_rule")
        return found

    def rules(self) -> dict[str, str]:
        """Every rule that is an expression, by its dotted wire key, those of its options included."""
        found = {key: getattr(self, name) for key, name in RULE_ATTRIBUTES.items()}
        if self.type == AUTH:
            found["authRule"] = self.options.get("authRule")
            found["manageRule"] = self.options.get("manageRule")
            found["mfa.rule"] = self.options.get("mfa", {}).get("rule")
        return {key: rule for key, rule in found.items() if rule}

    def to_json(self) -> dict[str, Any]:
        """The wire form: everything but secrets."""
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "system": self.system,
            "fields": [one.to_json() for one in self.fields],
            "indexes": list(self.indexes),
            "created": self.created,
            "updated": self.updated,
        }
        for key, attribute in RULE_ATTRIBUTES.items():
            shown[key] = getattr(self, attribute)
        shown.update(shown_options(self.options))
        return shown

    def to_row(self) -> dict[str, Value]:
        """The row of `_collections`: column → value."""
        row: dict[str, Value] = {
            "id": self.id,
            "system": int(self.system),
            "type": self.type,
            "name": self.name,
            "fields": orjson.dumps([one.to_json() for one in self.fields]).decode(),
            "indexes": orjson.dumps(self.indexes).decode(),
        }
        for key, attribute in RULE_ATTRIBUTES.items():
            row[key] = getattr(self, attribute)
        row["options"] = orjson.dumps(dict(self.options)).decode()
        row["created"] = self.created
        row["updated"] = self.updated
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Collection:
        """Read a row of `_collections`.

        Raises DefinitionError for a field type of another version of the program, ValueError for
        text that is not JSON.
        """
        rules = {attribute: row[key] for key, attribute in RULE_ATTRIBUTES.items()}
        return cls(
            id=row["id"],
            name=row["name"],
            type=row["type"],
            system=bool(row["system"]),
            fields=tuple(map(field_from_json, orjson.loads(row["fields"]))),
            indexes=tuple(orjson.loads(row["indexes"])),
            options=orjson.loads(row["options"]),
            created=row["created"],
            updated=row["updated"],
            **rules,
        )

"""What `expand` names: paths of relations, resolved against the catalog into a tree of branches.

Grammar: a comma list of dotted paths; a part is a relation field of the collection reached so far,
or `COLLECTION_via_FIELD` (formerly `COLLECTION(FIELD)`) for the records that refer to it. A path
that is not one, or deeper than EXPAND_LEVELS_MAX, is left out as a whole. Fields that the caller
may not see lead nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from shared.errors import invalid
from shared.limits import EXPAND_CHARS_MAX, EXPAND_LEVELS_MAX, EXPAND_PATHS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.relation import RelationField
from shared.schema.index_list import unique_fields

_VIA: Final = re.compile(r"(\w+)_via_(\w+)", re.ASCII)
_LEGACY: Final = re.compile(r"(\w+)\((\w+)\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """One relation, from the records that are at hand to those wanted.

    `back`: the wanted ones refer to those at hand by `field`. `single`: at most one of them.
    """

    field: RelationField
    target: Collection
    back: bool
    single: bool


@dataclass(slots=True)
class Branch:
    """A link, and those that go on from its records."""

    link: Link
    branches: dict[str, Branch] = field(default_factory=dict)


def read_paths(
    expand: str, collection: Collection, catalog: Catalog, *, hidden: bool
) -> dict[str, Branch]:
    """The tree of what is to be expanded, by the names that clients gave its parts.

    `hidden`: hidden fields may be followed. Raises INVALID for more than anybody needs.
    """
    if len(expand) > EXPAND_CHARS_MAX:
        raise invalid("The expand parameter is too long.")
    paths = dict.fromkeys("".join(expand.split()).split(","))
    if len(paths) > EXPAND_PATHS_MAX:
        raise invalid(f"The expand parameter has more than {EXPAND_PATHS_MAX} paths.")
    tree: dict[str, Branch] = {}
    for path in paths:
        parts = path.split(".")
        links = _links(parts, collection, catalog, hidden=hidden)
        place = tree
        for part, link in zip(parts, links, strict=False):
            place = place.setdefault(part, Branch(link)).branches
    return tree


def _links(
    parts: list[str], collection: Collection, catalog: Catalog, *, hidden: bool
) -> list[Link]:
    """The links of one path, none if any part of it leads nowhere."""
    links: list[Link] = []
    if len(parts) > EXPAND_LEVELS_MAX:
        return links
    for part in parts:
        link = _link(part, collection, catalog, hidden=hidden)
        if link is None:
            return []
        links.append(link)
        collection = link.target
    return links


def _link(part: str, collection: Collection, catalog: Catalog, *, hidden: bool) -> Link | None:
    own = collection.field(part)
    if isinstance(own, RelationField):
        target = catalog.by_id(own.target_id)
        if target is None or (own.hidden and not hidden):
            return None
        return Link(own, target, back=False, single=not own.multiple)
    match = _VIA.fullmatch(part) or _LEGACY.fullmatch(part)
    source = catalog.find(match[1]) if match else None
    if match is None or source is None:
        return None
    back = source.field(match[2])
    if not isinstance(back, RelationField) or back.target_id != collection.id:
        return None
    if back.hidden and not hidden:
        return None
    single = not back.multiple and back.name in unique_fields(source.indexes)
    return Link(back, source, back=True, single=single)

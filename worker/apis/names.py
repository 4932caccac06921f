"""What a name means to both dialects: a record API of the settings, or a collection.

Record APIs of the settings come first in the dialect of record APIs, and collections in that of
collections; each serves what the other one has besides.
"""

from __future__ import annotations

from shared.errors import Kind, QuillError, not_found
from shared.schema.api import RecordApi, RecordApis
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection


def is_listed_api(catalog: Catalog, name: str) -> bool:
    """Whether the settings list a record API of that name, be it one that can be served or not."""
    return any(one.name == name for one in catalog.config.record_apis)


def served_collection(catalog: Catalog, name: str) -> Collection | None:
    """The collection that is served as a record API of that name, letter by letter."""
    found = catalog.find(name)
    if found is None or found.name != name or is_listed_api(catalog, name):
        return None
    return found


def require_collection(catalog: Catalog, name: str) -> Collection:
    """The same, inside a read. Raises METHOD: it was one when the request came."""
    found = served_collection(catalog, name)
    if found is None:
        raise no_api(name)
    return found


def require_api(apis: RecordApis, name: str) -> RecordApi:
    """A record API of the settings. Raises METHOD where there is none, or it cannot be served."""
    found = apis.find(name)
    if not isinstance(found, RecordApi):
        raise no_api(name)
    return found


def no_api(name: str) -> QuillError:
    """METHOD: nothing of that name is served."""
    return QuillError(Kind.METHOD, f"There is no record API {name}.")


def is_mirrored_api(catalog: Catalog, name: str) -> bool:
    """Whether a record API is served as a collection of that name."""
    return catalog.find(name) is None and is_listed_api(catalog, name)


def require_no_collection(catalog: Catalog, name: str) -> None:
    """Raises NOT_FOUND where there is a collection of that name by now."""
    if catalog.find(name) is not None:
        raise not_found("Missing collection context.")

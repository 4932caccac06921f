"""Which records and fields an export is about, and their stored values as one snapshot has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.errors import invalid
from shared.language.errors import LanguageError
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field, Value
from shared.schema.fields.password import PasswordField
from shared.sql.conditions import Use, compile_filter
from shared.sql.export import export_statement
from shared.sql.order import order_of
from shared.sql.select import Statement
from worker.engine.offline import OfflineReader
from worker.transfer.mapping import hash_name

_SUPERUSER: Final = AccessRequest(Identity("", "", {}, superuser=True))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export was asked for. `fields`: names, empty for all; `secrets`: hashes and keys, too."""

    collection: str
    fields: tuple[str, ...] = ()
    filter: str = ""
    sort: str = ""
    secrets: bool = False


class Exported(NamedTuple):
    """The records. `names`: of the columns, a field each; `rows`: stored values in their order."""

    collection: Collection
    fields: tuple[Field, ...]
    names: tuple[str, ...]
    rows: Iterator[tuple[Value, ...]]


@contextmanager
def open_export(database: Path, wanted: Wanted) -> Iterator[Exported]:
    """Read within the block; all rows are of one moment. Raises INVALID."""
    with OfflineReader(database, held=True) as reader:
        catalog = reader.catalog()
        collection = catalog.find(wanted.collection)
        if collection is None:
            raise invalid(f"There is no collection {wanted.collection}.")
        fields = _fields(collection, wanted)
        try:
            statement = _statement(collection, fields, catalog, wanted)
            params = statement.bind(_SUPERUSER)
        except LanguageError as error:
            raise invalid(f"The filter or the sort is wrong: {error}.") from None
        rows = reader.stream(statement.sql, params)
        if collection.is_view:
            rows = _completed(fields, rows)
        yield Exported(collection, fields, tuple(map(_name, fields)), rows)


def _fields(collection: Collection, wanted: Wanted) -> tuple[Field, ...]:
    for name in wanted.fields:
        field = collection.field(name)
        if field is None:
            raise invalid(f"The collection {collection.name} has no field {name!r}.")
        if field.secret and not wanted.secrets:
            raise invalid(f"The field {name} is a secret; --secrets exports it.")
    names = wanted.fields or tuple(one.name for one in collection.fields)
    fields = (collection.by_name[name] for name in dict.fromkeys(names))
    return tuple(one for one in fields if wanted.secrets or not one.secret)


def _statement(
    collection: Collection, fields: tuple[Field, ...], catalog: Catalog, wanted: Wanted
) -> Statement:
    condition = None
    if wanted.filter.strip():
        condition = compile_filter(
            wanted.filter, collection, catalog, caller=None, superuser=True, use=Use.PAGE
        )
    order = order_of(wanted.sort, collection, catalog, caller=None, superuser=True)
    return export_statement(collection, fields, condition, order)


def _name(field: Field) -> str:
    """A password's hash is told as such, so that nobody takes it for a password."""
    return hash_name(field.name) if isinstance(field, PasswordField) else field.name


def _completed(
    fields: tuple[Field, ...], rows: Iterator[tuple[Value, ...]]
) -> Iterator[tuple[Value, ...]]:
    """What a view's row lacks is the zero value, as in the API's answers."""
    zeros = tuple(one.zero() for one in fields)
    for row in rows:
        yield tuple(
            zero if value is None else value for value, zero in zip(row, zeros, strict=True)
        )

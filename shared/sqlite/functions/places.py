"""Where an address of the internet is. There is no such database yet, so nobody knows: NULL."""

from __future__ import annotations

from typing import Final

from shared.sqlite.functions.function import Function


def unknown(_address: object) -> None:
    """The country, the city's name or all about the city, of an address that is in no database."""


# Not stable: with a database, the next edition of it may know better.
FUNCTIONS: Final = tuple(
    Function(name, unknown, 1, stable=False)
    for name in ("geoip_country", "geoip_city_name", "geoip_city_json")
)

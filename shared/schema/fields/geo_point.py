"""A point on the globe, stored as the JSON text `{"lon":…,"lat":…}` in degrees (WGS 84)."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import orjson

from shared.errors import FieldError
from shared.quote import quote_identifier
from shared.schema.fields.cast import number_of
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, FieldProblem, Value
from shared.schema.fields.options import Option

ZERO: Final = '{"lon":0,"lat":0}'
_LATITUDE_MAX: Final = 90
_LONGITUDE_MAX: Final = 180
_NOT_A_POINT: Final = FieldError(
    "validation_invalid_value", "Must be an object with the numbers lon and lat."
)
_BAD_LATITUDE: Final = FieldError(
    "validation_invalid_latitude", "Latitude must be between -90 and 90 degrees."
)
_BAD_LONGITUDE: Final = FieldError(
    "validation_invalid_longitude", "Longitude must be between -180 and 180 degrees."
)


class GeoPointField(Field):
    """Type `geoPoint`. `required` refuses the point 0,0, which is the empty value."""

    kind = "geoPoint"
    OPTIONS: ClassVar[tuple[Option, ...]] = (REQUIRED_OPTION,)

    def zero(self) -> Value:
        """The point 0,0."""
        return ZERO

    def prepare(self, raw: object) -> Value:
        """The point of an object, or of a text that holds one; a missing number is 0.

        Raises FieldProblem.
        """
        if raw is None or raw == "":
            return ZERO
        point = _parsed(raw) if isinstance(raw, str) else raw
        if not isinstance(point, dict):
            raise FieldProblem(_NOT_A_POINT)
        lon, lat = number_of(point.get("lon")), number_of(point.get("lat"))
        return orjson.dumps({"lon": lon, "lat": lat}).decode()

    def check(self, value: Value) -> FieldError | None:
        """Both numbers in their range."""
        if not value or value == ZERO:
            return self.blank
        point = self.plain(value)
        if point is None:
            return INVALID
        if abs(point["lat"]) > _LATITUDE_MAX:
            return _BAD_LATITUDE
        return _BAD_LONGITUDE if abs(point["lon"]) > _LONGITUDE_MAX else None

    def plain(self, value: Value) -> dict[str, Any] | None:
        """The object, or None for what is no stored point."""
        point = _parsed(value) if isinstance(value, str) else None
        return point if isinstance(point, dict) and point.keys() == {"lon", "lat"} else None

    def items(self, value: Value) -> list[str]:  # noqa: ARG002
        """Points hold no texts."""
        return []

    def column(self) -> str:
        """JSON text, never NULL."""
        return f"{quote_identifier(self.name)} TEXT NOT NULL DEFAULT '{ZERO}'"

    def json_sql(self, column_sql: str) -> str:
        """Embedded as JSON."""
        return f"json({column_sql})"


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None

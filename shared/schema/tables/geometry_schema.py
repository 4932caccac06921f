"""The JSON Schema of a GeoJSON geometry, as geometry columns are shown and taken (RFC 7946)."""

from __future__ import annotations

from typing import Any, Final

_POSITION: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 2,
}


def _list(items: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items} | ({"minItems": least} if least else {})


_LINE: Final = _list(_POSITION, 2)
_RING: Final = _list(_POSITION, 4)
_COORDINATES: Final[dict[str, dict[str, Any]]] = {
    "Point": _POSITION,
    "MultiPoint": _list(_POSITION),
    "LineString": _LINE,
    "MultiLineString": _list(_LINE),
    "Polygon": _list(_RING),
    "MultiPolygon": _list(_list(_RING)),
}


def _geometry(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
    }


_SIMPLE: Final = [_geometry(kind, coordinates) for kind, coordinates in _COORDINATES.items()]

GEOMETRY: Final[dict[str, Any]] = {
    "title": "GeoJSON geometry",
    "oneOf": [
        *_SIMPLE,
        {
            "type": "object",
            "properties": {
                "type": {"const": "GeometryCollection"},
                "geometries": {"type": "array", "items": {"oneOf": _SIMPLE}},
            },
            "required": ["type", "geometries"],
        },
    ],
}
"""A collection holds no collections, which the format advises against, so that it needs no name."""

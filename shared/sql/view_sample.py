"""A few rows of a view that is not there yet, shaped as its records would be."""

from __future__ import annotations

from shared.sql.predicate import Shape


def view_sample_sql(select: str, shape: Shape) -> str:
    """A JSON array of the first rows; takes the shape's values and then a limit."""
    return (
        f"SELECT json_group_array(json({shape.sql}))"
        f" FROM (SELECT * FROM (\n{select}\n) LIMIT ?) AS r"
    )

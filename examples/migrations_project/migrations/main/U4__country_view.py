"""How much each country has bought."""

from quillbase.migration import Depot


def up(depot: Depot) -> None:
    """Make a view: its fields follow from its query."""
    depot.collections.put(
        {
            "name": "sales",
            "type": "view",
            "listRule": "",
            "viewQuery": "SELECT c.country AS id, count(*) AS orders, CAST(sum(o.total) AS REAL) AS bought"
            " FROM orders o JOIN customers c ON c.id = o.customer GROUP BY c.country",
        }
    )


def down(depot: Depot) -> None:
    """The view goes."""
    depot.collections.delete("sales")

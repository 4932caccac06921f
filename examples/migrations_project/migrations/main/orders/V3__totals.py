"""The total of an order, tax included, as a field of its own."""

import json

from quillbase.migration import Depot


def up(depot: Depot) -> None:
    """Add the field, and fill it."""
    orders = depot.collections.get("orders")
    assert orders is not None
    total = {"name": "total", "type": "number"}
    depot.collections.put({"id": orders["id"], "fields": [*orders["fields"], total]})
    for row in depot.rows(
        "SELECT o.id, o.prices, n.vat FROM orders o"
        " JOIN customers c ON c.id = o.customer JOIN countries n ON n.code = c.country"
    ):
        net = sum(json.loads(str(row["prices"])))
        gross = round(net * (100 + int(str(row["vat"]))) / 100, 2)
        depot.run("UPDATE orders SET total = ? WHERE id = ?", (gross, row["id"]))


def down(depot: Depot) -> None:
    """The field goes, with what it holds."""
    orders = depot.collections.get("orders")
    assert orders is not None
    fields = [field for field in orders["fields"] if field["name"] != "total"]
    depot.collections.put({"id": orders["id"], "fields": fields})

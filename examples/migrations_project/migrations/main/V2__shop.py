"""Customers and their orders, defined together since each needs the other to be known."""

from quillbase.migration import Depot


def up(depot: Depot) -> None:
    """Make both collections, and one customer for each country that V1 has listed."""
    depot.collections.put(
        {
            "id": "shop_customers",
            "name": "customers",
            "listRule": "@request.auth.id != ''",
            "fields": [
                {"name": "name", "type": "text", "required": True},
                {"name": "country", "type": "text", "max": 2},
            ],
        },
        {
            "id": "shop_orders",
            "name": "orders",
            "listRule": "@request.auth.id != ''",
            "fields": [
                {"name": "customer", "type": "relation", "collectionId": "shop_customers"},
                {"name": "prices", "type": "json"},
                {"name": "placed", "type": "autodate", "onCreate": True},
            ],
            "indexes": ["CREATE INDEX orders_placed ON orders (placed)"],
        },
    )
    for row in depot.rows("SELECT code, name FROM countries ORDER BY code"):
        own_id = f"customer{row['code']}".lower().ljust(15, "0")
        depot.run(
            "INSERT INTO customers (id, name, country) VALUES (?, ?, ?)",
            (own_id, f"Somebody in {row['name']}", row["code"]),
        )
        depot.run(
            "INSERT INTO orders (id, customer, prices) VALUES (?, ?, '[10, 20]')",
            (own_id, own_id),
        )


def down(depot: Depot) -> None:
    """Both go, with their records."""
    depot.collections.delete("orders", "customers")

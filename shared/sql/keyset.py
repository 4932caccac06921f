"""Pages that begin after a record: the rows that follow it, in as many parts as the order has terms.

An index walk reaches such a page at once, wherever it lies, and neither a record that was added
before it nor one that was deleted moves what follows.

What follows a row with the values (a, b, c) is: a and b equal and beyond c, then a equal and beyond
b, then beyond a. Each part is one range of an index whatever the directions, and mostly the first
one or two fill the page. As one comparison, `(a, b, rowid) > (?, ?, ?)`, SQLite takes no more than
`a` and `b` for its range: among 300,000 rows that tie there, a page took 21 ms, as an OR of the
parts 54, and in parts 0.02 (m).
"""

from __future__ import annotations

from shared.sql.order import Order


def parts_after(order: Order) -> list[str]:
    """The conditions of the parts, in the order of their rows, for terms that are all `keyset`.

    Each takes as many of the row's values, from the first term on, as it has `?`.
    """
    parts = []
    for number, term in reversed(list(enumerate(order.terms))):
        same = "".join(f"{before.sql} = ? AND " for before in order.terms[:number])
        parts.append(f"{same}{term.sql} {'<' if term.descending else '>'} ?")
    return parts

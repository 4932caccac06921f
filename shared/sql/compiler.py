"""One expression about the row `r`, together with the list rules of what it joins."""

from __future__ import annotations

from shared.language.parser import parse
from shared.schema.collection import Collection
from shared.sql.clause import Clause
from shared.sql.formula import Formula, formula_of
from shared.sql.hops import Node
from shared.sql.names import Names
from shared.sql.rows import AuthRow, BodyRow, Nowhere, Row, TableRow
from shared.sql.semijoin import Semijoin
from shared.sql.steps import How, Steps, Use
from shared.sql.terms import Bound


class Compiler:
    """Puts the rows of one expression together with the list rules of what it joins."""

    def __init__(self, names: Names, use: Use) -> None:
        self._names = names
        self._use = use
        self.semijoin = Semijoin(Steps(use, self._visible))
        self._ruling = False
        self._rules: dict[str, tuple[Names, Formula]] = {}

    def compile(self, formula: Formula) -> Clause:
        """The formula about the row `r`."""
        return self.semijoin.holds(formula, self.bound(), How.TOP)

    def bound(self) -> Bound:
        """The row `r`."""
        collection = self._names.row.collection
        assert collection is not None
        sided = self._use is not Use.VALUES and not collection.is_view
        return _bound(self._names, TableRow("r", collection, sided, collection.is_view))

    def _visible(self, collection: Collection, row: TableRow, how: How) -> Clause:
        """For a client, a row that the list rule hides does not exist.

        The rule itself is no client's: everything that it joins exists for it.
        """
        if not self._names.limited or self._ruling or collection.list_rule == "":
            return True
        if collection.list_rule is None:  # refused where it was named
            return False
        names, formula = self._rule(collection, collection.list_rule)
        self._ruling = True
        found = self.semijoin.holds(formula, _bound(names, row), how)
        self._ruling = False
        return found

    def _rule(self, collection: Collection, rule: str) -> tuple[Names, Formula]:
        """A list rule, which is no client's and so sees everything."""
        found = self._rules.get(collection.id)
        if found is None:
            names = Names(
                collection,
                self._names.catalog,
                caller=self._names.caller,
                client=False,
                superuser=False,
            )
            found = self._rules[collection.id] = (names, formula_of(parse(rule), names))
        return found


def _bound(names: Names, row: Row) -> Bound:
    """An expression's roots. Without a caller nothing is read from one."""
    rows: dict[Node, Row | None] = {names.row: row, names.nowhere: Nowhere(), names.auth: None}
    assert names.body.collection is not None
    rows[names.body] = BodyRow(names.body.collection)
    if names.caller is not None:
        rows[names.auth] = AuthRow(names.caller)
    return Bound(rows)

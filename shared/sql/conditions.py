"""Compiles filters and rules into predicates over the row `r` of one collection."""

from __future__ import annotations

from shared.language.errors import LanguageError
from shared.language.expression import Expression
from shared.language.parser import parse
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.clause import any_true, condition
from shared.sql.compiler import Compiler
from shared.sql.counting import count_of
from shared.sql.formula import Any, formula_of
from shared.sql.names import Names
from shared.sql.predicate import Predicate, predicate
from shared.sql.steps import Use

__all__ = ["Use", "check_rule", "compile_condition", "compile_filter", "compile_rule"]


def compile_condition(
    expression: Expression,
    collection: Collection,
    catalog: Catalog,
    *,
    caller: Collection | None,
    use: Use,
    client: bool,
    superuser: bool,
) -> Predicate:
    """The predicate of `expression` over rows of `collection`.

    `caller`: the auth collection of whoever asks, None for a guest; `@request.auth` is resolved
    against it. `client`: it is a filter and not a rule, so it may not name hidden fields or
    `@request.…`, unless `superuser` asks. Raises LanguageError for what it may not name,
    ForbiddenNameError for `@request.…` and `@collection.…`.
    """
    names = Names(collection, catalog, caller=caller, client=client, superuser=superuser)
    names.check(expression)
    formula = formula_of(expression, names)
    compiler = Compiler(names, use)
    parts = formula.parts if isinstance(formula, Any) else (formula,)
    clauses = [compiler.compile(part) for part in parts]
    found = condition(any_true(clauses))
    counted = count_of(formula, clauses, collection) if use is Use.COUNT else None
    return predicate(found.text, found.params, counted)


def compile_rule(
    rule: str, collection: Collection, catalog: Catalog, *, caller: Collection | None, use: Use
) -> Predicate:
    """The predicate of a rule's text; raises LanguageError, upon which the caller denies."""
    return compile_condition(
        parse(rule), collection, catalog, caller=caller, use=use, client=False, superuser=False
    )


def compile_filter(
    text: str,
    collection: Collection,
    catalog: Catalog,
    *,
    caller: Collection | None,
    superuser: bool,
    use: Use,
) -> Predicate:
    """The predicate of a client's filter; raises LanguageError or ForbiddenNameError."""
    return compile_condition(
        parse(text), collection, catalog, caller=caller, use=use, client=True, superuser=superuser
    )


def check_rule(collection: Collection, rule: str, catalog: Catalog) -> str | None:
    """What is wrong with a rule that is about to be stored, None when it compiles.

    What it says of the caller is taken as it is: another caller may have what this one lacks.
    """
    try:
        compile_rule(rule, collection, catalog, caller=None, use=Use.VALUES)
    except LanguageError as error:
        return str(error)
    return None

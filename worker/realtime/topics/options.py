"""What a client's own options may cost: they are compiled once before they are accepted.

A filter is a stranger's text, and a client may send many. Their comparisons are counted before
anything is compiled, and the event loop gets its turn in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from shared.access.decide import DENY, decide
from shared.access.identity import Identity
from shared.errors import invalid
from shared.language.errors import LanguageError
from shared.language.expression import Comparison, Expression
from shared.language.parser import parse
from shared.limits import REALTIME_COMPARISONS_PER_CLIENT, REALTIME_SLICE_SECONDS
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use, compile_condition
from worker.realtime.topics.topic import Question, Topic, questions
from worker.records.expand_paths import read_paths
from worker.records.fields import check_fields

_COUNTED: Final = 1_024


async def check_options(
    topics: Iterable[Topic], asker: Identity, catalog: Catalog, kept: Iterable[Topic] = ()
) -> None:
    """Compile what the client wrote itself, where it may hear anything. Raises INVALID.

    `asker`: any identity with the client's rights.  `kept`: what the client has beside these, which
    was compiled before; only its comparisons count.
    """
    until = time.monotonic() + REALTIME_SLICE_SECONDS
    asked = questions(topics)
    comparisons = sum(_counted(one.filter) for one in questions(kept) if one not in asked)
    for question in asked:
        check_fields(question.fields)
        _check_expand(question, asker, catalog)
        if not question.filter:
            continue
        comparisons += _check(question, asker, catalog)
        if comparisons > REALTIME_COMPARISONS_PER_CLIENT:
            raise invalid(
                f"At most {REALTIME_COMPARISONS_PER_CLIENT} comparisons are allowed in the "
                "filters of all subscriptions."
            )
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + REALTIME_SLICE_SECONDS


def _check_expand(question: Question, asker: Identity, catalog: Catalog) -> None:
    collection = catalog.find(question.collection)
    if question.expand and collection is not None:
        read_paths(question.expand, collection, catalog, hidden=asker.superuser)


def _check(question: Question, asker: Identity, catalog: Catalog) -> int:
    """The comparisons of one filter; any text is as good as another where no collection is."""
    collection = catalog.find(question.collection)
    try:
        expression = parse(question.filter)
        if collection is not None and not _denied(question, collection, asker):
            compile_condition(
                expression,
                collection,
                catalog,
                caller=catalog.by_id(asker.collection_id),
                use=Use.VALUES,
                client=True,
                superuser=asker.superuser,
            )
    except LanguageError as error:
        if collection is None:
            return 0
        raise invalid(f"The filter of a subscription is not valid: {error}") from None
    return _comparisons(expression)


def _denied(question: Question, collection: Collection, asker: Identity) -> bool:
    rule = collection.view_rule if question.single else collection.list_rule
    return decide(rule, asker) is DENY


@lru_cache(_COUNTED)
def _counted(text: str) -> int:
    """The comparisons of a filter that was accepted."""
    try:
        return _comparisons(parse(text)) if text else 0
    except LanguageError:
        return 0  # of a collection that is not there


def _comparisons(expression: Expression) -> int:
    """Recursion is as deep as the parentheses, which the parser bounds."""
    if isinstance(expression, Comparison):
        return 1
    return sum(map(_comparisons, expression.parts))

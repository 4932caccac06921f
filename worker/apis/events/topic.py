"""What a subscription to a record API asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.realtime.topics.topic import EVERY_RECORD, Topic

if TYPE_CHECKING:
    from shared.language.filter_tree import Tree
    from shared.sql.plan import Value


@dataclass(frozen=True, slots=True)
class ApiTopic(Topic):
    """All records of an API, or one. `collection` is the API's name, `filter` the text of `tree`.

    `record`: as the index writes a key of the log.
    """

    tree: Tree | None = None


def api_topic(api: str, key: Value, tree: Tree | None) -> ApiTopic:
    """The topic of an API's changes. `key`: the stored one of the only record, None for all."""
    record = EVERY_RECORD if key is None else str(key)
    text = "" if tree is None else repr(tree)
    return ApiTopic(api, api, api, record, filter=text, tree=tree)

"""Settings whose SQL rules or JSON schemas are wrong in themselves are refused before they are in force.

What a rule reads may come with a migration that runs after the settings are accepted: that a table
or column is not there is no reason to refuse them, and the API is broken until it comes. All else
is: a rule that is no expression of its own, that reads what it may not, or calls what no rule may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

from shared.config import record_api as settings
from shared.config.config import Config
from shared.config.problem import ConfigError, wrong
from shared.errors import FieldError, Problems, QuillError
from shared.schema.api import Action
from shared.schema.catalog import Catalog
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Tables
from worker.apis.build import RULES, place_of
from worker.apis.rules import MAIN, NOT_THERE, RuleError, RuleJudge
from worker.engine.failures import SQLError
from worker.engine.reader import Reader
from worker.engine.schemas import refuse_schemas


def refuse_config(reader: Reader, catalog: Catalog, config: Config) -> None:
    """Judge the schemas, and the rules of all record APIs. Takes its time. Raises ConfigError."""
    refuse_schemas(config)
    _refuse_rules(reader, catalog, config)


def _refuse_rules(reader: Reader, catalog: Catalog, config: Config) -> None:
    rules = [one for entry in enumerate(config.record_apis) for one in _rules(*entry)]
    if not rules:
        return
    problems: Problems = {}
    databases = _tables(reader, {name for _, entry, _, _ in rules for name in _named(entry)})
    with RuleJudge(databases, catalog) as judge:
        for place, entry, action, text in rules:
            problem = _problem(judge, databases, entry, action, text)
            if problem is not None:
                problems[place] = problem
    if problems:
        raise ConfigError("SQL rules are refused", problems)


def _rules(
    at: int, entry: settings.RecordApi
) -> Iterator[tuple[str, settings.RecordApi, Action, str]]:
    for action, field in RULES.items():
        text = getattr(entry, field)
        if text:
            yield f"record_apis.{at}.{field}", entry, action, text


def _named(entry: settings.RecordApi) -> tuple[str, ...]:
    return (place_of(entry)[0], *entry.attached_databases)


def _tables(reader: Reader, names: set[str]) -> dict[str, Tables]:
    """Those of main and of the others that are open."""
    with closing(reader.new_snapshot()) as snapshot:
        found = {MAIN: read_tables(snapshot.rows, refused=SQLError)}
        for name in sorted(names - {MAIN}):
            try:
                snapshot.attach(reader.other(name))
            except QuillError:  # it is made when these settings are in force
                continue
            found[name] = read_tables(snapshot.rows, name, refused=SQLError)
        return found


def _problem(
    judge: RuleJudge,
    databases: Mapping[str, Tables],
    entry: settings.RecordApi,
    action: Action,
    text: str,
) -> FieldError | None:
    database, name = place_of(entry)
    tables = databases.get(database)
    table = None if tables is None else tables.find(name)
    attached = [one for one in entry.attached_databases if one in databases]
    try:
        if table is None:
            judge.check_words(text, action)
        else:
            judge.judge(
                text,
                action,
                database=database,
                table=table,
                columns=table.columns,
                attached=attached,
            )
    except RuleError as error:
        if not str(error).startswith(NOT_THERE):
            return wrong("validation_invalid_rule", f"Is no rule: {error}.")
    return None

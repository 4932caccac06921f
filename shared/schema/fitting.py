"""Whether the values of one type of field are values of another, as SQL conditions.

They answer no where a doubt is left: an address in a form that the field itself would admit may be
refused here, but nothing passes that the field would not take. Empty values are not asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.limits import (
    EDITOR_FIELD_BYTES_DEFAULT,
    JSON_FIELD_BYTES_DEFAULT,
    TEXT_CHARS_DEFAULT,
)
from shared.quote import quote_text
from shared.schema.fields.date import DateField
from shared.schema.fields.domains import DomainField
from shared.schema.fields.editor import EditorField
from shared.schema.fields.email import LOCAL_CHARS_MAX
from shared.schema.fields.field import Field
from shared.schema.fields.json import JsonField
from shared.schema.fields.number import NumberField
from shared.schema.fields.select import SelectField
from shared.schema.fields.text import TextField
from shared.schema.fields.url import PORT_MAX, URL_CHARS_MAX

_LABEL_CHARS_MAX: Final = 63  # of a whole domain here, so that each of its labels is as short
_PORT_DIGITS_MAX: Final = 5


def fitting_sql(new: Field, column: str, value: str) -> str | None:
    """What must be true where `column` is not empty; None where everything fits.

    `value`: SQL over `column` of what the field would hold of it.
    """
    if isinstance(new, NumberField):
        return _number_fits(new, column, value)
    if new.type == "bool":
        return f"{column} IN (0, 1)"
    if isinstance(new, JsonField):
        return f"octet_length({value}) <= {new.max_size or JSON_FIELD_BYTES_DEFAULT}"
    return _text_fits(new, value)


def _number_fits(new: NumberField, column: str, value: str) -> str:
    """A text must be spelled as the number would be, so that nothing of it is lost."""
    conditions = [f"CAST({value} AS TEXT) = CAST({column} AS TEXT)"]
    if new.only_int:
        conditions.append(f"CAST({value} AS INTEGER) = {value}")
    if new.min is not None:
        conditions.append(f"({value} = 0 OR {value} >= {new.min!r})")
    if new.max is not None:
        conditions.append(f"({value} = 0 OR {value} <= {new.max!r})")
    return " AND ".join(conditions)


def _text_fits(new: Field, value: str) -> str | None:
    if isinstance(new, TextField):
        most = new.max or TEXT_CHARS_DEFAULT
        return f"length({value}) BETWEEN {new.min} AND {most}"
    if isinstance(new, SelectField):
        return f"{value} IN ({_texts(new.values)})"
    if new.type in ("date", "autodate"):
        return _date_fits(new, value)
    if isinstance(new, DomainField):
        return _email_fits(new, value) if new.type == "email" else _url_fits(new, value)
    if isinstance(new, EditorField):
        return f"octet_length({value}) <= {new.max_size or EDITOR_FIELD_BYTES_DEFAULT}"
    return None


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(quote_text, values))


def _date_fits(new: Field, value: str) -> str:
    """The stored form of a day that exists: SQLite would spell any other differently."""
    conditions = [f"strftime('%Y-%m-%d %H:%M:%fZ', {value}) IS {value}", f"{value} >= '0001'"]
    if isinstance(new, DateField):
        if new.min:
            conditions.append(f"{value} >= {quote_text(new.min)}")
        if new.max:
            conditions.append(f"{value} <= {quote_text(new.max)}")
    return " AND ".join(conditions)


def _domain_fits(domain: str) -> list[str]:
    return [
        f"length({domain}) <= {_LABEL_CHARS_MAX}",
        f"{domain} GLOB '[A-Za-z0-9]*'",
        f"{domain} GLOB '*[A-Za-z0-9]'",
        f"{domain} NOT GLOB '*[^A-Za-z0-9.-]*'",
        *(f"instr({domain}, '{pair}') = 0" for pair in ("..", ".-", "-.")),
    ]


def _admitted(new: DomainField, *spellings: str) -> list[str]:
    """Its domain, in any of these spellings, is in the list of allowed ones, or in no other."""
    conditions = []
    lists = ((new.only_domains, "IN", " OR "), (new.except_domains, "NOT IN", " AND "))
    for domains, operator, join in lists:
        if domains:
            texts = _texts(domain.lower() for domain in domains)
            each = (f"lower({one}) {operator} ({texts})" for one in spellings)
            conditions.append(f"({join.join(each)})")
    return conditions


def _email_fits(new: DomainField, value: str) -> str:
    local = f"substr({value}, 1, instr({value}, '@') - 1)"
    domain = f"substr({value}, instr({value}, '@') + 1)"
    return " AND ".join(
        [
            f"instr({value}, '@') BETWEEN 2 AND {LOCAL_CHARS_MAX + 1}",
            f"{local} NOT GLOB '*[^A-Za-z0-9._%+-]*'",
            f"{local} NOT GLOB '.*'",
            f"{local} NOT GLOB '*.'",
            f"instr({local}, '..') = 0",
            f"instr({domain}, '.') > 0",
            *_domain_fits(domain),
            *_admitted(new, domain),
        ]
    )


def _url_fits(new: DomainField, value: str) -> str:
    """`http://` or `https://`, a host, perhaps a port, and whatever follows in plain ASCII."""
    rest = f"substr({value}, instr({value}, '://') + 3)"
    ends = ", ".join(f"instr({rest} || '{end}', '{end}')" for end in "/?#")
    place = f"substr({rest}, 1, min({ends}) - 1)"
    host = f"substr({place}, 1, instr({place} || ':', ':') - 1)"
    port = f"substr({place}, instr({place} || ':', ':') + 1)"
    whole_port = (
        f"length({port}) BETWEEN 1 AND {_PORT_DIGITS_MAX} AND {port} NOT GLOB '*[^0-9]*'"
        f" AND CAST({port} AS INTEGER) BETWEEN 1 AND {PORT_MAX}"
    )
    return " AND ".join(
        [
            f"({value} GLOB 'http://*' OR {value} GLOB 'https://*')",
            f"length({value}) <= {URL_CHARS_MAX}",
            f"{value} NOT GLOB '*[^!-~]*'",
            f"({place} = {host} OR ({whole_port}))",
            *_domain_fits(host),
            *_admitted(new, host, place),
        ]
    )
